"""What was learned when: from the predictions of every epoch. Arrays in, indices out; no torch.

`right` is bool (epochs, images), and epochs count from 1. Forgetting after Toneva et al. 2019
(arXiv:1812.05159).
"""

from __future__ import annotations

import numpy as np

EVENTS = ("Learned", "Forgotten", "Wrong now", "Never learned", "Forgotten more than once")
OFTEN = 2  # forgotten at least so many times


def right_by_epoch(labels: np.ndarray, epoch_classes: np.ndarray) -> np.ndarray:
    """bool (E, N) from labels (N,) and the class predicted at each epoch (E, N)."""
    return epoch_classes == labels


def learned(right: np.ndarray, epoch: int) -> np.ndarray:
    """Indices of the images right at `epoch` and not at the one before; in epoch 1 all right."""
    now = right[epoch - 1]
    return np.flatnonzero(now if epoch == 1 else now & ~right[epoch - 2])


def forgotten(right: np.ndarray, epoch: int) -> np.ndarray:
    """Indices of the images wrong at `epoch` that were right at the one before."""
    if epoch == 1:
        return np.array([], int)
    return np.flatnonzero(right[epoch - 2] & ~right[epoch - 1])


def never(right: np.ndarray) -> np.ndarray:
    """Indices of the images that no epoch read right."""
    return np.flatnonzero(~right.any(0))


def times_forgotten(right: np.ndarray) -> np.ndarray:
    """How often each image went from right to wrong, int (N,)."""
    return (right[:-1] & ~right[1:]).sum(0)


def learned_for_good(right: np.ndarray) -> np.ndarray:
    """The epoch from which each image stays right, int (N,); E + 1 when the last has it wrong."""
    epochs = len(right)
    wrong_last = np.where(
        (~right).any(0), epochs - np.argmax(~right[::-1], axis=0), 0
    )  # the last epoch that had it wrong
    return wrong_last + 1


def images_of(right: np.ndarray, event: str, epoch: int) -> np.ndarray:
    """Indices of the images of one of EVENTS at `epoch`, most often forgotten first where that is
    the question. Raises ValueError for an unknown event.
    """
    if event == "Learned":
        return learned(right, epoch)
    if event == "Forgotten":
        return forgotten(right, epoch)
    if event == "Wrong now":
        return np.flatnonzero(~right[epoch - 1])
    if event == "Never learned":
        return never(right)
    if event == "Forgotten more than once":
        times = times_forgotten(right)
        order = np.argsort(-times, kind="stable")
        return order[times[order] >= OFTEN]
    raise ValueError(f"event: {event!r} is unknown; choose one of {', '.join(EVENTS)}")
