"""What a training sees, and what it leaves beside the weights."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.data.datasets import Dataset, Split
from core.training.distributed import is_lost
from core.training.settings import TrainConfig


class Diverged(ArithmeticError):
    """Loss or weights became infinite or not a number, in `epoch`."""

    def __init__(self, what: str, epoch: int, lr: float) -> None:
        super().__init__(f"the {what} in epoch {epoch}: try a smaller learning rate than {lr:g}")
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
    """What training leaves beside the weights: one record an epoch and the kept epoch's number."""

    history: list[dict[str, Any]] = field(default_factory=list)
    kept_epoch: int = 0

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

    def to_dict(self) -> dict[str, Any]:
        """As a checkpoint holds it."""
        return {"history": list(self.history), "kept_epoch": self.kept_epoch}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Trained:
        """The reverse of `to_dict`."""
        return cls(list(saved["history"]), saved["kept_epoch"])


def explain(error: BaseException) -> str:
    """An error of a training as a sentence that says what to do."""
    text = str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "Disk full: free some space, then resume; the last checkpoint is whole."
    memory = isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text
    if isinstance(error, RuntimeError) and is_lost(error):
        return "A process that trained along ended; Resume goes on from the last epoch."
    if memory:
        return "Ran out of memory: take a smaller batch or a smaller model."
    if type(error).__module__.startswith("core."):
        return text[:1].upper() + text[1:]
    return f"Failed with {type(error).__name__}: {text[:300]}"
