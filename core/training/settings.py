"""The settings of a training: each stated once, with its default, its range and a word of help.

The command line, the form, the checks and their messages are made from these fields.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RENAMED = {"flags": "upstrokes"}  # settings of runs that were stored under older names
MOST = 16  # numbers in a list
KINDS: dict[str, tuple[type, str]] = {
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "bool": (bool, "true or false"),
    "str": (str, "text"),
}


def setting(
    default: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    group: str,
    help: str = "",
    label: str = "",
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with what people may give: a range, both ends included, or `choices`.

    Its type is one of KINDS, one of them or None, or a tuple of whole numbers, of which some form
    stages.
    """
    stated = {"low": low, "high": high, "choices": choices, "group": group}
    return dataclasses.field(default=default, metadata=stated | {"help": help, "label": label})


def kind_of(field: dataclasses.Field[Any]) -> str:
    """One of KINDS, or a tuple."""
    return str(field.type).removesuffix(" | None")


def allowed(field: dataclasses.Field[Any]) -> str:
    """What may be given, in words."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return f"one of {', '.join(choices)}"
    return "" if low is None else f"{low:.10g} to {high:.10g}"


def hint(field: dataclasses.Field[Any]) -> str:
    """A field's help and, in brackets, its range."""
    words = field.metadata["help"], f"({allowed(field)})" if allowed(field) else ""
    return " ".join(filter(None, words))


def check(field: dataclasses.Field[Any], value: Any) -> None:
    """Raises ValueError naming the field, the value and what is allowed."""
    name, kind, stated, values = field.name, kind_of(field), field.metadata, [value]
    if value is None and kind != field.type:
        return
    if stated["choices"] and value not in stated["choices"]:
        raise ValueError(f"{name}: {value!r} is unknown; choose {allowed(field)}")
    if kind.startswith("tuple"):
        staged = kind.count("tuple") > 1 and isinstance(value, list | tuple)
        stages = value if staged else [value]
        lists = all(isinstance(each, list | tuple) and each for each in (value, *stages))
        values, kind = [*itertools.chain(*stages)] if lists else [], "int"
        if not 0 < len(values) <= MOST:
            raise ValueError(f"{name}: give 1 to {MOST} numbers")
    for each in values:
        like = int | float if kind == "float" else KINDS[kind][0]
        infinite = isinstance(each, float) and not math.isfinite(each)
        if not isinstance(each, like) or infinite or isinstance(each, bool) != (kind == "bool"):
            raise ValueError(f"{name}: {each!r} is not {KINDS[kind][1]}")
        if stated["low"] is not None and not stated["low"] <= each <= stated["high"]:
            raise ValueError(f"{name}: {each} is outside {allowed(field)}")


def from_text(field: dataclasses.Field[Any], text: str) -> Any:
    """A value as people type it: true, 0.5; widths as 32, 64, stages set apart by a slash. Raises
    ValueError naming the field.
    """
    kind, staged = kind_of(field), str(field.type).count("tuple") > 1
    what, words = KINDS.get(kind, (tuple, "a list of whole numbers"))
    try:
        if what is tuple:
            stages = text.split("/") if staged else [text]
            found = [tuple(map(int, stage.replace(",", " ").split())) for stage in stages]
            return tuple(found) if staged else found[0]
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        return what(text)
    except (ValueError, KeyError):
        raise ValueError(f"{field.name}: {text!r} is not {words}") from None


def to_text(value: Any) -> str:
    """Widths as people type them, the reverse of `from_text`."""
    if isinstance(value[0], list | tuple):
        return " / ".join(map(to_text, value))
    return ", ".join(map(str, value))


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained. Raises ValueError naming the field, the value and what is
    allowed.
    """

    epochs: int = setting(5, 1, 10_000, group="training", help="Passes over the training images")
    batch_size: int = setting(64, 1, 65_536, group="training", help="Images a step")
    lr: float = setting(
        1e-3, 1e-8, 10.0, group="training", label="Learning rate", help="Its peak with onecycle"
    )
    optimizer: str = setting("adam", group="training", choices=("adam", "adamw", "sgd"))
    eps: float = setting(1e-8, 1e-12, 1.0, group="advanced", help="Of Adam and AdamW")
    weight_decay: float = setting(
        0.0, 0.0, 1.0, group="training", help="Spares biases and batch norm"
    )
    schedule: str = setting(
        "constant",
        group="training",
        choices=("constant", "onecycle", "cosine", "step", "plateau"),
        help="How the learning rate changes",
    )
    warmup: float = setting(
        0.0, 0.0, 100.0, group="advanced", help="Epochs of linear warm-up; onecycle has its own"
    )
    step_size: int = setting(
        10,
        1,
        10_000,
        group="advanced",
        help="Epochs between steps; with plateau, epochs without a lower validation loss",
    )
    gamma: float = setting(
        0.1, 0.001, 1.0, group="advanced", help="What step and plateau multiply the rate by"
    )
    label_smoothing: float = setting(0.0, 0.0, 0.9, group="training")
    clip: float = setting(
        0.0,
        0.0,
        1000.0,
        group="advanced",
        label="Gradient clipping",
        help="Largest norm of all gradients; 0 does not clip",
    )
    ema: float = setting(
        0.0,
        0.0,
        0.9999,
        group="advanced",
        label="EMA decay",
        help="Of the moving average of the weights, which is then scored and kept; 0: none",
    )
    balance: str = setting(
        "none",
        group="advanced",
        label="Class balance",
        choices=("none", "weights", "sampling"),
        help="weights: rare classes count more in the loss; sampling: they are drawn more often",
    )
    mixup: float = setting(
        0.0, 0.0, 10.0, group="advanced", help="Alpha of mixing two images and labels; 0: none"
    )
    cutmix: float = setting(
        0.0,
        0.0,
        10.0,
        group="advanced",
        label="CutMix",
        help="Alpha of pasting a part of another image, labels mixed by area; 0: none",
    )
    normalisation: str = setting(
        "train",
        group="selection",
        choices=("train", "half", "unit"),
        help="train: its own mean and deviation; half: 0.5 and 0.5; unit: pixels / 255",
    )
    rotation: float = setting(0.0, 0.0, 180.0, group="augmentation", help="Degrees to either side")
    translation: float = setting(
        0.0, 0.0, 0.5, group="augmentation", help="Share of the side, either way"
    )
    scale: float = setting(
        0.0, 0.0, 0.5, group="augmentation", help="Share by which images shrink or grow"
    )
    shear: float = setting(0.0, 0.0, 45.0, group="augmentation", help="Degrees to either side")
    elastic: float = setting(
        0.0,
        0.0,
        0.2,
        group="augmentation",
        help="Share of the side by which parts wander apart, as in a shaky hand",
    )
    stroke: float = setting(
        0.0,
        0.0,
        1.0,
        group="augmentation",
        help="Share of a pixel by which strokes swell or shrink at either edge",
    )
    upstrokes: float = setting(
        0.0,
        0.0,
        1.0,
        group="augmentation",
        help="Share of lone straight strokes that get an upstroke, as a 1 in many hands",
    )
    flip: bool = setting(
        False, group="augmentation", help="Mirror left and right; not for digits and letters"
    )
    erasing: float = setting(
        0.0,
        0.0,
        1.0,
        group="augmentation",
        label="Random erasing",
        help="Probability that a rectangle is blanked",
    )
    validation: float = setting(
        1 / 12,
        0.0,
        0.9,
        group="selection",
        help="Share of the training part held out; 0 trains on everything",
    )
    select: str = setting(
        "last",
        group="selection",
        label="Keep the epoch",
        choices=("last", "best"),
        help="The last one, or the best on validation",
    )
    patience: int = setting(
        0,
        0,
        10_000,
        group="selection",
        label="Early stopping",
        help="Epochs without a lower validation loss after which training ends; 0: never",
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            check(field, getattr(self, field.name))
        for name, value in (
            ("select", self.select == "best"),
            ("patience", self.patience > 0),
            ("schedule", self.schedule == "plateau"),
        ):
            if value and self.validation == 0:
                raise ValueError(
                    f"{name}: {getattr(self, name)!r} needs a validation split to choose on; set "
                    "validation above 0"
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


FIELDS = {field.name: field for field in dataclasses.fields(TrainConfig)}
AUGMENTATION = tuple(
    name for name, field in FIELDS.items() if field.metadata["group"] == "augmentation"
)


def renamed(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings under the names that they have today."""
    return {RENAMED.get(name, name): value for name, value in stored.items()}


def whole(config: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings with the defaults of those that did not exist when they were stored."""
    return {**dataclasses.asdict(TrainConfig()), **renamed(config)}
