"""What a training sees, and what it leaves beside the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data.datasets import Dataset, Split
from core.training.settings import TrainConfig


class Diverged(ArithmeticError):
    """The loss became infinite or not a number, in `epoch`."""

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message)
        self.epoch = epoch


@dataclass(frozen=True)
class TrainingData:
    """What training sees: `fit` to learn from, `validation` to choose on, `shown` only to be
    scored.

    `mean` and `std` are those the network's input is normalised with, per channel.
    """

    fit: Split
    validation: Split
    shown: Split
    mean: Sequence[float]
    std: Sequence[float]

    @classmethod
    def of(cls, dataset: Dataset, config: TrainConfig) -> TrainingData:
        """A data set held out and normalised as the settings say."""
        moments = config.moments(dataset.mean, dataset.std)
        return cls(*dataset.holdout(config.validation), dataset.test, *moments)

    def check_batch(self, batch_size: int) -> None:
        """Raises ValueError when a batch is larger than the data."""
        if batch_size > len(self.fit):
            raise ValueError(
                f"batch_size: {batch_size} is more than the {len(self.fit)} training images"
            )


@dataclass
class Trained:
    """What training leaves beside the weights: one record an epoch and the kept epoch's number.

    `shown_classes` and `shown_confidences` hold, for each epoch, the predicted class and its
    probability in 1/255 of the `shown` split, uint8 (N,).
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    kept_epoch: int = 0
    shown_classes: list[Tensor] = field(default_factory=list)
    shown_confidences: list[Tensor] = field(default_factory=list)

    def outcome(self) -> dict[str, Any]:
        """What metrics.json says of the training itself."""
        kept = self.history[self.kept_epoch - 1] if self.history else {}
        return {
            "kept_epoch": self.kept_epoch,
            "epochs": len(self.history),
            "validation_accuracy": kept.get("validation_accuracy"),
            "validation_loss": kept.get("validation_loss"),
            "training_seconds": sum(record["seconds"] for record in self.history),
            "total_seconds": self.history[-1]["total_seconds"] if self.history else 0.0,
        }

    def predictions(self, count: int) -> dict[str, np.ndarray]:
        """`epoch_classes` and `epoch_confidences` uint8 (E, count), also of no epoch at all."""
        found = {"epoch_classes": self.shown_classes, "epoch_confidences": self.shown_confidences}
        none = np.empty((0, count), np.uint8)
        return {name: torch.stack(rows).numpy() if rows else none for name, rows in found.items()}

    def to_dict(self) -> dict[str, Any]:
        """As a checkpoint holds it; the lists as one tensor each, which is written much faster."""
        names = ("shown_classes", "shown_confidences")
        stacked = {name: torch.stack(getattr(self, name)) for name in names if getattr(self, name)}
        return {**vars(self), "history": list(self.history), **stacked}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Trained:
        """The reverse of `to_dict`."""
        names = ("shown_classes", "shown_confidences")
        return cls(**{**saved, **{name: list(saved[name]) for name in names}})
