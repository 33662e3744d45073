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


def laid_out(
    grays: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(train images, train labels, test images, test labels) of digits in 17 grays (N, 8, 8),
    enlarged to 20x20 inside 28x28 as MNIST is laid out; a fifth is the test part.
    """
    from PIL import Image

    images = np.zeros((len(grays), 28, 28), np.uint8)
    for image, digit in zip(images, np.minimum(grays * 16.0, 255).astype(np.uint8), strict=True):
        large = Image.fromarray(digit).resize((20, 20), Image.Resampling.BICUBIC)
        image[4:24, 4:24] = np.asarray(large)
    order = stratified_order(labels)
    fifth = math.ceil(len(order) / 5)
    test, train = np.sort(order[:fifth]), np.sort(order[fifth:])
    return images[train], labels[train], images[test], labels[test]


@lru_cache(maxsize=1)
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`laid_out`, of scikit-learn's 1,797 digits. Read from the installed package's file, because
    importing scikit-learn takes a second.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise DatasetError("the bundled digits come with scikit-learn: pip install scikit-learn")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    return laid_out(rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64))
