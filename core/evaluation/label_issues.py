"""What several runs say together of the same test images: their vote, and where they all doubt the
label. Arrays in, arrays out; no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Suspects:
    """Images whose label most runs contradict, the clearest first; all arrays (S,).

    `indices` are places in the test set, `predicted` the class that the runs agree on, `runs` how
    many say so with high confidence, `confidence` their mean confidence, 0 to 1.
    """

    indices: np.ndarray
    predicted: np.ndarray
    runs: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)


def vote(probs: Sequence[np.ndarray]) -> np.ndarray:
    """The mean probabilities float32 (N, C) of runs with probs (N, C) each.

    Raises ValueError when there is none or when they do not fit together.
    """
    _check(probs)
    return np.mean([part.astype(np.float32) for part in probs], axis=0)


def suspect_labels(
    labels: np.ndarray, probs: Sequence[np.ndarray], *, confidence: float = 0.9
) -> Suspects:
    """Test images on which more than half of the runs, and two at least, agree on one class other
    than the label, each with `confidence` or more.

    A hint for a person to look at: hard images are among them, and a label is never changed by it.
    `labels` is (N,), `probs` one array (N, C) a run. Raises ValueError when they do not fit.
    """
    _check(probs)
    if len(labels) != len(probs[0]):
        raise ValueError(f"{len(labels)} labels, but probabilities of {len(probs[0])} images")
    if not 0 <= confidence <= 1:
        raise ValueError(f"confidence: {confidence} is outside 0 to 1")
    stacked = np.stack([part.astype(np.float32) for part in probs])  # (R, N, C)
    predicted, sure = stacked.argmax(2), stacked.max(2)
    against = (predicted != labels) & (sure >= np.float32(confidence))  # (R, N)
    classes = stacked.shape[2]
    counts = np.stack([(against & (predicted == c)).sum(0) for c in range(classes)], 1)  # (N, C)
    chosen, agreeing = counts.argmax(1), counts.max(1)
    found = np.flatnonzero(agreeing >= max(2, len(probs) // 2 + 1))
    theirs = against[:, found] & (predicted[:, found] == chosen[found])
    mean = (sure[:, found] * theirs).sum(0) / theirs.sum(0)
    order = np.lexsort((found, -mean, -agreeing[found]))
    found = found[order]
    return Suspects(found, chosen[found], agreeing[found], mean[order])


def _check(probs: Sequence[np.ndarray]) -> None:
    shapes = {part.shape for part in probs}
    if not shapes:
        raise ValueError("no run: choose at least one")
    if len(shapes) > 1:
        listed = ", ".join(str(part.shape) for part in probs)
        raise ValueError(f"probabilities of different test sets: {listed}")
