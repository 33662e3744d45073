"""The commands that carry runs out and in, `export` and `import`, and the same for pages, in a
process of their own: what they need is heavy, and a hostile zip must not reach the server's memory.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from core.data import folders
from core.runs import limits, store

MAKES, LEFT_OUT = "makes ", "not made: "


class Refused(ValueError):
    """What a worker refused; the message is its own."""


def export(options: argparse.Namespace) -> None:
    """Write a run where the options say and print what was written, and what was not."""
    from core.reports import package

    run = store.load(options.run)
    if options.tensorboard or options.mlflow:
        from core.reports import tracker_export

        if options.tensorboard:
            print(tracker_export.to_tensorboard(run, Path(options.tensorboard)))
        if options.mlflow:
            print(tracker_export.to_mlflow(run, options.mlflow))
        return
    if options.zip:
        folder = Path(options.output or "exports")
        made = package.export(run, folder, _print_progress, zipped=True)
        print(folder / f"{run.id}.zip")
    else:
        folder = Path(options.output or Path("exports") / run.id)
        made = package.export(run, folder)
        for name in made.files:
            print(folder / name)
    for name, why in made.left_out.items():
        print(f"{LEFT_OUT}{name}: {why}")


def take_in(options: argparse.Namespace) -> None:
    """Take in a zip, or what comes in when its name is -, and print the run's id."""
    from core.reports import archive

    most = limits.max_import_bytes()
    if options.zip == "-":
        content = sys.stdin.buffer.read(most + 1)
    else:
        with open(options.zip, "rb") as file:
            content = file.read(most + 1)
    done = archive.take_in(content)
    if done.run_id != done.asked:
        print(f"another run here is called {done.asked}: this one is called {done.run_id}")
    print(f"{done.run_id} is here: python -m core evaluate {done.run_id}")


def zip_in_worker(run_id: str, on_progress: Callable[[str], None]) -> tuple[bytes, dict[str, str]]:
    """(the zip of a run, what could not be made and why); `on_progress(name)` before each.

    Raises Refused with the worker's message.
    """
    left_out = {}
    with tempfile.TemporaryDirectory() as folder:
        command = ["export", run_id, "--zip", "-o", folder]
        with _worker(command) as worker:
            for line in worker.stdout or ():
                text = line.decode(errors="replace").rstrip("\n")
                if text.startswith(MAKES):
                    on_progress(text.removeprefix(MAKES))
                elif text.startswith(LEFT_OUT):
                    name, _, why = text.removeprefix(LEFT_OUT).partition(": ")
                    left_out[name] = why
            errors = worker.stderr.read() if worker.stderr else b""
        _check(worker, errors)
        return (Path(folder) / f"{run_id}.zip").read_bytes(), left_out


def import_in_worker(content: bytes) -> str:
    """Take in a zip; returns what the worker says, the run's id last. Raises Refused."""
    with _worker(["import", "-"]) as worker:
        out, errors = worker.communicate(content)
    _check(worker, errors)
    return out.decode().strip()


def _worker(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        **folders.command(*command, threads=1),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _check(worker: subprocess.Popen[bytes], errors: bytes) -> None:
    """Raises Refused when a worker failed, without a traceback's paths."""
    if worker.returncode:
        last = (errors.decode(errors="replace").strip().splitlines() or ["it ended early"])[-1]
        raise Refused(last.removeprefix("error: "))


def _print_progress(name: str) -> None:
    """A line a file, which the Report page reads as progress."""
    print(f"{MAKES}{name}", flush=True)
