"""Locks of folders, and a look at them that takes nothing."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows has no locks that lookers could share
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_S = 5.0  # to wait for a lock
LOOKS = 8  # at a lock, where there are no shared ones


def lock(folder: Path, name: str = "lock") -> BaseFileLock:
    """The lock that a run's worker holds for as long as it lives, or another lock of a folder; a
    killed process frees its locks at once.
    """
    from filelock import FileLock

    return FileLock(folder / name, timeout=LOCK_S, is_singleton=True)


def is_locked(folder: Path, name: str = "lock") -> bool:
    """Whether a process holds that lock now. Lookers share their look: none takes another for the
    holder, and the holder waits for none.
    """
    try:
        looked = os.open(folder / name, os.O_RDONLY)
    except OSError:  # nobody ever held it, or may not even look
        return False
    try:
        if fcntl:
            fcntl.flock(looked, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        return all(_is_refused(folder / name) for _ in range(LOOKS))
    except BlockingIOError:
        return True
    finally:
        os.close(looked)


def _is_refused(path: Path) -> bool:
    """Without shared locks a look holds the lock for a moment: another looker tries again."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, is_singleton=False).acquire(timeout=0):
            return False
    except Timeout:
        time.sleep(random.uniform(0.001, 0.01))
        return True
    except OSError:  # a folder that cannot be written: nobody can work there
        return False
