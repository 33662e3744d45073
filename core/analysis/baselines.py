"""What simple methods reach on a data set: the majority class, logistic regression on the pixels,
and the vote of the nearest training images. Computed once a data set and kept.
"""

from __future__ import annotations

import base64
import time
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

from core.data import datasets
from core.evaluation.knn import Points
from core.runs import dataset_cache

KIND = "baselines"
NEIGHBOURS = (1, 3, 5, 7, 9, 11)
STRENGTHS = (0.01, 0.1, 1.0)  # C of the logistic regression: the larger, the freer
ITERATIONS = 300
Part = tuple[np.ndarray, np.ndarray]  # pixels float32 (N, D), labels (N,)
Method = Callable[[Part, Part, np.ndarray], tuple[np.ndarray, str]]


def read(dataset: str, sha256: str) -> dict[str, Any] | None:
    """The stored baselines of the data set with that sha256, or None. Needs neither torch nor
    scikit-learn.

    `rows` holds, in the order of METHODS, `name`, `setting`, `right`, `count`,
    `accuracy` and its Wilson `interval` on the test part, `predicted` and `seconds`.
    """
    return dataset_cache.read(dataset, KIND, sha256)


def predictions(row: dict[str, Any]) -> np.ndarray | None:
    """The class uint8 (T,) that a row of `rows` predicts for each test image; None for rows that
    were stored without, or that do not fit their count.
    """
    found = np.frombuffer(base64.b64decode(row.get("predicted", "")), np.uint8)
    return found if len(found) == row["count"] else None


def save(dataset: datasets.Dataset) -> dict[str, Any]:
    """Compute the baselines on the split that recipes use, and keep them. What there is to choose
    is chosen on the validation images; the test images are only scored.
    """
    from core.training.hardware import environment

    fit, validation = dataset.holdout()
    splits = (fit, validation, dataset.test)
    parts = [(flat(split.images.numpy()), split.labels.numpy()) for split in splits]
    rows = [_row(name, method, *parts) for name, method in METHODS.items()]
    found = {
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256,
        "images": {"fit": len(fit), "validation": len(validation), "test": len(dataset.test)},
        "rows": rows,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        **environment(),
    }
    dataset_cache.write(dataset.name, KIND, found)
    return found


def _row(name: str, method: Method, fit: Part, validation: Part, tested: Part) -> dict[str, Any]:
    from core.evaluation.uncertainty import wilson_interval

    start = time.perf_counter()
    predicted, setting = method(fit, validation, tested[0])
    right, count = int((predicted == tested[1]).sum()), len(tested[1])
    return {
        "name": name,
        "setting": setting,
        "right": right,
        "count": count,
        "accuracy": right / count,
        "interval": list(wilson_interval(right, count)),
        "predicted": base64.b64encode(predicted.astype(np.uint8).tobytes()).decode(),
        "seconds": time.perf_counter() - start,
    }


def majority(fit: Part, validation: Part, asked: np.ndarray) -> tuple[np.ndarray, str]:
    """The most frequent class of the fitted images for every test image, and its number in words.

    Here and below `asked` are pixels float32 (T, D); returned are predictions (T,) and the setting.
    """
    label = int(np.bincount(fit[1]).argmax())
    return np.full(len(asked), label), f"class {label}"


def logistic_regression(fit: Part, validation: Part, asked: np.ndarray) -> tuple[np.ndarray, str]:
    """scikit-learn's, on pixels from 0 to 1, with the C that does best on the validation images."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    fitted = []
    for strength in STRENGTHS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the setting says so
            model = LogisticRegression(C=strength, max_iter=ITERATIONS).fit(*fit)
        fitted.append((model.score(*validation), -strength, model))
    _, negative, best = max(fitted, key=lambda entry: entry[:2])
    steps = int(np.max(best.n_iter_))
    ended = f"stopped after {steps} steps" if steps >= ITERATIONS else f"{steps} steps"
    return best.predict(asked), f"C = {-negative:g}, {ended}"


def nearest_neighbours(fit: Part, validation: Part, asked: np.ndarray) -> tuple[np.ndarray, str]:
    """The majority among the k nearest fitted images by the pixels' Euclidean distance, a tie going
    to the lower class number, with the k that does best on the validation images.
    """
    pixels, labels = fit
    points = Points(pixels)
    known, _ = points.nearest(validation[0], max(NEIGHBOURS))
    scores = {k: (vote(labels[known[:, :k]]) == validation[1]).mean() for k in NEIGHBOURS}
    k = max(NEIGHBOURS, key=lambda number: (scores[number], -number))
    places, _ = points.nearest(asked, k)
    return vote(labels[places]), f"k = {k}"


METHODS = {
    "Majority class": majority,
    "Logistic regression": logistic_regression,
    "Nearest neighbours": nearest_neighbours,
}


def vote(labels: np.ndarray) -> np.ndarray:
    """The most frequent of each row of labels (N, k), the lowest number of those in a tie."""
    counts = np.stack([(labels == label).sum(1) for label in range(labels.max() + 1)], 1)
    return counts.argmax(1)


def flat(images: np.ndarray) -> np.ndarray:
    """uint8 images (N, C, H, W) as pixels float32 (N, C * H * W) from 0 to 1."""
    return images.reshape(len(images), -1).astype(np.float32) / 255
