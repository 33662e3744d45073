"""The one process that begins what is in line, watches it, ends what hangs and begins again what
was killed. It is alone by its lock, started by whoever needs it, and gone when the line is empty.

Workers outlive it: the next one finds them by their locks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import time
from typing import Any, Protocol

import psutil
from filelock import FileLock, Timeout

from core.jobs import queue
from core.jobs.background_tasks import TASKS
from core.runs import files, limits, line, locks, status, store
from core.training.hardware import usable_threads

TICK_S = 0.25
IDLE_S = 2.0  # without anything in line, before it ends
DEATHS = 10  # of a run's worker without a new epoch, before it is left alone
TOO_OFTEN = f"Its process was ended {DEATHS} times without an epoch between. Resume tries again."
POLITE_S = 3.0  # between asking a process to end and ending it


class Engine(Protocol):
    """Where tasks are worked on: this machine, or another way to run `python -m core work`."""

    def start(self, row: line.Row) -> None:
        """Begin a task in a process that outlives the caller."""

    def alive(self, row: line.Row) -> bool:
        """Whether the task's process is there, whoever has begun it."""

    def end(self, row: line.Row) -> None:
        """End a process that does not respond."""

    def fits(self, row: line.Row, running: list[line.Row]) -> bool:
        """Whether the task may begin beside those that run."""


class ThisMachine:
    """Tasks as processes beside this one, by counted processors."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, str], subprocess.Popen[bytes]] = {}

    def start(self, row: line.Row) -> None:
        trains = row.task == line.TRAIN
        words = ["work", row.run] if trains else [*TASKS[row.task], row.run, "--task"]
        log = store.root() / row.run / (store.LOG if trains else f"{row.task}.log")
        threads = row.threads or (limits.threads() if trains else 1)
        self._begun[row.run, row.task] = queue.spawn(words, log, threads)

    def alive(self, row: line.Row) -> bool:
        process = self._begun.get((row.run, row.task))
        starting = process is not None and process.poll() is None
        return starting or locks.is_locked(store.root() / row.run, row.lock)

    def end(self, row: line.Row) -> None:
        """By the number that the worker left, if no other process has it by now."""
        said = files.read_small(store.root() / row.run / status.HEARTBEAT)
        with contextlib.suppress(psutil.Error, KeyError, TypeError, ValueError):
            process = psutil.Process(said["pid"])
            if process.create_time() == said["started"]:
                process.terminate()
                if psutil.wait_procs([process], POLITE_S)[1]:
                    process.kill()

    def fits(self, row: line.Row, running: list[line.Row]) -> bool:
        if row.task != line.TRAIN:
            return all(other.task == line.TRAIN for other in running)
        if limits.training_off():
            return False
        alike = [other for other in running if other.task == line.TRAIN]
        threads = sum(each.threads or limits.threads() for each in (*alike, row))
        return not alike or (len(alike) < limits.trainings() and threads <= usable_threads())


class Supervisor:
    """The line's rules; the machine is an `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tick(self) -> bool:
        """Bring the line up to date once; whether anything is left in it."""
        for row in line.rows(store.root()):
            if row.running:
                self._look_after(row)
        rows = line.rows(store.root())
        running = [row for row in rows if row.running]
        for row in rows[len(running) :]:
            if self._engine.fits(row, running) and self._change(row, running=True):
                running.append(row)
                (store.root() / row.run / status.HEARTBEAT).unlink(missing_ok=True)
                self._engine.start(row)
        return bool(rows)

    def _look_after(self, row: line.Row) -> None:
        """End a process that hangs and is to stop; see what becomes of one that is gone."""
        folder = store.root() / row.run
        if self._engine.alive(row):
            hangs = status.quiet_s(folder) > status.STALL_S
            if row.task == line.TRAIN and hangs and (folder / status.STOP).exists():
                self._engine.end(row)
            return
        epochs = len(store.read_history(folder)[0])
        deaths = row.deaths + 1 if epochs == row.epochs else 1
        once = row.task != line.TRAIN or row.deaths == line.OWN
        if once or not folder.is_dir() or line.ended(folder):
            self._change(row, drop=True)
        elif deaths >= DEATHS or status.memory_killed(folder):
            why = status.MEMORY if status.memory_killed(folder) else TOO_OFTEN
            files.write_json(folder / status.FAILURE, {"reason": why})
            self._change(row, drop=True)
        else:
            self._change(row, running=False, deaths=deaths, epochs=epochs)

    def _change(self, row: line.Row, drop: bool = False, **changed: Any) -> bool:
        """Change a row if it is still as it was seen; whether it was."""
        with line.changing(store.root()) as db:
            same = row in line.rows(store.root())
            if same and drop:
                line.drop(db, row.run, row.task)
            elif same:
                line.put(db, dataclasses.replace(row, **changed))
        return same


def run() -> None:
    """Be the supervisor while there is anything to do; returns at once where there is one."""
    root, supervisor, first = store.root(), Supervisor(ThisMachine()), True
    with contextlib.suppress(Timeout):
        # who put something in line as this ended saw the lock held: look once more without it
        while root.is_dir() and (first or line.rows(root)):
            first, busy = False, time.monotonic()
            with FileLock(root / queue.SUPERVISOR, timeout=0):
                with queue.changing() as db:
                    line.gather(root, db)
                queue.tidy()
                while root.is_dir() and time.monotonic() - busy < IDLE_S:
                    busy = time.monotonic() if supervisor.tick() else busy
                    time.sleep(TICK_S)
