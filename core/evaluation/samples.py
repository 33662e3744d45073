"""Which test images to look at: filtered by outcome, class and confidence, and in which order.
Arrays in, indices out; no torch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.evaluation import learning_dynamics
from core.evaluation.uncertainty import as_log_odds, stored_log_odds

OUTCOMES = ("All", "Wrong", "Right")
Stored = Mapping[str, np.ndarray]  # a run's predictions, as `store.Run.predictions` reads them
ORDERS = ("Index", "Highest loss", "Least sure", "Surest", "Smallest margin", "Learned last")


def find(
    stored: Stored,
    *,
    outcome: str = "All",
    true: int | None = None,
    predicted: int | None = None,
    confidence: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
    """Indices (M,) of the images that match, in the order of the test set.

    `true` and `predicted` are class numbers, None for any; `confidence` bounds the probability of
    the answer, both ends included. Raises ValueError for an unknown outcome.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome: {outcome!r} is unknown; choose one of {', '.join(OUTCOMES)}")
    labels, answers = stored["labels"], stored["probs"].argmax(1)
    kept = np.ones(len(labels), bool)
    if outcome != "All":
        kept &= (answers == labels) == (outcome == "Right")
    for wanted, classes in ((true, labels), (predicted, answers)):
        if wanted is not None:
            kept &= classes == wanted
    if confidence != (0.0, 1.0):
        sure, (low, high) = stored_log_odds(stored), as_log_odds(confidence)
        kept &= (sure >= low) & (sure <= high)
    return np.flatnonzero(kept)


def orders(stored: Stored) -> list[str]:
    """Those of ORDERS that a run has: without epochs nothing was learned."""
    epochs = len(stored.get("epoch_classes", ()))
    return [name for name in ORDERS if epochs or name != "Learned last"]


def arrange(indices: np.ndarray, order: str, stored: Stored, kept_epoch: int = 0) -> np.ndarray:
    """The same indices in one of `orders`; of equals the surer mistake has the higher loss, and the
    less sure answer the smaller margin. What still ties stays in the order of the test set.

    `kept_epoch` is whose weights were kept. Raises ValueError for an order that it does not have.
    """
    if order not in orders(stored):
        raise ValueError(f"order: {order!r} is not one of {', '.join(orders(stored))}")
    labels, probs = stored["labels"][indices], stored["probs"][indices].astype(float)
    sure = stored_log_odds(stored)[indices]
    if order == "Index":
        return indices
    if order == "Highest loss":
        sure = np.where(probs.argmax(1) == labels, sure, -sure)
        keys = probs[np.arange(len(indices)), labels]
    elif order == "Smallest margin":
        best = np.partition(probs, -2, axis=1)
        keys = best[:, -1] - best[:, -2]
    elif order == "Learned last":
        right = stored["epoch_classes"][:kept_epoch, indices] == labels
        keys = -learning_dynamics.learned_for_good(right)
    else:
        sure = keys = sure if order == "Least sure" else -sure
    return indices[np.lexsort((sure, keys))]
