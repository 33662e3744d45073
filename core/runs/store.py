"""The run folder: written once, read safely. The disk is the only truth; a run's status is derived
from it.

Nothing here imports torch at the top: pages read runs without it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from core.runs import locks, status
from core.runs.files import (
    SCHEMA,
    BrokenRun,
    read_arrays,
    read_json,
    read_small,
    read_state_dict,
    sweep,
    write_arrays,
    write_json,
    write_manifest,
    write_tensors,
)
from core.training.settings import RENAMED, renamed

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
WEIGHTS, CHECKPOINT, PREDICTIONS = "model.pth", "checkpoint.pth", "predictions.npz"
EPOCHS = "test_epochs.bin"
HISTORY, INFO, METRICS, MANIFEST = "history.jsonl", "run.json", "metrics.json", "manifest.json"
REQUEST, NOTES, LOG = "request.json", "notes.json", "log.txt"
LOCK = ".changes.lock"  # of the whole folder, for what two may want to change at once
REQUIRED = ("recipe", "dataset", "seed", "classes", "shape")  # of run.json
FINISHED_FILES = (INFO, HISTORY, WEIGHTS, PREDICTIONS, METRICS)


class RunNotFound(LookupError):
    """No run of that name; the message says how to see those there are."""


@dataclass(frozen=True)
class Run:
    """A run as its folder shows it. `metrics` are empty until it is finished; `problem` says why a
    damaged one is damaged.
    """

    id: str
    folder: Path
    info: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None

    @property
    def status(self) -> str:
        """queued, running, stalled, interrupted, finished, stopped, failed or damaged: now."""
        return "damaged" if self.problem else status.derive(self.folder, self.metrics)

    @property
    def title(self) -> str:
        """The name a person gave it, or its recipe and seed."""
        return (
            self.notes.get("name")
            or self.info.get("name")
            or f"{self.info.get('recipe', self.id)}, seed {self.info.get('seed')}"
        )

    @cached_property
    def notes(self) -> dict[str, Any]:
        """What people wrote on it since: `name` and `note`."""
        return read_small(self.folder / NOTES)

    def history(self) -> tuple[list[dict[str, Any]], int]:
        """(one record an epoch, number of unreadable lines)."""
        return read_history(self.folder)

    def predictions(self) -> dict[str, np.ndarray]:
        """On the test set `labels` (N,), `probs` float16 (N, classes), the `log_odds` float32 (N,)
        of each prediction, and for each epoch `epoch_classes` and `epoch_confidences` uint8 (E, N),
        the confidence in 1/255; on the validation split `validation_labels` (V,),
        `validation_probs` and `validation_log_odds`. Older runs have no log-odds. Raises BrokenRun.
        """
        path = self.folder / PREDICTIONS
        if not path.exists():
            raise BrokenRun(f"{path} is missing: the run is not finished or was damaged")
        return read_arrays(path)


def root() -> Path:
    """The folder of all runs: LIGHTBOX_ARTIFACTS, by default artifacts/ in the working
    directory.
    """
    return Path(os.environ.get("LIGHTBOX_ARTIFACTS", "artifacts"))


def new_id(recipe: str) -> str:
    """A fresh id: recipe, UTC time and four random digits, so that ids of a recipe sort by age."""
    stem = re.sub(r"[^a-z0-9-]+", "-", recipe.lower()).strip("-")[:40] or "run"
    return f"{stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def folder_of(run_id: str) -> Path:
    """The folder of a run. Raises RunNotFound for anything that is not the id of a run here."""
    if isinstance(run_id, str) and ID_PATTERN.fullmatch(run_id):
        path = (root() / run_id).resolve()
        if path.is_relative_to(root().resolve()) and _is_run(path):
            return path
    shown = repr(run_id)[:80]
    raise RunNotFound(f"unknown run {shown}: `python -m core runs` lists those in {root()}/")


def create(info: dict[str, Any], name: str = INFO) -> Path:
    """A run folder with its run.json, or with the request that becomes one; `info["id"]` names it.

    A folder that so far holds only a request is filled.
    """
    path = root() / info["id"]
    path.mkdir(parents=True, exist_ok=(path / REQUEST).is_file() and not (path / INFO).exists())
    sweep(path)  # of an attempt that was killed while it wrote run.json
    write_json(path / name, {"schema": SCHEMA, **info})
    return path


@contextmanager
def begin(info: dict[str, Any]) -> Iterator[Path]:
    """The folder of a new run with its run.json, locked for its worker while the block lasts."""
    folder = create({**info, "created": _now()})
    with locks.lock(folder):
        yield folder


def finish(
    folder: Path, weights: dict[str, Any], arrays: dict[str, np.ndarray], metrics: dict[str, Any]
) -> Run:
    """Write what a training ended with, the manifest last; the finished run."""
    finished = {**metrics, "finished": _now()}
    write_tensors(folder / WEIGHTS, weights)
    write_arrays(folder / PREDICTIONS, **arrays)
    write_json(folder / METRICS, finished)
    write_manifest(folder / MANIFEST, FINISHED_FILES)
    return load(folder.name)


def _now() -> str:
    """This moment with its time zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _is_run(folder: str | Path) -> bool:
    return any(os.path.isfile(os.path.join(folder, name)) for name in (INFO, REQUEST))


def load(run_id: str) -> Run:
    """One run, whatever its status. Raises RunNotFound."""
    return _fresh(folder_of(run_id))


def list_runs() -> list[Run]:
    """All runs, best test accuracy first, then unfinished ones, newest first; damaged ones last.

    Files, links and folders that are no runs are passed over.
    """
    if not root().is_dir():
        return []
    folders = [
        Path(entry.path)
        for entry in os.scandir(root())
        if ID_PATTERN.fullmatch(entry.name)
        and entry.is_dir(follow_symlinks=False)
        and _is_run(entry.path)
    ]
    runs = sorted(map(_fresh, folders), key=lambda run: run.id, reverse=True)
    return sorted(runs, key=_rank)


def on_same_test(run: Run) -> list[Run]:
    """The finished runs that were scored on the same test images as `run`, itself among them."""
    digest = run.info["test_sha256"]
    return [
        other for other in list_runs() if other.metrics and other.info.get("test_sha256") == digest
    ]


def _rank(run: Run) -> tuple[int, float]:
    if run.problem:
        return 2, 0.0
    return (0, -run.metrics["test_accuracy"]) if run.metrics else (1, 0.0)


def _fresh(folder: Path) -> Run:
    """A run as its files are now; those that have not changed are not read again."""
    return _read(folder, tuple(map(_stamp, (INFO, METRICS, MANIFEST, NOTES), repeat(folder))))


def _stamp(name: str, folder: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(folder / name)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4096)
def _read(folder: Path, stamps: tuple[tuple[int, int] | None, ...]) -> Run:
    try:
        if not (folder / INFO).exists():
            info = read_json(folder / REQUEST, ("recipe", "dataset", "seed", "config"))
            return Run(folder.name, folder, info)
        info = read_json(folder / INFO, REQUIRED)
        if info.get("schema", SCHEMA) > SCHEMA:
            raise BrokenRun(
                f"{folder.name} was written by a newer version of Lightbox "
                f"(schema {info['schema']}): update"
            )
        for part in ("config", "recipe_config", "changed"):
            if isinstance(info.get(part), dict) and info[part].keys() & RENAMED:
                info[part] = renamed(info[part])
        metrics: dict[str, Any] = {}
        if (folder / MANIFEST).is_file():
            metrics = read_json(folder / METRICS, ("test_accuracy", "confusion", "per_class"))
    except BrokenRun as error:
        return Run(folder.name, folder, problem=str(error))
    return Run(folder.name, folder, info, metrics)


def read_history(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """(records in the order of their epochs, number of unreadable lines); a torn last line is not
    counted.

    Where an epoch stands twice, as after a resumed attempt, the later line holds.
    """
    try:
        text = (folder / HISTORY).read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return [], 0
    lines = text.split("\n")
    records, unreadable = {}, 0
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            records[int(record["epoch"])] = record
        except (ValueError, TypeError, KeyError):
            unreadable += number < len(lines) - 1
    return [records[epoch] for epoch in sorted(records)], unreadable


def read_weights(run: Run) -> dict[str, Any]:
    """The state dict of a finished run, checked against its manifest. Raises BrokenRun."""
    return read_state_dict(run.folder / WEIGHTS, weights_sha256(run))


def weights_sha256(run: Run) -> str:
    """The sha256 of a finished run's weights as its manifest gives it. Raises BrokenRun."""
    manifest = read_json(run.folder / MANIFEST, ("files",))
    try:
        return manifest["files"][WEIGHTS]["sha256"]
    except (KeyError, TypeError):
        raise BrokenRun(f"{MANIFEST} does not name {WEIGHTS}") from None
