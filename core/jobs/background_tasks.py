"""Small jobs about a finished run, in processes of their own: a page puts one in line and looks in
later.

They work one after the other, with the lowest priority. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.jobs import queue
from core.runs import files, limits, line, locks, store

TASKS = {
    "neighbours": ("neighbours",),
    "evaluate": ("evaluate", "--save"),
}


@dataclass(frozen=True)
class Progress:
    """`status` is idle (never started), waiting, running, done or failed; `share` of the work done,
    0 to 1; `reason` says why it failed.
    """

    status: str
    share: float = 0.0
    reason: str | None = None

    @property
    def active(self) -> bool:
        return self.status in ("waiting", "running")


def start(run_id: str, name: str) -> bool:
    """Put a task in line; False when it is there already.

    Raises RunNotFound, ValueError for an unknown name, BrokenRun when the run is not finished or
    its folder cannot be written, or Refused where runs stay as they are.
    """
    limits.refuse_changes()
    folder = _usable(run_id, name)
    with queue.changing() as db:
        if progress(folder, name).active:
            return False
        (folder / _file(name)).unlink(missing_ok=True)
        line.drop(db, run_id, name)
        line.put(db, line.Row(run_id, name))
    queue.keep_going()
    return True


def progress(folder: Path, name: str) -> Progress:
    """How far a task of a run's folder is."""
    row = line.find(folder, name)
    entry = files.read_small(folder / _file(name))
    now, share = entry.get("state", "idle"), entry.get("share", 0.0)
    if row and now not in ("done", "failed"):
        return Progress("running" if row.running else "waiting", share)
    if now == "running":
        return Progress("failed", share, "It ended before it was done; start it again.")
    return Progress(now, share, entry.get("reason"))


@contextlib.contextmanager
def reporting(run_id: str, name: str, *, page: bool = True) -> Iterator[Callable[[float], None]]:
    """Around a task's work in its own process: yields a call that is told the share done.

    Started by a `page` it stands back behind whoever looks, and writes down what goes wrong before
    it raises it; a person's own command works at once.
    """
    if not page:
        yield lambda share: None
        return
    folder = _usable(run_id, name)
    limits.lower_priority()
    with locks.lock(folder, line.Row(run_id, name).lock):
        try:
            _write(folder, name, state="running", share=0.0)
            yield lambda share: _write(folder, name, state="running", share=share)
        except Exception as error:
            _write(folder, name, state="failed", share=0.0, reason=str(error)[:500])
            raise
        _write(folder, name, state="done", share=1.0)


def _usable(run_id: str, name: str) -> Path:
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}: choose one of {', '.join(TASKS)}")
    run = store.load(run_id)
    if not run.metrics:
        raise store.BrokenRun(f"{run_id} is {run.status}: only a finished run can be worked on")
    if not os.access(run.folder, os.W_OK):
        raise store.BrokenRun(f"{run.folder} cannot be written: nothing can be added to this run")
    return run.folder


def _write(folder: Path, name: str, **entry: object) -> None:
    files.write_json(folder / _file(name), entry, sync=False)


def _file(name: str) -> str:
    return f"{name}.task.json"
