"""Test accuracy of a recipe trained by one process and by two together, seed by seed.

Run: python -m bench.training.distributed --recipe mnist-mlp --seeds 3. Both train with the same
global batches; what differs is the order of float32 sums, augmentation, dropout, and batch norm,
which on the CPU goes by each process's half of a batch. Runs go to temporary folders.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from core.training import recipes

ROOT = Path(__file__).parents[2]
TOGETHER = ["torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=2"]


def measure(options: argparse.Namespace, seed: int, launcher: list[str]) -> tuple[float, float]:
    """(test accuracy in percent, seconds of training) of one run; RuntimeError when it fails."""
    command = [sys.executable, "-m", *launcher, "core", "train", options.recipe]
    command += ["--seed", str(seed), "--precision", options.precision]
    if options.threads:
        command += ["--threads", str(options.threads)]
    if options.epochs:
        command += ["--epochs", str(options.epochs)]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "LIGHTBOX_ARTIFACTS": folder}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        found = list(Path(folder).glob("*/metrics.json"))
        if done.returncode or len(found) != 1:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr.strip()}")
        metrics = json.loads(found[0].read_text())
        info = json.loads((found[0].parent / "run.json").read_text())
    if info["world_size"] != (2 if launcher else 1):
        raise RuntimeError(f"{info['world_size']} processes trained instead of those asked for")
    return 100 * metrics["test_accuracy"], metrics["training_seconds"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="mnist-mlp", choices=recipes.RECIPES)
    parser.add_argument("--seeds", type=int, default=3, help="0 to this many, less one")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's own")
    parser.add_argument("--precision", default="float32", help="the same for both")
    parser.add_argument("--threads", type=int, help="of each process; 1 where other work goes on")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds: at least 1 is needed")
    rows = []
    print(f"{options.recipe}, {options.precision}: test accuracy and training time")
    print(f"{'seed':<6}{'one process':>20}{'two processes':>20}{'difference':>12}")
    for seed in range(options.seeds):
        try:
            row = [measure(options, seed, launcher) for launcher in ([], [*TOGETHER, "-m"])]
        except (RuntimeError, OSError) as error:
            print(f"cannot measure: {error}", file=sys.stderr)
            return 1
        rows.append(row)
        show(str(seed), row)
    pairs = list(zip(*rows, strict=True))
    show("mean", [tuple(map(statistics.mean, zip(*each, strict=True))) for each in pairs])
    if options.seeds > 1:
        spread = [statistics.stdev(accuracy for accuracy, _ in each) for each in pairs]
        print(f"standard deviation over seeds: one {spread[0]:.2f}, two {spread[1]:.2f} points")
    return 0


def show(name: str, row: list[tuple[float, float]]) -> None:
    columns = "".join(f"{f'{accuracy:.2f} % {seconds:6.1f} s':>20}" for accuracy, seconds in row)
    print(f"{name:<6}{columns}{row[1][0] - row[0][0]:>+12.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
