"""Synthetic data, a tiny trained run that serves every test, and folders of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.data import datasets
from core.jobs import experiment
from core.runs import store
from core.training import recipes
from tests.helpers.browsing import browser, page, served_root, server, training_app  # noqa: F401

ROOT = Path(__file__).parent.parent
REAL_DATA = ROOT / "data"


def synthetic(
    channels: int = 1, side: int = 28, classes: int = 10, train: int = 600, test: int = 120
) -> datasets.Dataset:
    """Blurry blobs, one place and colour a class: a small network learns them within an epoch."""
    rng = np.random.RandomState(7)
    ys, xs = np.mgrid[:side, :side] / side

    def part(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count) % classes
        angle = 2 * np.pi * labels / classes
        centre_x, centre_y = 0.5 + 0.3 * np.cos(angle), 0.5 + 0.3 * np.sin(angle)
        distance = (xs - centre_x[:, None, None]) ** 2 + (ys - centre_y[:, None, None]) ** 2
        blob = 220 * np.exp(-distance / 0.02)
        tint = 1 - 0.5 * ((labels[:, None] + np.arange(channels)) % 3) / 2
        noise = rng.uniform(0, 30, (count, channels, side, side))
        images = blob[:, None] * tint[:, :, None, None] + noise
        return images.astype(np.uint8), labels

    names = tuple(f"class {index}" for index in range(classes))
    return datasets.from_arrays("synthetic", *part(train), *part(test), names)


TINY = recipes.get("digits-cnn").config.replace(epochs=2, batch_size=64)


@pytest.fixture(scope="session")
def gray() -> datasets.Dataset:
    return synthetic()


@pytest.fixture(scope="session")
def rgb() -> datasets.Dataset:
    return synthetic(channels=3, side=32, classes=7, train=420, test=70)


@pytest.fixture(scope="session")
def trained_root(tmp_path_factory) -> Path:
    """An artifacts folder with one run of two epochs on the bundled digits."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIGHTBOX_ARTIFACTS", str(root))
        experiment.run(
            recipes.get("digits-cnn"), config=TINY, precision="float32", threads=1, name="Tiny"
        )
    return root


@pytest.fixture
def artifacts(tmp_path, monkeypatch) -> Path:
    """An empty artifacts folder for one test."""
    root = tmp_path / "artifacts"
    root.mkdir()
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(root))
    return root


@pytest.fixture
def tiny(trained_root, artifacts) -> store.Run:
    """The tiny run, copied into this test's own artifacts folder."""
    source = next(trained_root.iterdir())
    shutil.copytree(source, artifacts / source.name)
    return store.load(source.name)


@pytest.fixture
def no_data(tmp_path, monkeypatch) -> Path:
    """A data folder in which nothing lies."""
    folder = tmp_path / "data"
    monkeypatch.setenv("LIGHTBOX_DATA", str(folder))
    return folder


@pytest.fixture
def real_data(monkeypatch) -> Path:
    """The real sets, or a skip that says what is missing."""
    for name in ("MNIST", "FashionMNIST"):
        if not (REAL_DATA / name / "raw").is_dir():
            pytest.skip(f"{REAL_DATA / name} is not here: python -m core fetch downloads it")
    monkeypatch.setenv("LIGHTBOX_DATA", str(REAL_DATA))
    return REAL_DATA
