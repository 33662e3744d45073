"""Slow and plain computations that fast ones are compared with."""

import numpy as np


def brute_force(rows: np.ndarray, query: np.ndarray, k: int) -> list[tuple[float, int]]:
    """(distance, place) of the k nearest rows, one difference at a time."""
    found = []
    for place, row in enumerate(rows.astype(np.float64)):
        found.append((float(np.sqrt(np.sum((row - query.astype(np.float64)) ** 2))), place))
    return sorted(found)[:k]
