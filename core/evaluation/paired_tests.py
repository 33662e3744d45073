"""Two runs on the same test images: who reads what right, and whether the difference is real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.evaluation.uncertainty import mcnemar, paired_difference, wilson_interval
from core.training.settings import whole

QUADRANTS = ("Both right", "Only A right", "Only B right", "Both wrong")
CHANCE = 0.05  # below this p-value a difference is called one


@dataclass(frozen=True)
class Comparison:
    """`members` maps each of QUADRANTS to its image indices; shares are 0 to 1, B minus A."""

    count: int
    accuracy_a: float
    accuracy_b: float
    interval_a: tuple[float, float]
    interval_b: tuple[float, float]
    difference: float
    difference_interval: tuple[float, float]
    p_value: float
    members: dict[str, np.ndarray]

    @property
    def gained(self) -> int:
        return len(self.members["Only B right"])

    @property
    def lost(self) -> int:
        return len(self.members["Only A right"])

    def verdict(self, a: str = "A", b: str = "B") -> str:
        """Who is better, if anybody."""
        if self.p_value >= CHANCE:
            some = self.gained + self.lost
            return (
                "No difference can be told" if some else f"{a} and {b} read the same images right"
            )
        return f"{b if self.gained > self.lost else a} is better"

    def reason(self, a: str = "A", b: str = "B") -> str:
        """What the verdict rests on."""
        return (
            f"{b} gains {self.gained:,} and loses {self.lost:,} of {self.count:,} images against "
            f"{a}; a difference this large comes up by chance {frequency(self.p_value)}."
        )


def compare(labels: np.ndarray, predicted_a: np.ndarray, predicted_b: np.ndarray) -> Comparison:
    """Labels (N,) and the predicted classes (N,) of both on the same images.

    Raises ValueError when the lengths differ.
    """
    if not len(labels) == len(predicted_a) == len(predicted_b):
        raise ValueError("the two runs were scored on different numbers of images")
    a, b = predicted_a == labels, predicted_b == labels
    sides = (a & b, a & ~b, ~a & b, ~a & ~b)
    members = {name: np.flatnonzero(side) for name, side in zip(QUADRANTS, sides, strict=True)}
    count, only_a, only_b = len(labels), int(sides[1].sum()), int(sides[2].sum())
    return Comparison(
        count=count,
        accuracy_a=float(a.mean()),
        accuracy_b=float(b.mean()),
        interval_a=wilson_interval(int(a.sum()), count),
        interval_b=wilson_interval(int(b.sum()), count),
        difference=(only_b - only_a) / count,
        difference_interval=paired_difference(only_a, only_b, count),
        p_value=mcnemar(only_a, only_b),
        members=members,
    )


def frequency(p_value: float) -> str:
    """A p-value as a share of tries: "in 34 of 100 tries", "less than once in 10,000 times"."""
    if p_value >= 0.01:
        return f"in {round(100 * p_value)} of 100 tries"
    for tries in (1_000_000, 100_000, 10_000, 1_000):
        if p_value < 1 / tries:
            return f"less than once in {tries:,} times"
    return "less than once in 100 times"


def settings_that_differ(a: dict[str, Any], b: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """Setting -> (value in A, value in B), from two runs' run.json."""

    def flat(info: dict[str, Any]) -> dict[str, object]:
        top = ("recipe", "model", "parameters", "seed", "device", "threads", "precision")
        found = {name: info.get(name) for name in top}
        return found | {**info.get("sizes", {}), **whole(info.get("config", {}))}

    left, right = flat(a), flat(b)
    names = [*left, *(name for name in right if name not in left)]
    return {
        name: (left.get(name), right.get(name))
        for name in names
        if left.get(name) != right.get(name)
    }


def confusion_difference(counts_a: list[list[int]], counts_b: list[list[int]]) -> np.ndarray:
    """Matrix of B minus that of A, int64 (classes, classes). Raises ValueError for unlike sizes."""
    a, b = np.asarray(counts_a), np.asarray(counts_b)
    if a.shape != b.shape:
        raise ValueError(f"matrices of {len(a)} and {len(b)} classes do not compare")
    return b - a
