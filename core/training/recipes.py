"""Recipes: a data set, a network and training settings, frozen, with their source and stated
result.

Everything here is plain data; nothing imports torch, so that pages and the command line list it at
once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from core.training import sizes
from core.training.settings import TrainConfig, renamed


class BadSettings(ValueError):
    """Settings read from a file do not hold; the message names them."""


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
    config: TrainConfig = field(default_factory=TrainConfig)
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
            upstrokes=0.3,
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
    config = TrainConfig(**renamed(info["config"]))
    recipe = Recipe(
        info["recipe"],
        info["title"],
        info["dataset"],
        info["model"],
        info["sizes"],
        TrainConfig(**renamed(info.get("recipe_config", info["config"]))),
        info["source"],
        info["stated"],
        info["notes"],
        tuple(info["assumed"]),
    )
    return recipe, config


def differences(before: TrainConfig, after: TrainConfig) -> dict[str, list[Any]]:
    """Settings that differ: name -> [before, after]."""
    old, new = dataclasses.asdict(before), dataclasses.asdict(after)
    return {key: [old[key], new[key]] for key in old if old[key] != new[key]}
