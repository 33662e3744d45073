"""What a run is doing, derived from its files and its lock; never stored, so never out of date."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

TICKET, STOP, FAILURE, HEARTBEAT = "ticket.json", "stop", "failure.json", "heartbeat.json"
STALL_S = 60.0  # a worker that says nothing for this long is not responding
START_S = 20.0  # a worker has this long from its ticket to taking the lock
VMSTAT = Path("/proc/vmstat")
ACTIVE = ("queued", "running", "stalled")
RESUMABLE = ("interrupted", "stopped", "failed")


def is_locked(folder: Path, name: str = "lock") -> bool:
    """Whether a worker holds the run's lock now, or another lock of its folder."""
    from filelock import FileLock, Timeout

    if not (folder / name).exists():
        return False
    try:
        with FileLock(folder / name).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a read-only artifacts folder: nobody can train there
        return False


def derive(folder: Path, metrics: dict[str, Any]) -> str:
    """queued, running, stalled, interrupted, finished, stopped or failed."""
    if is_locked(folder):
        if (folder / TICKET).exists():
            return "queued"
        quiet = time.time() - _changed(folder / HEARTBEAT, folder)
        return "stalled" if quiet > STALL_S else "running"
    if (folder / TICKET).exists() and time.time() - _changed(folder / TICKET) < START_S:
        return "queued"  # its worker is starting
    if metrics:
        return "stopped" if metrics.get("stopped") else "finished"
    if (folder / STOP).exists():
        return "stopped"
    return "failed" if (folder / FAILURE).exists() else "interrupted"


def read(folder: Path, name: str) -> dict[str, Any]:
    """A small JSON file that may be missing or half there; {} then."""
    try:
        value = json.loads((folder / name).read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def sentence(folder: Path, name: str, epochs_done: int) -> str:
    """A run's status in words, with the way out."""
    if name == "stalled":
        since = time.strftime("%H:%M:%S", time.localtime(_changed(folder / HEARTBEAT, folder)))
        return f"Not responding since {since}. Stop ends it; Resume goes on from the last epoch."
    if name == "interrupted":
        before, now = read(folder, HEARTBEAT).get("memory_kills"), memory_kills()
        why = ""
        if isinstance(before, int) and now > before:
            why = (
                " The system has ended a process for want of memory since: it may have run out of "
                "memory, so train again with a smaller batch or model if that repeats."
            )
        return f"Interrupted at epoch {epochs_done}. Resume goes on from there.{why}"
    if name == "stopped":
        return f"Stopped by you after epoch {epochs_done}."
    if name == "failed":
        return read(folder, FAILURE).get("reason", "Failed.")
    return {"queued": "Waiting for its turn.", "running": "Training.", "finished": "Finished."}.get(
        name, name
    )


def memory_kills() -> int:
    """How many processes Linux has ended for want of memory since it started; 0 elsewhere."""
    try:
        lines = VMSTAT.read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
    except (OSError, ValueError, IndexError):
        return 0


def _changed(*paths: Path) -> float:
    """When the first of these that exists was last written, in seconds since the epoch."""
    for path in paths:
        try:
            return os.stat(path).st_mtime
        except OSError:
            continue
    return 0.0
