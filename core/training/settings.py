"""The settings of a training, checked when they are made."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "onecycle")
NORMALISATIONS = ("train", "half", "unit")
SELECTIONS = ("last", "best")
RENAMED = {"flags": "upstrokes"}  # settings of runs that were stored under older names
AUGMENTATION = (
    "rotation",
    "translation",
    "scale",
    "shear",
    "elastic",
    "stroke",
    "upstrokes",
    "erasing",
    "flip",
)


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
    upstrokes: float = 0.0  # share of lone straight strokes that get one, as a 1 in many hands
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
            ("upstrokes", 0.0, 1.0),
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


def renamed(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings under the names that they have today."""
    return {RENAMED.get(name, name): value for name, value in stored.items()}


def whole(config: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings with the defaults of those that did not exist when they were stored."""
    return {**dataclasses.asdict(TrainConfig()), **renamed(config)}
