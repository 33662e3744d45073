"""The data sets that are known by name, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DIGIT_NAMES = tuple("0123456789")


@dataclass(frozen=True)
class Source:
    """Where a data set comes from: `folder` is also the name of its torchvision class.

    `sha256` are those of the whole set and of its test part as published; other data is refused.
    """

    title: str
    classes: tuple[str, ...]
    folder: str | None = None  # None: bundled, nothing to fetch
    more_mirrors: tuple[str, ...] = ()
    drawn: bool = True  # light strokes on black, centred: drawings are brought to that form
    digits: bool = False  # handwritten, drawn, its classes 0 to 9: numbers are read by them
    sha256: tuple[str, ...] = ()  # none: what lies there is taken as it is


DATASETS = {
    "digits": Source("Digits (bundled)", DIGIT_NAMES, digits=True),
    "mnist": Source(
        "MNIST",
        DIGIT_NAMES,
        "MNIST",
        digits=True,
        sha256=(
            "0fec6ad738bb64f14686545ee5fd38f97cd5a28543d24ae0fbbcf34046d69aee",
            "a78c7f35e8407c8f35cee60971eb0c83fbd413e806e7333da4688fb60820b1d1",
        ),
    ),
    "fashion-mnist": Source(
        "Fashion-MNIST",
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        "FashionMNIST",
        ("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",),
        drawn=False,
        sha256=(
            "fc073a5ace60447b2ac1b89976c2094011be582b9aef686adf48f708d78357ab",
            "1bb0bb309d12f1cad58c37b1ac72e810e003b99b458b9e180ec1bbf9b421c11e",
        ),
    ),
    "kmnist": Source(
        "Kuzushiji-MNIST",
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        "KMNIST",
    ),
}


def known(info: Mapping[str, Any]) -> Source:
    """What is known of the data set that a run's `info` names; a set that is not here, or has
    other classes under a name from here, is neither drawn nor digits.
    """
    name, classes = info["dataset"], tuple(info["classes"])
    found = DATASETS.get(name)
    return found if found and found.classes == classes else Source(name, classes, drawn=False)


def find(name: str) -> Source:
    if name not in DATASETS:
        raise ValueError(f"unknown data set {name!r}: choose one of {', '.join(DATASETS)}")
    return DATASETS[name]
