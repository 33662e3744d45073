"""How good predictions are: small functions of labels (N,) and probs (N, classes)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.evaluation.calibration import expected_calibration_error, reliability_bins
from core.evaluation.uncertainty import wilson_interval


def measure(labels: np.ndarray, probs: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """What metrics.json says of predictions: labels (N,), probs float32 (N, classes)."""
    predicted = probs.argmax(1)
    counts = confusion(labels, predicted, len(classes))
    right = int(np.diag(counts).sum())
    found = {
        "test_count": len(labels),
        "test_right": right,
        "test_accuracy": accuracy(labels, probs),
        "test_loss": cross_entropy(labels, probs),
        "per_class": per_class(labels, predicted, classes),
        "confusion": counts.tolist(),
        "most_confused": most_confused(counts),
    }
    bins = reliability_bins(predicted == labels, probs.max(1))
    return found | {
        "test_accuracy_interval": list(wilson_interval(right, len(labels))),
        "expected_calibration_error": expected_calibration_error(bins),
        "calibration": bins,
    }


def accuracy(labels: np.ndarray, probs: np.ndarray) -> float:
    """Share of right predictions, 0 to 1."""
    return float(np.mean(probs.argmax(1) == labels))


def cross_entropy(labels: np.ndarray, probs: np.ndarray) -> float:
    """Mean negative log-probability of the true class, in nats."""
    from sklearn.metrics import log_loss

    exact = probs.astype(np.float64)
    exact /= exact.sum(1, keepdims=True)  # float32 rows sum to one only nearly
    return float(log_loss(labels, exact, labels=np.arange(probs.shape[1])))


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts int64 (classes, classes): row = true class, column = predicted class."""
    cells = labels.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def per_class(
    labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support of every class, in the order of `names`.

    A class that was never predicted has precision 0, one that never occurs has recall 0.
    """
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        labels, predicted, labels=np.arange(len(names)), zero_division=0
    )
    return [
        {
            "class": name,
            "precision": float(p),
            "recall": float(r),
            "f1": float(f),
            "support": int(s),
        }
        for name, p, r, f, s in zip(names, *columns, strict=True)
    ]


def macro_mean(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Precision, recall and F1 of `per_class`, each class counting alike."""
    names = ("precision", "recall", "f1")
    return {name: sum(row[name] for row in rows) / len(rows) for name in names}


def most_confused(counts: np.ndarray, limit: int = 10) -> list[tuple[int, int, int]]:
    """(true class, predicted class, count) off the diagonal, most frequent first, without zeros."""
    errors = np.array(counts)
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:limit]
    pairs = [tuple(map(int, np.unravel_index(place, errors.shape))) for place in order]
    return [
        (true, predicted, int(errors[true, predicted]))
        for true, predicted in pairs
        if errors[true, predicted]
    ]
