"""Histories of runs made ready to be drawn: axes, smoothing, seeds folded into a band, and what a
curve says. A history is a list of records, one an epoch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.training.settings import whole

AXES = ("Epoch", "Seconds", "Images seen")
RISE = 0.02  # share of its lowest value by which validation loss must have risen to be told


def values(history: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    """One column float64 (E,), NaN where a record has none."""
    found = [record.get(name) for record in history]
    return np.array([np.nan if value is None else value for value in found], float)


def axis(history: Sequence[Mapping[str, Any]], by: str, images: int) -> np.ndarray:
    """The place (E,) of each record along one of AXES; `images` are those of one epoch.

    Raises ValueError for an unknown axis.
    """
    if by == "Epoch":
        return values(history, "epoch")
    if by == "Seconds":
        return values(history, "total_seconds")
    if by == "Images seen":
        return values(history, "epoch") * images
    raise ValueError(f"axis: {by!r} is unknown; choose one of {', '.join(AXES)}")


def smooth(column: np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average (E,) without the pull of its start, 0 <= weight < 1; a gap (NaN)
    stays one and does not move the mean. Raises ValueError for another weight.
    """
    if not 0 <= weight < 1:
        raise ValueError(f"smoothing: {weight} is not between 0 and 1")
    mean, mass, smoothed = 0.0, 0.0, np.full(len(column), np.nan)
    for place, value in enumerate(column):
        if np.isfinite(value):
            mean = weight * mean + (1 - weight) * value
            mass = weight * mass + (1 - weight)
            smoothed[place] = mean / mass
    return smoothed


def seed_key(info: Mapping[str, Any]) -> str:
    """What runs have in common that differ by nothing but their seed."""
    names = ("recipe", "dataset", "model", "sizes", "start_from", "personal")
    config = whole(info.get("config") or {})
    return json.dumps([config, *(info.get(name) for name in names)], sort_keys=True)


def fold(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean, lowest, highest), each (E,), of columns cut to the shortest. Raises ValueError for
    none.
    """
    if not columns:
        raise ValueError("a band needs at least one run")
    length = min(map(len, columns))
    stacked = np.stack([column[:length] for column in columns])
    return stacked.mean(0), stacked.min(0), stacked.max(0)


def overfitting(history: Sequence[Mapping[str, Any]]) -> str:
    """What the gap between training and validation loss says, in a sentence; "" without
    validation.
    """
    losses = values(history, "validation_loss")
    if len(losses) < 2 or not np.isfinite(losses).all():
        return ""
    best = int(np.argmin(losses))
    epochs = values(history, "epoch").astype(int)
    training = values(history, "train_loss")
    risen = losses[-1] - losses[best] > RISE * losses[best]
    if risen and training[-1] < training[best]:
        return (
            f"Validation loss has risen since epoch {epochs[best]} "
            f"({losses[best]:.4f} to {losses[-1]:.4f}) while training loss fell: overfitting."
        )
    if risen:
        return (
            f"Validation loss has risen since epoch {epochs[best]} "
            f"({losses[best]:.4f} to {losses[-1]:.4f}), but training loss did not fall: "
            "not overfitting, the training lost ground."
        )
    if best == len(losses) - 1:
        return "Validation loss was lowest in the last epoch: it might still have fallen."
    return (
        f"Validation loss was lowest in epoch {epochs[best]} and has stayed within "
        f"{100 * RISE:.0f} % of it: no sign of overfitting."
    )
