"""The line of what trains and waits: one SQLite table beside the runs. Looking only reads.

The folders have all that it holds, so a table that is lost is made again from them.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from core.runs import files

NAME, REQUEST, STOP, FAILURE = ".line.sqlite", "request.json", "stop", "failure.json"
TRAIN = "train"  # the task of a training; others are small jobs about a finished run
OWN = -1  # in place of deaths: whoever put it in line works on it, nobody else begins it
WAIT_S = 30.0  # for another's change, which takes milliseconds


@dataclass(frozen=True)
class Row:
    """A task in line: `running` once a process was begun for it. Its processes were ended `deaths`
    times since its history had `epochs`. `threads` 0 leaves their number to the installation.
    """

    run: str
    task: str = TRAIN
    running: bool = False
    visitor: str | None = None
    threads: int = 0
    deaths: int = 0
    epochs: int = 0

    @property
    def lock(self) -> str:
        """The file in the run's folder that the task's process holds locked for life."""
        return "lock" if self.task == TRAIN else f"{self.task}.task.lock"


COLUMNS = ", ".join(field.name for field in fields(Row))
ALL = f"SELECT {COLUMNS} FROM line ORDER BY NOT running, rowid"
PUT = (
    f"INSERT INTO line ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, task) DO UPDATE "
    "SET running = excluded.running, deaths = excluded.deaths, epochs = excluded.epochs"
)
_kept = threading.local()  # a thread's connection for looking, and the file that it reads


def rows(root: Path) -> list[Row]:
    """All rows: those that run, then those that wait, in their order."""
    path = root / NAME
    try:
        key = (path, os.stat(path).st_ino)
        if getattr(_kept, "key", None) != key:
            address = f"{path.absolute().as_uri()}?mode=ro"
            _kept.db, _kept.key = sqlite3.connect(address, uri=True, timeout=WAIT_S), key
        return [Row(*row) for row in _kept.db.execute(ALL)]
    except (OSError, sqlite3.Error):  # not there, or half made: nobody is in line
        return []


def find(folder: Path, task: str = TRAIN) -> Row | None:
    """The row of a run's folder, or None when the task is not in line."""
    wanted = (folder.name, task)
    return next((row for row in rows(folder.parent) if (row.run, row.task) == wanted), None)


@contextlib.contextmanager
def changing(root: Path) -> Iterator[sqlite3.Connection]:
    """The line for a change that happens whole or not at all, one process at a time: what `put` and
    `drop` take. Raises sqlite3.Error when the folder cannot be written.
    """
    try:
        db = _begin(root)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # not a database any more
        for rest in root.glob(f"{NAME}*"):
            rest.unlink(missing_ok=True)
        db = _begin(root)
    with contextlib.closing(db), db:
        yield db


def put(db: sqlite3.Connection, row: Row) -> None:
    """Add a row at the end of the line, or change the one of its task where it stands."""
    db.execute(PUT, astuple(row))


def drop(db: sqlite3.Connection, run: str, task: str = TRAIN) -> None:
    """Take a task out of the line."""
    db.execute("DELETE FROM line WHERE run = ? AND task = ?", (run, task))


def _begin(root: Path) -> sqlite3.Connection:
    db = sqlite3.connect(root / NAME, timeout=WAIT_S, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")
        if not db.execute("PRAGMA user_version").fetchone()[0]:
            db.execute(f"CREATE TABLE line ({COLUMNS}, PRIMARY KEY (run, task))")
            gather(root, db)
            db.execute("PRAGMA user_version = 1")
    except BaseException:
        db.close()
        raise
    return db


def gather(root: Path, db: sqlite3.Connection) -> None:
    """Put in line what the folders ask for and the table has not: it was lost, or who asked was
    killed before it was there.
    """
    known = {run for (run,) in db.execute("SELECT run FROM line WHERE task = ?", (TRAIN,))}
    for path in sorted(root.glob(f"*/{REQUEST}"), key=os.path.getmtime):
        asked = files.read_small(path)
        if asked.get("line") and path.parent.name not in known and not ended(path.parent):
            given = asked.get("visitor"), asked.get("threads") or 0
            put(db, Row(path.parent.name, TRAIN, False, *given))


def ended(folder: Path, metrics: dict[str, Any] | None = None) -> str | None:
    """What the files say of a training that came to its end: finished, stopped, failed, or None."""
    if not metrics and (folder / "manifest.json").exists():
        metrics = files.read_small(folder / "metrics.json")
    if metrics and not metrics.get("stopped"):
        return "finished"
    if (folder / STOP).exists():
        return "stopped"
    return "failed" if (folder / FAILURE).exists() else None
