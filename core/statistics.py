"""How sure a number is: intervals and calibration. Arrays in, small results out; SciPy does the
formulas.
"""

from __future__ import annotations

import numpy as np


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927), as (low, high) in 0 to 1.

    Raises ValueError unless 0 <= right <= count and count > 0.
    """
    from scipy.stats import binomtest

    if count <= 0 or not 0 <= right <= count:
        raise ValueError(f"{right} of {count} is not a share")
    interval = binomtest(right, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def calibration(labels: np.ndarray, probs: np.ndarray, bins: int = 15) -> list[dict[str, float]]:
    """Equal-width bins of confidence, each with its count, mean confidence and accuracy; empty ones
    left out.

    `low` and `high` bound a bin; a confidence on a bound belongs to the bin below it.
    """
    confidence = probs.max(1).astype(np.float64)
    right = probs.argmax(1) == labels
    edges = np.linspace(0, 1, bins + 1)
    member = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    return [
        {
            "low": float(edges[index]),
            "high": float(edges[index + 1]),
            "count": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
        }
        for index in range(bins)
        if (inside := member == index).any()
    ]


def expected_calibration_error(bins: list[dict[str, float]]) -> float:
    """Mean gap between confidence and accuracy, weighted by count (Guo et al. 2017,
    arXiv:1706.04599).
    """
    total = sum(row["count"] for row in bins)
    return sum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in bins) / total
