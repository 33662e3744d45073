"""The nearest training images of a run, in its last hidden layer.

Those of the test images are computed once and stored, so that pages need neither torch nor the
network for them; other images, such as drawings, are looked up in an Index.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.analysis import ood
from core.data import datasets
from core.evaluation.knn import Points
from core.runs import files, store

if TYPE_CHECKING:
    from torch import nn

NEIGHBOURS, CACHE, FEATURES = "neighbours.npz", "cache", "features.npz"
COUNT = 5  # neighbours kept of each test image
PART = 4096  # images between two words about the progress
HALF_MAX = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Found:
    """For each query its nearest training images, nearest first: their places in the training part
    int64 (N, k), their labels int64 (N, k), and Euclidean distances float32 (N, k).
    """

    indices: np.ndarray
    labels: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class Stored(Found):
    """The neighbours of a run's test images.

    `test_limit` and `validation_limit`: the distance to the nearest training image that 99 % of the
    test (validation) images stay under; None without a validation split.
    """

    test_limit: float
    validation_limit: float | None

    @property
    def limit(self) -> float:
        """The distance beyond which an image is called unlike anything in training.

        Taken from the validation images, which were not trained on either, so that the test set
        sets no threshold; only a run without any uses its test images.
        """
        return self.test_limit if self.validation_limit is None else self.validation_limit


@dataclass(frozen=True)
class Index:
    """The images that a run was fitted to, as points in its last hidden layer: `features` float16
    (M, D), their places in the training part and labels (M,).
    """

    features: np.ndarray
    indices: np.ndarray
    labels: np.ndarray

    def nearest(self, queries: np.ndarray, k: int = COUNT) -> Found:
        """The k nearest of every query (N, D), by exact comparison with all; equal distances in the
        order of the training part. Raises ValueError for another D, or k out of range.
        """
        if queries.ndim != 2 or queries.shape[1] != self.features.shape[1]:
            raise ValueError(f"queries {queries.shape} do not fit {self.features.shape} features")
        if not 1 <= k <= len(self.features):
            raise ValueError(f"k: {k} is outside 1 to {len(self.features)}")
        places, distances = self._points.nearest(queries, k)
        return Found(self.indices[places].astype(np.int64), self.labels[places], distances)

    @cached_property
    def _points(self) -> Points:
        return Points(self.features)


def read(run: store.Run) -> Stored | None:
    """The stored neighbours of a run's test images, or None when there are none that belong to its
    weights. Needs neither torch nor images.
    """
    stored = _own_arrays(run, run.folder / NEIGHBOURS)
    if stored is None or not _fits(run, stored):
        return None
    validation = float(stored["validation_limit"])
    return Stored(
        stored["indices"].astype(np.int64),
        stored["labels"].astype(np.int64),
        stored["distances"].astype(np.float32),
        float(stored["test_limit"]),
        None if np.isnan(validation) else validation,
    )


def _fits(run: store.Run, stored: dict[str, np.ndarray]) -> bool:
    """Whether places, labels and shapes are those of the run's data set."""
    try:
        images, classes = run.info["images"], len(run.info["classes"])
        places, labels = stored["indices"], stored["labels"]
        shapes = {stored[name].shape for name in ("indices", "labels", "distances")}
        limits = stored["test_limit"].shape, stored["validation_limit"].shape
    except KeyError:
        return False
    integers = places.dtype.kind in "iu" and labels.dtype.kind in "iu"
    if not integers or shapes != {(images["test"], COUNT)} or limits != ((), ()):
        return False
    return (
        0 <= places.min() <= places.max() < images["fit"] + images["validation"]
        and 0 <= labels.min() <= labels.max() < classes
    )


def read_index(run: store.Run) -> Index | None:
    """The cached index of a run, or None before `store` has run here. Needs no torch."""
    stored = _own_arrays(run, run.folder / CACHE / FEATURES)
    return Index(stored["features"], stored["indices"], stored["labels"]) if stored else None


def _own_arrays(run: store.Run, path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a file that was made with the run's present weights, or None."""
    try:
        stored = files.read_arrays(path)
        return stored if str(stored["weights_sha256"]) == store.weights_sha256(run) else None
    except (files.BrokenRun, KeyError):
        return None


def save(
    run_id: str,
    on_progress: Callable[[float], None] = lambda share: None,
    dataset: datasets.Dataset | None = None,
) -> Stored:
    """Compute the neighbours of a run's test images and keep them in its folder, with the features
    of its training images and the means of its classes; `on_progress` hears the share done.

    Raises RunNotFound, BrokenRun, DatasetError, or ValueError when the run is unfinished or the
    data is not what it was.
    """
    from core.analysis import scoring

    run = store.load(run_id)
    model = scoring.load_model(run)
    dataset = dataset or datasets.load(run.info["dataset"])
    known = index(run, model, dataset, on_progress=lambda share: on_progress(0.4 * share))
    _keep_features(run, known)
    _, validation = dataset.holdout(run.info["config"]["validation"])
    images = [dataset.test.images, validation.images]
    queries = np.concatenate([features(run, model, part) for part in images])
    places, distances = Points(known.features).nearest(
        queries, COUNT, on_progress=lambda share: on_progress(0.4 + 0.6 * share)
    )
    count = len(dataset.test)
    limits = [
        np.percentile(part[:, 0], ood.RARE) if len(part) else np.nan
        for part in (distances[:count], distances[count:])
    ]
    files.write_arrays(
        run.folder / NEIGHBOURS,
        indices=known.indices[places[:count]].astype(np.min_scalar_type(len(dataset.train))),
        labels=known.labels[places[:count]].astype(np.min_scalar_type(len(dataset.classes))),
        distances=distances[:count].astype(np.float16),
        test_limit=np.float32(limits[0]),
        validation_limit=np.float32(limits[1]),
        weights_sha256=np.array(store.weights_sha256(run)),
    )
    known_labels = known.labels.astype(np.int64)
    mine = ood.fit(known.features, known_labels, queries[count:], len(dataset.classes))
    ood.write(run, mine)
    found = read(run)
    assert found is not None  # it was just written
    return found


def index(
    run: store.Run,
    model: nn.Sequential,
    dataset: datasets.Dataset | None = None,
    *,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Index:
    """The images that a run was fitted to, in its last hidden layer: read from the run's cache, or
    computed with its `model` where there is none. Raises DatasetError, ValueError.
    """
    kept = read_index(run)
    if kept is not None:
        return kept
    from core.analysis.scoring import check_data

    dataset = dataset or datasets.load(run.info["dataset"])
    check_data(run.info, dataset)
    places, _ = dataset.holdout_places(run.info["config"]["validation"])
    labels = dataset.train.labels.numpy()[places]
    return Index(features(run, model, dataset.train.images, on_progress)[places], places, labels)


def features(
    run: store.Run,
    model: nn.Sequential,
    images: Any,
    on_progress: Callable[[float], None] = lambda share: None,
) -> np.ndarray:
    """What the last hidden layer says of uint8 images (N, C, H, W), array or tensor: float16
    (N, D), the precision in which all are compared and kept.
    """
    import torch

    from core.training.steps import predict_logits

    trunk = model[:-1].eval()  # the layers are shared and in evaluation mode already
    tensor = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images)
    parts = []
    for chunk in tensor.split(PART) if len(tensor) else ():
        parts.append(predict_logits(trunk, chunk, run.info["mean"], run.info["std"]).numpy())
        on_progress(min(1.0, PART * len(parts) / len(tensor)))
    width = next(model[-1].parameters()).shape[1]
    whole = np.concatenate(parts) if parts else np.empty((0, width))
    return np.clip(whole, -HALF_MAX, HALF_MAX).astype(np.float16)


def _keep_features(run: store.Run, known: Index) -> None:
    """15 MB for 60,000 images: a cache, which a read-only or full disk does without."""
    folder = run.folder / CACHE
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        files.write_arrays(
            folder / FEATURES,
            features=known.features,
            indices=known.indices,
            labels=known.labels,
            weights_sha256=np.array(store.weights_sha256(run)),
        )
