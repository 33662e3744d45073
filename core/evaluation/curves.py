"""Histories of runs made ready to be drawn: axes, smoothing, seeds folded into a band, and what a
curve says. A history is a list of records, one an epoch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.evaluation.uncertainty import ALPHA, percent
from core.training.settings import whole

AXES = ("Epoch", "Seconds", "Images seen")
OF_TRAINING = {"learning rate": "lr", "gradient norm": "gradient_norm"}  # columns without a part
FEW, MANY = 8, 200  # epochs: below, nothing tells chance from a trend; above, more add little
LEVEL = 0.1  # share of its lowest value by which a loss may rise and still be called level


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
    names = ("recipe", "dataset", "dataset_sha256", "model", "sizes", "start_from", "personal")
    config = whole(info.get("config") or {})
    return json.dumps([config, *(info.get(name) for name in names)], sort_keys=True)


def fold(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean, lowest, highest), each (E,), of columns cut to the shortest; ValueError for none."""
    if not columns:
        raise ValueError("a band needs at least one run")
    length = min(map(len, columns))
    stacked = np.stack([column[:length] for column in columns])
    return stacked.mean(0), stacked.min(0), stacked.max(0)


@dataclass(frozen=True)
class Trend:
    """Where validation loss was lowest and how it ended; `noise` is the standard error of one value
    over images and over neighbouring epochs, None where it is not known.

    `p_value` says how often an end so far above the lowest (or, where the last is the lowest, so
    far below those before) comes up by chance.
    """

    epochs: int
    epoch: int
    lowest: float
    last: float
    highest_since: float
    training_fell: bool
    noise: float | None
    p_value: float

    @property
    def verdict(self) -> str:
        """overfitting, lost ground, still falling, level, or cannot be told."""
        if self.noise is not None and self.p_value < ALPHA:
            risen = "overfitting" if self.training_fell else "lost ground"
            return "still falling" if self.fell else risen
        level = not self.fell and self.highest_since <= (1 + LEVEL) * self.lowest
        return "level" if level and self.noise is not None else "cannot be told"

    @property
    def fell(self) -> bool:
        return self.last == self.lowest

    @property
    def sentence(self) -> str:
        lowest, verdict = f"Validation loss was lowest in epoch {self.epoch}", self.verdict
        lowest += f" ({self.lowest:.4f})"
        if verdict == "still falling":
            return f"Validation loss fell to the end, to {self.last:.4f}: more epochs may help."
        if verdict == "level":
            higher = percent(self.highest_since / self.lowest - 1 if self.lowest else 0.0, 1)
            return f"{lowest} and has stayed within {higher} of it: no sign of overfitting."
        if verdict != "cannot be told":
            fell = "while training loss fell" if self.training_fell else "and so did training loss"
            rose = f"rose to {self.last:.4f}, more than chance explains"
            return f"{lowest} and {rose}, {fell}: {verdict}."
        noise = f"in {self.epochs} epochs nothing tells a trend from chance"
        if self.noise is not None:
            noise = f"one value is unsure by {self.noise:.4f}"
        end = "the last" if self.fell else f"and ended at {self.last:.4f}"
        asked = "it would have fallen further" if self.fell else "the network overfits"
        return f"{lowest}, {end}, and {noise}: whether {asked} cannot be told."


def trend(history: Sequence[Mapping[str, Any]], over_images: float | None) -> Trend | None:
    """What the validation loss of a history says; None without one. `over_images` is its standard
    error over the validation images, where that is known.
    """
    losses = values(history, "validation_loss")
    if len(losses) < 2 or not np.isfinite(losses).all():
        return None
    best, noise, p_value = int(np.argmin(losses)), None, 1.0
    if over_images is not None and len(losses) >= FEW:
        late, rng = losses[len(losses) // 3 :], np.random.default_rng(0)
        over_epochs = _unrest(late)
        noise = math.hypot(over_images, over_epochs)
        size = 4000, min(len(losses), MANY)
        drawn = over_epochs * rng.standard_t(len(late) - 3, size)
        if best < len(losses) - 1:
            found, by_chance = losses[-1] - losses[best], drawn[:, -1] - drawn.min(1)
        else:
            before = slice(-1 - size[1] // 4, -1)
            found = losses[before].mean() - losses[-1]
            by_chance = drawn[:, before].mean(1) - drawn[:, -1]
        by_chance += over_images * rng.standard_normal(len(by_chance))  # alike in every epoch
        p_value = float((by_chance >= found).mean())
    training = values(history, "train_loss")
    return Trend(
        epochs=len(losses),
        epoch=int(values(history, "epoch")[best]),
        lowest=float(losses[best]),
        last=float(losses[-1]),
        highest_since=float(losses[best:].max()),
        training_fell=bool(training[-1] < training[best]),
        noise=noise,
        p_value=p_value,
    )


def _unrest(losses: np.ndarray) -> float:
    """Standard deviation of values (E,), four or more, round a parabola."""
    place = np.arange(len(losses))
    left = losses - np.polyval(np.polyfit(place, losses, 2), place)
    return float(np.sqrt((left**2).sum() / (len(losses) - 3)))
