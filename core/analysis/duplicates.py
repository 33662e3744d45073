"""Test images that also stand among the training images, exactly or nearly. Computed once a data
set and kept; counted and shown, never removed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import numpy as np

from core.analysis.baselines import flat
from core.data import datasets
from core.evaluation.knn import Points
from core.runs import dataset_cache

KIND = "duplicates"
# Distance to the nearest training image as a share of the smaller image's norm. Half of what lies
# between the most alike pair of the bundled digits (0.105; MNIST 0.135): two strokes of two hands
# never come this near, so whatever does is one picture twice.
NEAR = 0.05


def read(dataset: str, sha256: str) -> dict[str, Any] | None:
    """The stored duplicates of the data set with that sha256, or None. Needs no torch.

    `exact` and `near` count test images; `pairs` holds for each of them `test`, `train` (places in
    the two parts), `exact`, `distance` (relative, see NEAR) and the two `labels`, nearest first;
    `within_train` and `within_test` count images that repeat an earlier one of their own part.
    """
    return dataset_cache.read(dataset, KIND, sha256)


def save(dataset: datasets.Dataset) -> dict[str, Any]:
    """Find the duplicates of a data set and keep them."""
    train, test = dataset.train.images.numpy(), dataset.test.images.numpy()
    labels = dataset.train.labels.numpy(), dataset.test.labels.numpy()
    pairs = find(train, test)
    for pair in pairs:
        pair["labels"] = [int(labels[1][pair["test"]]), int(labels[0][pair["train"]])]
    found = {
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256,
        "images": {"train": len(train), "test": len(test)},
        "threshold": NEAR,
        "exact": sum(pair["exact"] for pair in pairs),
        "near": sum(not pair["exact"] for pair in pairs),
        "within_train": len(train) - len(set(_hashes(train))),
        "within_test": len(test) - len(set(_hashes(test))),
        "pairs": pairs,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    dataset_cache.write(dataset.name, KIND, found)
    return found


def find(train: np.ndarray, test: np.ndarray, near: float = NEAR) -> list[dict[str, Any]]:
    """Pairs of a test and a training image, uint8 (N, C, H, W) each, that are equal by hash or lie
    nearer than `near`; one for each test image concerned, nearest first.
    """
    first: dict[bytes, int] = {}
    for place, digest in enumerate(_hashes(train)):
        first.setdefault(digest, place)
    known, asked = flat(train), flat(test)
    places, distances = Points(known).nearest(asked, 1)
    norms = np.minimum(np.linalg.norm(asked, axis=1), np.linalg.norm(known[places[:, 0]], axis=1))
    shares = np.divide(distances[:, 0], norms, out=np.full(len(asked), np.inf), where=norms > 0)
    pairs = []
    for place, digest in enumerate(_hashes(test)):
        equal = first.get(digest)
        if equal is None and shares[place] >= near:
            continue
        pairs.append(
            {
                "test": place,
                "train": int(places[place, 0]) if equal is None else equal,
                "exact": equal is not None,
                "distance": 0.0 if equal is not None else round(float(shares[place]), 6),
            }
        )
    return sorted(pairs, key=lambda pair: (pair["distance"], pair["test"]))


def _hashes(images: np.ndarray) -> list[bytes]:
    return [hashlib.sha256(image).digest() for image in np.ascontiguousarray(images)]
