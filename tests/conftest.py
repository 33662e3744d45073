"""Made-up data, a tiny trained run that serves every test, and folders of their own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.data import datasets
from core.jobs import experiment
from core.jobs.background_tasks import TASKS
from core.jobs.job import Job
from core.runs import store
from core.training import recipes
from tests.helpers import ROOT
from tests.helpers.synthetic import ONE_THREAD, TINY, synthetic
from tests.helpers.workers import processes

pytest_plugins = [f"tests.helpers.{name}" for name in ("archives", "browsing", "pages", "runs")]
REAL_DATA = ROOT / "data"
MARKS = {  # of every test that uses the fixture
    "trained_root": ["trains"],
    "synthetic_root": ["trains"],
    "colour_root": ["trains"],
    "browser": ["browser", "slow"],
    "real_data": ["real_data", "slow"],
}


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        for fixture in MARKS.keys() & set(item.fixturenames):
            for mark in MARKS[fixture]:
                item.add_marker(mark)


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
        experiment.run(Job(recipes.get("digits-cnn"), TINY, **ONE_THREAD, name="Tiny"))
    return root


@pytest.fixture
def artifacts(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty artifacts folder for one test; what trains in it ends with the test."""
    root = tmp_path / "artifacts"
    root.mkdir()
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(root))
    yield root
    if (root / ".supervisor.log").exists():
        for path in root.glob(".line.sqlite*"):
            path.unlink()
        for process in processes(root, "supervise", "work", *TASKS):
            with contextlib.suppress(psutil.Error):
                process.kill()


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
