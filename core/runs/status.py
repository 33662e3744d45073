"""What a run is doing, derived from its files, its lock and the line; never stored, so never out
of date. Looking takes no lock and writes nothing.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from core.runs import files, line, locks

STOP, FAILURE, HEARTBEAT = line.STOP, line.FAILURE, "heartbeat.json"
STALL_S = 60.0  # a worker that says nothing for this long is not responding
MEMORY = (
    "The system has ended a process for want of memory: it may have run out of memory, so train "
    "again with a smaller batch or model if that repeats."
)
VMSTAT = Path("/proc/vmstat")
ACTIVE = ("queued", "running", "stalled")
RESUMABLE = ("interrupted", "stopped", "failed")


def derive(folder: Path, metrics: dict[str, Any]) -> str:
    """queued, running, stalled, interrupted, finished, stopped or failed."""
    while True:
        row = line.find(folder)
        if (row or not metrics) and locks.is_locked(folder):
            return "stalled" if quiet_s(folder) > STALL_S else "running"
        found = line.ended(folder, metrics)
        if found or row == line.find(folder):  # else it was begun or ended between two looks
            break
    asked = files.read_small(folder / line.REQUEST).get("line")
    waits = row.deaths != line.OWN if row else asked  # in line in a moment, or again
    return found or ("queued" if waits else "stopped" if metrics else "interrupted")


def quiet_s(folder: Path) -> float:
    """Seconds since a run's worker said something."""
    return time.time() - _changed(folder / HEARTBEAT, folder)


def sentence(folder: Path, name: str, epochs_done: int) -> str:
    """A run's status in words, with the way out."""
    if name == "stalled":
        since = time.strftime("%H:%M:%S", time.localtime(_changed(folder / HEARTBEAT, folder)))
        return f"Not responding since {since}. Stop ends it; Resume goes on from the last epoch."
    if name == "interrupted":
        why = f" {MEMORY}" if memory_killed(folder) else ""
        return f"Interrupted at epoch {epochs_done}. Resume goes on from there.{why}"
    if name == "stopped":
        done = f"after epoch {epochs_done}" if epochs_done else "before an epoch was done"
        return f"Stopped by you {done}."
    if name == "failed":
        return files.read_small(folder / FAILURE).get("reason", "Failed.")
    return {"queued": "Waiting for its turn.", "running": "Training.", "finished": "Finished."}.get(
        name, name
    )


def memory_killed(folder: Path) -> bool:
    """Whether the system has ended a process for want of memory since the worker's last word."""
    before = files.read_small(folder / HEARTBEAT).get("memory_kills")
    return isinstance(before, int) and memory_kills() > before


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
