"""Where data sets lie, and how this program starts itself again in another process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

CODE = Path(__file__).parents[2]  # the checkout: what `python -m core` is run in


def data_root() -> Path:
    """The folder of the data sets: LIGHTBOX_DATA, by default data/ in the working directory."""
    return Path(os.environ.get("LIGHTBOX_DATA", "data"))


def command(*arguments: str, threads: int | None = None) -> dict[str, Any]:
    """What `subprocess` takes to run `python -m core ARGUMENTS` over the same folders: args, cwd
    and env. `threads` bounds the processors it uses; None leaves it all of them.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    for name, default in (("LIGHTBOX_ARTIFACTS", "artifacts"), ("LIGHTBOX_DATA", "data")):
        environment[name] = str(Path(environment.get(name, default)).resolve())
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    return {"args": [sys.executable, "-m", "core", *arguments], "cwd": CODE, "env": environment}
