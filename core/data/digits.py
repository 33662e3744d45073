"""The bundled digits and the fixed stratified order that all splits are cut from. Called by
datasets.py.
"""

from __future__ import annotations

import gzip
import importlib.util
import math
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.data.fetch import DatasetError


def stratified_order(labels: np.ndarray) -> np.ndarray:
    """A fixed order of all indices (N,) in which every prefix holds each class in its share.

    A smaller prefix is always contained in a larger one, so a split grows without reshuffling.
    """
    rng = np.random.RandomState(0)  # its stream is frozen by NumPy's policy, unlike default_rng
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        place[members] = (np.arange(len(members)) + rng.uniform()) / len(members)
    return np.argsort(place, kind="stable")


@lru_cache(maxsize=1)
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(train images, train labels, test images, test labels) of scikit-learn's 1,797 digits (8x8,
    17 grays), enlarged to 20x20 inside 28x28 as MNIST is laid out.

    Read from the installed package's file, because importing scikit-learn takes a second.
    """
    from PIL import Image

    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise DatasetError("the bundled digits come with scikit-learn: pip install scikit-learn")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    small = np.minimum(rows[:, :-1].reshape(-1, 8, 8) * np.uint16(16), 255).astype(np.uint8)
    images = np.zeros((len(rows), 28, 28), np.uint8)
    for image, digit in zip(images, small, strict=True):
        large = Image.fromarray(digit).resize((20, 20), Image.Resampling.BICUBIC)
        image[4:24, 4:24] = np.asarray(large)
    labels = rows[:, -1].astype(np.int64)
    order = stratified_order(labels)
    fifth = math.ceil(len(order) / 5)
    test, train = np.sort(order[:fifth]), np.sort(order[fifth:])
    return images[train], labels[train], images[test], labels[test]
