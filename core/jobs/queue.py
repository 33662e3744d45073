"""Experiments in their own processes: submit, wait in line, stop, resume, delete.

Everything lives on the disk. A job is a run folder with a ticket; its worker holds the folder's
lock for life and starts when no more than LIGHTBOX_MAX_TRAININGS run and nobody with an older
ticket waits. There is no dispatcher that could die. Nothing here imports torch before a turn has
come.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.data import folders
from core.jobs.fine_tuning import FineTuning
from core.runs import files, limits, status, store
from core.runs.limits import Refused
from core.training.recipes import Recipe, describe
from core.training.settings import TrainConfig


@dataclass(frozen=True)
class Submitted:
    """A run in line. `already`: the same training was there, nothing was added."""

    run_id: str
    place: int
    waiting: int
    already: bool


def submit(
    recipe: Recipe,
    *,
    config: TrainConfig | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    name: str | None = None,
    visitor: str | None = None,
    tuning: FineTuning | None = None,
    start: bool = True,
) -> Submitted:
    """Put a training in line and, with `start`, start its worker. `tuning` is what it goes on
    from.

    Raises Refused when training is off, the line is full or a limit of this installation is passed.
    """
    config = config or recipe.config
    limits.check(config)
    _check_on()
    request = {
        **describe(recipe, config),
        "seed": seed,
        "device": device,
        "precision": precision,
        "threads": threads,
        "start_from": tuning.start_from if tuning else None,
        "personal": tuning.personal if tuning else None,
    }
    with queue_lock():
        active = active_runs()
        for run in active:
            asked = status.read(run.folder, store.REQUEST)
            if all(asked.get(key) == _plain(value) for key, value in request.items()):
                return Submitted(run.id, *_place(run.id, active), already=True)
        _check_room(active, visitor)
        run_id = store.new_id(recipe.name)
        folder = store.create(
            {"id": run_id, "name": name, "visitor": visitor, **request}, store.REQUEST
        )
        if tuning:
            _freeze(tuning, folder)
        _write_ticket(folder, active)
        place = _place(run_id, active_runs())
    if start:
        _start(run_id)
    return Submitted(run_id, *place, already=False)


def resume(run_id: str, *, start: bool = True, left: bool = False, own: bool = False) -> Submitted:
    """Put an unfinished run in line again; `left`: its worker is known to be dead, so that it does
    not count as waiting for its ticket alone. Raises RunNotFound, or Refused when it is done, or
    when it is not the caller's `own` where runs stay as they are.
    """
    if not own:
        limits.refuse_changes()
    _check_on()
    with queue_lock():
        run = store.load(run_id)
        if left and not status.is_locked(run.folder):
            (run.folder / status.TICKET).unlink(missing_ok=True)
        active = active_runs()
        if run.id in {other.id for other in active}:
            return Submitted(run_id, *_place(run_id, active), already=True)
        if run.status not in status.RESUMABLE:
            raise Refused(f"{run_id} is {run.status}: only an unfinished run can be resumed")
        _check_room(active, None)
        (run.folder / status.STOP).unlink(missing_ok=True)
        _write_ticket(run.folder, active)
        place = _place(run_id, active_runs())
    if start:
        _start(run_id)
    return Submitted(run_id, *place, already=False)


def stop(run_id: str, *, own: bool = False) -> str:
    """Ask a worker to stop, end it when it does not respond, cancel it when it waits.

    Returns what was done: stopping, ended, cancelled or idle (it was not active). Raises Refused
    when it is not the caller's `own` training where runs stay as they are.
    """
    if not own:
        limits.refuse_changes()
    run = store.load(run_id)
    if run.status == "queued":
        with queue_lock():
            if not (run.folder / status.TICKET).exists():
                return stop(run_id, own=own)  # its turn came meanwhile
            if (run.folder / store.INFO).exists():
                files.write_bytes(run.folder / status.STOP, b"")
                (run.folder / status.TICKET).unlink()
            else:
                _remove(run.folder)
        return "cancelled"
    if run.status not in ("running", "stalled"):
        return "idle"
    files.write_bytes(run.folder / status.STOP, b"")
    if run.status == "stalled" and _end(run):
        return "ended"
    return "stopping"


def delete(run_id: str) -> None:
    """Remove a run for good. Raises Refused where it is worked on, or runs stay as they are."""
    limits.refuse_changes()
    run = store.load(run_id)
    with queue_lock():
        if status.is_locked(run.folder):
            raise Refused(f"{run_id} is being trained: stop it first")
        _remove(run.folder)


def annotate(run_id: str, *, name: str | None = None, note: str | None = None) -> None:
    """Give a run a name of its own or a note; run.json stays as it was written. Raises Refused
    where runs stay as they are.
    """
    limits.refuse_changes()
    run = store.load(run_id)
    kept = dict(run.notes)
    for key, value, limit in (("name", name, 80), ("note", note, 5000)):
        if value is not None:
            kept[key] = value.strip()[:limit]
    files.write_json(run.folder / store.NOTES, kept)


def active_runs() -> list[store.Run]:
    """Active runs: those that train, then those that wait, oldest ticket first."""
    active = [run for run in store.list_runs() if run.status in status.ACTIVE]
    return sorted(active, key=lambda run: (run.status == "queued", _ticket(run.folder), run.id))


def progress(run: store.Run) -> dict[str, Any]:
    """What the worker said last: epoch, seen, loss, accuracy, images_per_second, left_s, points."""
    return status.read(run.folder, status.HEARTBEAT)


def _start(run_id: str) -> None:
    """Start a worker that outlives this process, its words going into the run's log."""
    folder = store.folder_of(run_id)
    wanted = status.read(folder, store.REQUEST).get("threads") or limits.threads()
    spawn(["work", run_id], folder / store.LOG, wanted)


def spawn(arguments: list[str], log: Path, threads: int) -> None:
    """Start `python -m core` in a process that outlives this one, its words going into `log`."""
    with open(log, "ab") as words:
        subprocess.Popen(
            **folders.command(*arguments, threads=threads),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def queue_lock() -> FileLock:
    """The one lock under which tickets are drawn and turns are taken."""
    try:
        store.root().mkdir(parents=True, exist_ok=True)
        return FileLock(store.root() / ".turn.lock", timeout=30, is_singleton=True)
    except OSError as error:
        raise Refused(
            f"{store.root()} cannot be written ({error.strerror}): training is off"
        ) from error


def _freeze(tuning: FineTuning, folder: Path) -> None:
    """Write down what a run begins from; one that cannot be is not in line."""
    try:
        tuning.freeze(folder)
    except (ValueError, OSError):
        _remove(folder)
        raise


def _write_ticket(folder: Path, active: list[store.Run]) -> None:
    """The next number: one above all that are out, so that no clock decides who is first."""
    number = 1 + max((_ticket(run.folder) for run in active), default=0)
    files.write_json(folder / status.TICKET, {"number": number, "drawn": time.time()})


def _ticket(folder: Path) -> int:
    return int(status.read(folder, status.TICKET).get("number", 0))


def _place(run_id: str, active: list[store.Run]) -> tuple[int, int]:
    """(place in line, length of the line), counting from 1, those that train included."""
    order = [run.id for run in active]
    return (order.index(run_id) + 1 if run_id in order else 1), max(1, len(order))


def _check_on() -> None:
    """Before anything is touched: where nothing can be written not even the lock can be taken."""
    if reason := limits.training_off():
        raise Refused(reason)


def _check_room(active: list[store.Run], visitor: str | None) -> None:
    if len(active) >= limits.queue_length():
        raise Refused(
            f"the line is full ({len(active)} trainings): try again when one has finished"
        )
    asked = [status.read(run.folder, store.REQUEST).get("visitor") for run in active]
    mine = asked.count(visitor) if visitor else 0
    if mine >= limits.per_visitor():
        raise Refused(f"you have {mine} trainings in line already: wait for one or cancel one")


def _end(run: store.Run) -> bool:
    """Kill a worker that does not respond; only a process that is this run's own worker."""
    pid = progress(run).get("pid")
    if not isinstance(pid, int) or pid <= 1 or not _is_worker(pid, run.id):
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if not status.is_locked(run.folder):
                return True
            time.sleep(0.1)
    return not status.is_locked(run.folder)


def _is_worker(pid: int, run_id: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return not Path("/proc").exists()  # no /proc on this system: the lock has to do
    return run_id.encode() in words or b"core" in words


def _remove(folder: Path) -> None:
    """Rename first, so that nobody reads a run that is half gone."""
    gone = folder.with_name(f".gone-{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone)


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON, where tuples are lists."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
