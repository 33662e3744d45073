"""Runs beside the tiny one: copies of it, and those that come with the project."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from core.runs import files, store
from tests.helpers import ROOT


def second_run(first: store.Run, run_id: str = "second-run", **changes) -> store.Run:
    """A copy of a run under another id."""
    folder = first.folder.with_name(run_id)
    shutil.copytree(first.folder, folder)
    info = json.loads((folder / store.INFO).read_text())
    (folder / store.INFO).write_text(json.dumps(info | {"id": run_id} | changes))
    return store.load(run_id)


def worse_run(run: store.Run, spoil: int = 30) -> store.Run:
    """A copy whose first answers are all for the next class."""
    other = second_run(run, name="Worse", seed=1)
    stored = other.predictions()
    stored["probs"][:spoil] = np.eye(10)[(stored["labels"][:spoil] + 1) % 10]
    files.write_arrays(other.folder / store.PREDICTIONS, **stored)
    return other


@pytest.fixture
def shipped_runs(monkeypatch) -> list[store.Run]:
    """The runs in artifacts/ that git knows, or all where there is no git; the folder is theirs."""
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(ROOT / "artifacts"))
    known = set()
    if shutil.which("git"):
        listed = subprocess.run(
            ["git", "ls-files", "artifacts/*/run.json"], cwd=ROOT, capture_output=True, text=True
        )
        known = {line.split("/")[1] for line in listed.stdout.splitlines()}
    return [run for run in store.list_runs() if not known or run.id in known]


@pytest.fixture
def shipped(shipped_runs) -> dict[str, store.Run]:
    """Recipe -> shipped run of seed 0."""
    return {run.info["recipe"]: run for run in shipped_runs if not run.info["seed"]}


@pytest.fixture
def digits(shipped_runs, artifacts, monkeypatch) -> store.Run:
    """The shipped run on the bundled digits, copied into this test's own artifacts folder: what it
    answers is the same on every processor.
    """
    source = next(run.folder for run in shipped_runs if run.info["recipe"] == "digits-cnn")
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(artifacts))
    shutil.copytree(source, artifacts / source.name, ignore=shutil.ignore_patterns("cache", "lock"))
    return store.load(source.name)
