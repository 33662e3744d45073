"""Which test images to look at: filtered by outcome, class and confidence, and in which order.
Arrays in, indices out; no torch.
"""

from __future__ import annotations

import numpy as np

OUTCOMES = ("All", "Wrong", "Right")
ORDERS = ("Index", "Highest loss", "Least sure", "Surest", "Smallest margin", "Learned last")


def find(
    labels: np.ndarray,
    probs: np.ndarray,
    *,
    outcome: str = "All",
    true: int | None = None,
    predicted: int | None = None,
    confidence: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
    """Indices (M,) of the images that match, in the order of the test set.

    `labels` is (N,), `probs` (N, classes); `true` and `predicted` are class numbers, None for any;
    `confidence` bounds the probability of the answer, both ends included. Raises ValueError for an
    unknown outcome.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome: {outcome!r} is unknown; choose one of {', '.join(OUTCOMES)}")
    answers = probs.argmax(1)
    kept = np.ones(len(labels), bool)
    if outcome != "All":
        kept &= (answers == labels) == (outcome == "Right")
    if true is not None:
        kept &= labels == true
    if predicted is not None:
        kept &= answers == predicted
    if confidence != (0.0, 1.0):
        sure = probs.max(1).astype(float)
        kept &= (sure >= confidence[0]) & (sure <= confidence[1])
    return np.flatnonzero(kept)


def arrange(
    indices: np.ndarray,
    order: str,
    labels: np.ndarray,
    probs: np.ndarray,
    learned: np.ndarray | None = None,
) -> np.ndarray:
    """The same indices in one of ORDERS; ties stay in the order of the test set.

    `learned` (N,) is the epoch from which each image stays right. Raises ValueError for an unknown
    order, or when "Learned last" is asked without it.
    """
    if order == "Index":
        return indices
    chosen = probs[indices].astype(float)
    if order == "Highest loss":
        keys = chosen[np.arange(len(indices)), labels[indices]]
    elif order == "Least sure":
        keys = chosen.max(1)
    elif order == "Surest":
        keys = -chosen.max(1)
    elif order == "Smallest margin":
        best = np.partition(chosen, -2, axis=1)
        keys = best[:, -1] - best[:, -2]
    elif order == "Learned last" and learned is not None:
        keys = -learned[indices]
    else:
        raise ValueError(f"order: {order!r} is not one of {', '.join(ORDERS)} that this run has")
    return indices[np.argsort(keys, kind="stable")]
