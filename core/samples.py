"""Which test images to look at: filtered by verdict and class. Arrays in, indices out; no torch."""

from __future__ import annotations

import numpy as np

VERDICTS = ("All", "Wrong", "Right")


def find(
    labels: np.ndarray,
    probs: np.ndarray,
    *,
    verdict: str = "All",
    true: int | None = None,
    said: int | None = None,
) -> np.ndarray:
    """Indices (M,) of the images that match, in the order of the test set.

    `labels` is (N,), `probs` (N, classes); `true` and `said` are class numbers, None for any.
    Raises ValueError for an unknown verdict.
    """
    if verdict not in VERDICTS:
        raise ValueError(f"verdict: {verdict!r} is unknown; choose one of {', '.join(VERDICTS)}")
    predicted = probs.argmax(1)
    kept = np.ones(len(labels), bool)
    if verdict != "All":
        kept &= (predicted == labels) == (verdict == "Right")
    if true is not None:
        kept &= labels == true
    if said is not None:
        kept &= predicted == said
    return np.flatnonzero(kept)
