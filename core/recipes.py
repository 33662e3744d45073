"""Recipes: a data set, a network and training settings, frozen, with their source and stated
result.

Everything here is plain data; nothing imports torch, so that pages and the command line list it at
once.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from core import sizes

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "onecycle")
NORMALISATIONS = ("train", "half", "unit")
SELECTIONS = ("last", "best")


class BadSettings(ValueError):
    """Settings read from a file do not hold; the message names them."""


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained. Raises ValueError naming the field, the value and what is
    allowed.
    """

    epochs: int = 5
    batch_size: int = 64
    lr: float = 1e-3  # the peak, when the schedule is onecycle
    optimizer: str = "adam"
    eps: float = 1e-8  # of Adam and AdamW
    weight_decay: float = 0.0
    schedule: str = "constant"
    label_smoothing: float = 0.0
    normalisation: str = "train"  # train: its mean and std; half: 0.5 and 0.5; unit: pixels / 255
    rotation: float = 0.0  # degrees to either side
    translation: float = 0.0  # share of the side, either way
    scale: float = 0.0  # share by which images shrink or grow
    shear: float = 0.0  # degrees to either side
    elastic: float = 0.0  # share of the side by which parts wander apart, as in a shaky hand
    stroke: float = 0.0  # share of a pixel by which strokes swell or shrink at either edge
    flags: float = 0.0  # share of lone straight strokes that get an upstroke, as a 1 in many hands
    flip: bool = False  # mirror left and right with probability 1/2
    erasing: float = 0.0  # probability that a rectangle is blanked
    validation: float = 1 / 12  # share of the training part held out
    select: str = "last"  # which epoch's weights are kept: the last, or the best on validation

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 1, 10_000),
            ("batch_size", 1, 65_536),
            ("lr", 1e-8, 10.0),
            ("eps", 1e-12, 1.0),
            ("weight_decay", 0.0, 1.0),
            ("label_smoothing", 0.0, 0.9),
            ("rotation", 0.0, 180.0),
            ("translation", 0.0, 0.5),
            ("scale", 0.0, 0.5),
            ("shear", 0.0, 45.0),
            ("elastic", 0.0, 0.2),
            ("stroke", 0.0, 1.0),
            ("flags", 0.0, 1.0),
            ("erasing", 0.0, 1.0),
            ("validation", 0.0, 0.9),
        ):
            value = getattr(self, name)
            whole = isinstance(low, int)
            kind = int if whole else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value):
                raise ValueError(f"{name}: {value!r} is not a {'whole ' if whole else ''}number")
            if not low <= value <= high:
                raise ValueError(f"{name}: {value} is outside {low:g} to {high:g}")
        for name, allowed in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("normalisation", NORMALISATIONS),
            ("select", SELECTIONS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name}: {getattr(self, name)!r} is unknown; "
                    f"choose one of {', '.join(allowed)}"
                )
        if self.select == "best" and self.validation == 0:
            raise ValueError(
                "select: 'best' needs a validation split to choose on; set validation above 0 "
                "or select to 'last'"
            )

    def replace(self, **changes: Any) -> TrainConfig:
        """A changed copy. Without validation the last epoch is kept: nothing is left to choose
        on.
        """
        if changes.get("validation") == 0:
            changes.setdefault("select", "last")
        return dataclasses.replace(self, **changes)

    def moments(
        self, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, std) per channel that this normalisation subtracts and divides by."""
        channels = len(mean)
        return {
            "train": (mean, std),
            "half": ((0.5,) * channels, (0.5,) * channels),
            "unit": ((0.0,) * channels, (1.0,) * channels),
        }[self.normalisation]


def whole(config: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings with the defaults of those that did not exist when they were stored."""
    return {**dataclasses.asdict(TrainConfig()), **config}


@dataclass(frozen=True)
class Recipe:
    """What to train and how; `assumed` names the settings that the source leaves to its
    framework.
    """

    name: str
    title: str
    dataset: str
    model: str
    sizes: Mapping[str, Any] = field(default_factory=dict)
    config: TrainConfig = TrainConfig()
    source: str = ""
    stated: str | None = None  # the author's result, in the author's terms
    notes: str = ""
    assumed: tuple[str, ...] = ()
    house: bool = False  # ours, not an original project's

    def __post_init__(self) -> None:
        sizes.check(self.model, self.sizes)
        frozen = {name: _frozen(value) for name, value in self.sizes.items()}
        object.__setattr__(self, "sizes", MappingProxyType(frozen))


def _frozen(value: Any) -> Any:
    """Lists, as JSON gives them back, become tuples."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


_KERAS = TrainConfig(epochs=5, batch_size=32, eps=1e-7, normalisation="unit")

_ALL = (
    Recipe(
        "digits-cnn",
        "Small CNN on the bundled digits",
        "digits",
        "house",
        {"stages": ((16, 32), (48, 48), (64,)), "dropout": 0.2},
        TrainConfig(
            epochs=40,
            lr=6e-3,
            schedule="onecycle",
            weight_decay=1e-4,
            optimizer="adamw",
            rotation=15,
            translation=0.1,
            scale=0.25,
            shear=20,
            select="best",
        ),
        source="Lightbox: trains in seconds, needs no download",
        house=True,
        notes="The augmentation was chosen on MNIST's training images, of which a network that has "
        "seen only these digits should read as many as possible.",
    ),
    Recipe(
        "mnist-mlp",
        "MLP 784-128-64-10",
        "mnist",
        "mlp",
        {"hidden": (128, 64)},
        TrainConfig(epochs=5),
        source="Student project, PyTorch: a multilayer perceptron on MNIST",
        stated="96.68 % test",
        notes="The original ends in a softmax before cross-entropy; this network returns logits "
        "and the softmax is taken at prediction.",
        assumed=("Adam betas and eps",),
    ),
    Recipe(
        "mnist-cnn-bn",
        "CNN with batch norm and augmentation",
        "mnist",
        "cnn",
        {"batch_norm": True, "dropout": 0.25, "dense_dropout": 0.5},
        TrainConfig(epochs=10, rotation=10, translation=0.1),
        source="Student project, PyTorch: a batch-norm CNN on MNIST with augmentation",
        notes="Each image has its own rotation and shift, interpolated bilinearly in one step.",
        assumed=("Adam betas and eps", "batch-norm momentum and eps"),
    ),
    Recipe(
        "mnist-cnn-keras",
        "Keras CNN, dense 64",
        "mnist",
        "cnn",
        {"padding": 0, "dense": 64, "glorot": True},
        _KERAS,
        source="Student project, Keras: a small CNN on MNIST",
        stated="over 98 %",
        notes="The original has its softmax inside the model; this network returns logits "
        "and the softmax is taken at prediction.",
        assumed=("Adam: Keras defaults, eps 1e-7", "Glorot-uniform start, zero biases"),
    ),
    Recipe(
        "mnist-cnn-128",
        "Keras CNN, dense 128",
        "mnist",
        "cnn",
        {"padding": 0, "dense": 128, "glorot": True},
        _KERAS,
        source="Student project, Keras: a CNN on MNIST with 128 dense units",
        stated="98.86 % after the fifth epoch",
        notes="The original has its softmax inside the model; this network returns logits "
        "and the softmax is taken at prediction.",
        assumed=("Adam: Keras defaults, eps 1e-7", "Glorot-uniform start, zero biases"),
    ),
    Recipe(
        "fashion-cnn",
        "CNN on Fashion-MNIST",
        "fashion-mnist",
        "cnn",
        {"dropout": 0.5},
        TrainConfig(epochs=10, normalisation="half"),
        source="Student project, PyTorch: a CNN on Fashion-MNIST with report and 25-image grid",
        assumed=("dropout 0.5", "Adam betas and eps"),
    ),
    Recipe(
        "mnist-house",
        "House CNN on MNIST",
        "mnist",
        "house",
        {"stages": ((24, 48), (72, 96), (96, 128))},
        TrainConfig(
            epochs=24,
            batch_size=128,
            lr=1e-2,
            optimizer="adamw",
            weight_decay=1e-2,
            schedule="onecycle",
            label_smoothing=0.05,
            rotation=18,
            translation=0.1,
            scale=0.12,
            shear=12,
            flags=0.3,
            select="best",
        ),
        source="Lightbox: reads what MNIST's writers did not leave",
        house=True,
        notes="Its augmentation is made for other people's handwriting: wide turns and slants, and "
        "an upstroke on three ones in ten, as much of Europe writes them. It was chosen on the "
        "validation images and on handwriting fonts.",
    ),
    Recipe(
        "fashion-house",
        "House CNN on Fashion-MNIST",
        "fashion-mnist",
        "house",
        {"stages": ((32, 64), (96, 96), (128,)), "dropout": 0.2},
        TrainConfig(
            epochs=24,
            batch_size=128,
            lr=6e-3,
            optimizer="adamw",
            weight_decay=2e-2,
            schedule="onecycle",
            translation=0.07,
            flip=True,
            erasing=0.2,
            select="best",
        ),
        source="Lightbox: accuracy per second on two cores",
        house=True,
    ),
)

RECIPES = {recipe.name: recipe for recipe in _ALL}


def get(name: str) -> Recipe:
    """The recipe of that name; ValueError lists the known ones."""
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def describe(recipe: Recipe, config: TrainConfig) -> dict[str, Any]:
    """A recipe and the settings it is run with, as plain JSON: the first half of run.json."""
    return {
        "recipe": recipe.name,
        "title": recipe.title,
        "dataset": recipe.dataset,
        "model": recipe.model,
        "sizes": dict(recipe.sizes),
        "config": dataclasses.asdict(config),
        "recipe_config": dataclasses.asdict(recipe.config),
        "source": recipe.source,
        "stated": recipe.stated,
        "notes": recipe.notes,
        "assumed": list(recipe.assumed),
    }


def from_description(info: Mapping[str, Any]) -> tuple[Recipe, TrainConfig]:
    """The recipe and the settings that `describe` wrote down; a person may have edited them since.

    Raises BadSettings.
    """
    try:
        return _described(info)
    except (ValueError, TypeError, KeyError) as error:
        raise BadSettings(
            f"the settings of {info.get('id', 'this request')} do not hold: {error}"
        ) from error


def _described(info: Mapping[str, Any]) -> tuple[Recipe, TrainConfig]:
    config = TrainConfig(**info["config"])
    recipe = Recipe(
        info["recipe"],
        info["title"],
        info["dataset"],
        info["model"],
        info["sizes"],
        TrainConfig(**info.get("recipe_config", info["config"])),
        info["source"],
        info["stated"],
        info["notes"],
        tuple(info["assumed"]),
    )
    return recipe, config


def differences(before: TrainConfig, after: TrainConfig) -> dict[str, list]:
    """Settings that differ: name -> [before, after]."""
    old, new = dataclasses.asdict(before), dataclasses.asdict(after)
    return {key: [old[key], new[key]] for key in old if old[key] != new[key]}
