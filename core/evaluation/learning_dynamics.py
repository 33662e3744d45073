"""What was learned when: from the predictions of every epoch. Arrays in, indices out; no torch.

`right` is bool (epochs, images), and epochs count from 1. Forgetting after Toneva et al. 2019
(arXiv:1812.05159).
"""

from __future__ import annotations

import numpy as np

OFTEN = 2  # forgotten at least so many times


def events(right: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
    """Indices of the images of each event at `epoch`, of the last one the most often forgotten
    first. In the first epoch all right ones are learned.
    """
    now, times = right[epoch - 1], times_forgotten(right)
    before = right[epoch - 2] if epoch > 1 else np.zeros_like(now)
    often = np.argsort(-times, kind="stable")
    return {
        "Learned": np.flatnonzero(now & ~before),
        "Forgotten": np.flatnonzero(before & ~now),
        "Wrong now": np.flatnonzero(~now),
        "Never learned": np.flatnonzero(~right.any(0)),
        "Forgotten more than once": often[times[often] >= OFTEN],
    }


def times_forgotten(right: np.ndarray) -> np.ndarray:
    """How often each image went from right to wrong, int (N,)."""
    return (right[:-1] & ~right[1:]).sum(0)


def learned_for_good(right: np.ndarray) -> np.ndarray:
    """The epoch from which each image stays right, int (N,); E + 1 when the last has it wrong.

    For what the kept weights have learned, `right` ends with their epoch.
    """
    return len(right) + 1 - np.cumprod(right[::-1], axis=0).sum(0)  # less the last streak
