"""Trainings in line: submit, stop, resume, delete. Nothing here imports torch.

The line is a table beside the runs; a supervisor begins what waits in it, or lets a command that
waits begin by itself.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data import folders
from core.jobs.job import START, Job
from core.runs import files, limits, line, locks, status, store
from core.runs.limits import Refused
from core.training.recipes import from_description

SUPERVISOR = ".supervisor.lock"  # held by the one that there is
AGAIN_S = 3.0  # until a process that asked for a supervisor asks again
_asked: dict[Path, float] = {}
_without: set[Path] = set()  # folders in which there was no table


@dataclass(frozen=True)
class Submitted:
    """A run in line. `already`: the same training was there, nothing was added."""

    run_id: str
    place: int
    waiting: int
    already: bool


def submit(job: Job, *, visitor: str | None = None, begin: bool = True) -> Submitted:
    """`submit_all` of one training."""
    return submit_all([job], visitor=visitor, begin=begin)[0]


def submit_all(
    jobs: Sequence[Job], *, visitor: str | None = None, begin: bool = True
) -> list[Submitted]:
    """Put trainings in line, all or none; with `begin` False the caller trains them by
    `worker.work`, at once.

    Raises ValueError naming the field for what cannot be done here, Refused when training is off,
    the line is full or a limit of this installation is passed.
    """
    for job in jobs:
        job.check()
    _check_on()
    with changing() as db:
        active = active_runs()
        ids = [_waiting(job, active) or store.new_id(job.recipe.name) for job in jobs]
        known = {run.id for run in active}
        new = {run_id: job for run_id, job in zip(ids, jobs, strict=True) if run_id not in known}
        if new:
            _check_room(active, visitor, len(new))
        made: list[Path] = []
        try:
            for run_id, job in new.items():
                request = {**job.request(), "id": run_id, "visitor": visitor, "line": begin}
                made.append(store.create(request, store.REQUEST))
                if job.tuning:
                    job.tuning.freeze(made[-1])
                line.put(db, _row(run_id, begin, visitor, job.threads))
        except (ValueError, OSError):  # what cannot begin is not in line
            for folder in made:
                _remove(folder)
            raise
    if begin:
        keep_going()
    return [_submitted(run_id, run_id in known) for run_id in ids]


def resume(run_id: str, *, begin: bool = True, own: bool = False) -> Submitted:
    """Put an unfinished run in line again, or with `begin` False make it ready for the caller's
    `worker.work`. Raises RunNotFound, or Refused when it is done, or when it is not the caller's
    `own` where runs stay as they are.
    """
    if not own:
        limits.refuse_changes()
    _check_on()
    with changing() as db:
        run = store.load(run_id)
        if run.status in status.ACTIVE:
            return _submitted(run_id, already=True)
        if run.status not in status.RESUMABLE:
            raise Refused(f"{run_id} is {run.status}: only an unfinished run can be resumed")
        limits.check(from_description(run.info)[1])
        _check_room(active_runs(), None)
        asked = files.read_small(run.folder / store.REQUEST)
        files.write_json(run.folder / store.REQUEST, {**run.info, **asked, "line": begin})
        for name in (status.STOP, status.FAILURE):
            (run.folder / name).unlink(missing_ok=True)
        threads = asked.get("threads") or run.info.get("threads")
        line.put(db, _row(run_id, begin, asked.get("visitor"), threads))
    if begin:
        keep_going()
    return _submitted(run_id)


def stop(run_id: str, *, own: bool = False) -> str:
    """Ask a worker to stop, or cancel it when it waits; one that does not respond is ended by the
    supervisor.

    Returns what was done: stopping, ending, cancelled or idle (it was not active). Raises Refused
    when it is not the caller's `own` training where runs stay as they are.
    """
    if not own:
        limits.refuse_changes()
    with changing() as db:
        run = store.load(run_id)
        now = run.status
        if now not in status.ACTIVE:
            return "idle"
        row = line.find(run.folder)
        if waits := row is not None and not row.running:
            line.drop(db, run_id)
        if waits and not (run.folder / store.INFO).exists():
            _remove(run.folder)
        else:
            files.write_bytes(run.folder / status.STOP, b"")
    keep_going()
    return "cancelled" if waits else "ending" if now == "stalled" else "stopping"


def delete(run_id: str) -> None:
    """Remove a run for good. Raises Refused where it is worked on, or runs stay as they are."""
    limits.refuse_changes()
    with changing() as db:
        run = store.load(run_id)
        if locks.is_locked(run.folder):
            raise Refused(f"{run_id} is being trained: stop it first")
        line.drop(db, run_id)
        _remove(run.folder)


def active_runs() -> list[store.Run]:
    """Active runs: those that train, then those that wait, in their order."""
    found = []
    for row in line.rows(store.root()):
        with suppress(store.RunNotFound):  # deleted meanwhile
            run = store.load(row.run)
            if row.task == line.TRAIN and run.status in status.ACTIVE:
                found.append(run)
    return found


def progress(run: store.Run) -> dict[str, Any]:
    """What the worker said last: epoch, seen, loss, accuracy, images_per_second, left_s, points."""
    return files.read_small(run.folder / status.HEARTBEAT)


def keep_going() -> None:
    """See that a supervisor is there while anything is in line, or was in a line that is lost;
    whoever looks or works may call this as often as it likes.
    """
    root = store.root().absolute()
    if time.monotonic() - _asked.get(root, -AGAIN_S) < AGAIN_S:
        return
    wanted = bool(line.rows(root))
    if (root / line.NAME).exists():
        _without.discard(root)
    elif root not in _without:
        _without.add(root)  # the runs are asked once, not at every look
        wanted = any(root.glob(f"*/{store.REQUEST}"))
    if wanted and os.access(root, os.W_OK) and not locks.is_locked(root, SUPERVISOR):
        _asked[root] = time.monotonic()
        spawn(["supervise"], root / ".supervisor.log", threads=1)


def spawn(arguments: list[str], log: Path, threads: int) -> subprocess.Popen[bytes]:
    """Start `python -m core` in a process that outlives this one, its words going into `log`."""
    with open(log, "ab") as words:
        return subprocess.Popen(
            **folders.command(*arguments, threads=threads),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),  # Windows
        )


@contextmanager
def changing() -> Iterator[sqlite3.Connection]:
    """The line for a change. Raises Refused where nothing can be written."""
    try:
        store.root().mkdir(parents=True, exist_ok=True)
        with line.changing(store.root()) as db:
            yield db
    except sqlite3.Error as error:
        raise Refused(f"the line in {store.root()} cannot be changed: {error}") from error


def _check_on() -> None:
    """Before anything is touched."""
    if reason := limits.training_off():
        raise Refused(reason)


def _row(run_id: str, begin: bool, visitor: str | None, threads: int | None) -> line.Row:
    """A run that waits, or one that its caller trains: then nobody begins it again."""
    deaths = 0 if begin else line.OWN
    return line.Row(run_id, line.TRAIN, not begin, visitor, threads or 0, deaths)


def _submitted(run_id: str, already: bool = False) -> Submitted:
    """Where a run stands now, counting from 1, those that train included."""
    order = [run.id for run in active_runs()]
    place = order.index(run_id) + 1 if run_id in order else 1
    return Submitted(run_id, place, max(1, len(order)), already)


def _check_room(active: list[store.Run], visitor: str | None, count: int = 1) -> None:
    room = limits.queue_length() - len(active)
    if room < count:
        left = (
            f"has room for {room} of {count}" if room > 0 else f"is full ({len(active)} trainings)"
        )
        raise Refused(f"the line {left}: try again when one has finished")
    rows = [line.find(run.folder) for run in active] if visitor else []
    mine = sum(row is not None and row.visitor == visitor for row in rows)
    if mine + count > limits.per_visitor():
        raise Refused(
            f"you have {mine} trainings in line already, and {count} more would pass the "
            f"{limits.per_visitor()} allowed: wait for one or cancel one"
        )


def _waiting(job: Job, active: list[store.Run]) -> str | None:
    """The run in line of the same training, whatever its name."""
    wanted = json.loads(json.dumps({**job.request(), "name": None}))
    for run in active:
        asked = files.read_small(run.folder / store.REQUEST) | {"name": None}
        if wanted.items() <= asked.items():
            return run.id
    return None


def tidy() -> None:
    """Remove what kills have left: runs half deleted, and what finished runs went on from."""
    for rest in store.root().glob(".gone-*"):
        shutil.rmtree(rest, ignore_errors=True)
    for run in store.list_runs():
        if run.status == "finished":
            for name in (store.CHECKPOINT, store.EPOCHS, START):
                (run.folder / name).unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    """Rename first, so that nobody reads a run that is half gone."""
    gone = folder.with_name(f".gone-{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
