"""The commands that carry runs out and in: `export` and `import`."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import archive, limits, report, runs


def export(options: argparse.Namespace) -> None:
    """Write a run where the options say and print what was written, and what was not."""
    run = runs.load(options.run)
    if options.tensorboard or options.mlflow:
        from core import trackers

        if options.tensorboard:
            print(trackers.to_tensorboard(run, Path(options.tensorboard)))
        if options.mlflow:
            print(trackers.to_mlflow(run, options.mlflow))
        return
    if options.zip:
        folder = Path(options.output or "exports")
        made = report.export_zip(run, folder, tell=_told)
        print(folder / f"{run.id}.zip")
    else:
        folder = Path(options.output or Path("exports") / run.id)
        made = report.export(run, folder, tell=lambda name: None)
        for name in made.files:
            print(folder / name)
    for name, why in made.left_out.items():
        print(f"not made: {name}: {why}")


def take_in(options: argparse.Namespace) -> None:
    """Take in a zip and print the run's id."""
    path, most = Path(options.zip), limits.max_import_bytes()
    if path.stat().st_size > most:
        raise archive.BadArchive(
            f"{path.name} has {path.stat().st_size / 1e6:.1f} MB, the limit here is "
            f"{most / 1e6:.0f} MB (LIGHTBOX_MAX_IMPORT)"
        )
    done = archive.take_in(path.read_bytes())
    if done.run_id != done.asked:
        print(f"another run here is called {done.asked}: this one is called {done.run_id}")
    print(f"{done.run_id} is here: python -m core evaluate {done.run_id}")


def _told(name: str) -> None:
    """A line a file, which the Report page reads as progress."""
    print(f"makes {name}", flush=True)
