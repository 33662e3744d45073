"""How often Review raises a concern on runs that have no fault, and how often on spoiled ones.

Run: python -m bench.verdicts [--runs 1000] [--images 2000]. Each simulated run is perfect: labels
are drawn from its own probabilities, so that it is calibrated and no class is harder than another;
its validation loss has levelled off and trembles; a simple method lies far behind; three seeds are
there. Exits 1 when more than 5 % of them raise a concern, beyond what so many runs leave open.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from scipy.special import softmax

from core.analysis import baselines, findings
from core.evaluation.classification import measure
from core.evaluation.uncertainty import (
    between,
    percent,
    predicted_log_odds,
    wilson_interval,
)
from core.runs import dataset_cache, store

CLASSES = [f"class {number}" for number in range(10)]
SHA = "0" * 64
Parts = dict[str, Any]


def network(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and the logits (N, 10) that they are drawn from: mostly sure ones."""
    logits = rng.normal(0, 1, (count, 10))
    logits[np.arange(count), rng.integers(0, 10, count)] += rng.normal(8, 3, count)
    labels = (softmax(logits, axis=1).cumsum(1) < rng.random((count, 1))).sum(1).clip(0, 9)
    return labels, logits


def perfect(rng: np.random.Generator, images: int) -> Parts:
    """What a run without a fault is made from."""
    labels, logits = network(rng, images)
    held_labels, held_logits = network(rng, images // 2)
    right = float((held_logits.argmax(1) == held_labels).mean())
    epochs, tremble = int(rng.integers(5, 40)), rng.uniform(0.0005, 0.01)
    noise = rng.normal(0, tremble, epochs)
    for epoch in range(1, epochs):  # neighbouring epochs are alike
        noise[epoch] = 0.5 * noise[epoch - 1] + 0.87 * noise[epoch]
    losses = 0.1 + 0.5 * np.exp(-np.arange(epochs) / (epochs / 10)) + noise
    history = [
        {"epoch": epoch, "train_loss": 1 / epoch, "validation_loss": loss}
        | {"train_accuracy": float(rng.binomial(20_000, right) / 20_000)}
        | {"validation_accuracy": right}
        for epoch, loss in enumerate(losses, 1)
    ]
    simple = np.where(rng.random(images) < 0.8, labels, rng.integers(0, 10, images))
    return {
        "test": (labels, logits),
        "validation": (held_labels, held_logits),
        "history": history,
        "simple": simple.astype(np.uint8),
    }


def too_sure(parts: Parts, rng: np.random.Generator) -> None:
    for part in ("test", "validation"):
        labels, logits = parts[part]
        parts[part] = labels, 1.5 * logits


def a_hard_class(parts: Parts, rng: np.random.Generator) -> None:
    labels, logits = parts["test"]
    for index in np.flatnonzero((labels == 3) & (rng.random(len(labels)) < 0.15)):
        logits[index] = np.roll(logits[index], 1)


def overfitting(parts: Parts, rng: np.random.Generator) -> None:
    for record in parts["history"]:
        record["validation_loss"] += 0.006 * record["epoch"]


def a_gap(parts: Parts, rng: np.random.Generator) -> None:
    for record in parts["history"]:
        record["train_accuracy"] = min(1.0, record["validation_accuracy"] + 0.045)


def no_better(parts: Parts, rng: np.random.Generator) -> None:
    labels, logits = parts["test"]
    moved = rng.random(len(labels)) < 0.01
    parts["simple"] = np.where(moved, labels, logits.argmax(1)).astype(np.uint8)


SPOILED: dict[str, Callable[[Parts, np.random.Generator], None]] = {
    "calibration: logits times 1.5": too_sure,
    "errors: 15 of 100 of one class lost": a_hard_class,
    "curves: validation loss creeps up": overfitting,
    "curves: 4.5 points less on validation": a_gap,
    "baselines: a simple method as good": no_better,
}


def build(parts: Parts, folder: Path) -> store.Run:
    """A run of these parts, and the simple method's answers beside it."""
    arrays: dict[str, np.ndarray] = {}
    for prefix, part in (("", "test"), ("validation_", "validation")):
        labels, logits = parts[part]
        probs = softmax(logits, axis=1)
        arrays[f"{prefix}labels"] = labels
        arrays[f"{prefix}probs"] = probs.astype(np.float16)
        arrays[f"{prefix}log_odds"] = predicted_log_odds(logits)
        if part == "test":
            metrics = measure(labels, probs, CLASSES)
    np.savez(folder / store.PREDICTIONS, **arrays)
    (folder / store.HISTORY).write_text("\n".join(map(json.dumps, parts["history"])))
    losses = [record["validation_loss"] for record in parts["history"]]
    reached = {
        "name": "Simple",
        "accuracy": float((parts["simple"] == arrays["labels"]).mean()),
        "count": len(parts["simple"]),
        "predicted": base64.b64encode(parts["simple"].tobytes()).decode(),
    }
    dataset_cache.write("own", baselines.KIND, {"dataset_sha256": SHA, "rows": [reached]})
    kept = {"kept_epoch": int(np.argmin(losses)) + 1, "epochs": len(losses), "stopped": False}
    return store.Run(folder.name, folder, info(parts, 0), metrics | kept)


def info(parts: Parts, seed: int) -> dict[str, Any]:
    """What run.json says of it."""
    held, tested = (len(parts[part][0]) for part in ("validation", "test"))
    return {
        "recipe": "made",
        "dataset": "own",
        "dataset_sha256": SHA,
        "test_sha256": SHA,
        "seed": seed,
        "classes": CLASSES,
        "shape": [1, 28, 28],
        "config": {"label_smoothing": 0.0},
        "sizes": {},
        "images": {"fit": 20_000, "validation": held, "test": tested},
    }


def siblings(root: Path, parts: Parts) -> None:
    """Two more seeds, which are only counted."""
    for seed in (1, 2):
        folder = root / f"seed-{seed}"
        folder.mkdir()
        (folder / store.INFO).write_text(json.dumps(info(parts, seed)))
        kept = {"test_accuracy": 0.97, "confusion": [], "per_class": []}
        (folder / store.METRICS).write_text(json.dumps(kept))
        (folder / store.MANIFEST).write_text("{}")


def concerns(
    runs: int, images: int, spoil: Callable[[Parts, np.random.Generator], None] | None, seed: int
) -> tuple[Counter[str], int]:
    """(how many runs raised a concern at each stop, how many at any)."""
    counted, any_of_them = Counter[str](), 0
    with (
        tempfile.TemporaryDirectory() as name,
        mock.patch.dict(os.environ, LIGHTBOX_ARTIFACTS=name),
    ):
        for number in range(runs):
            rng = np.random.default_rng((seed, number))
            parts = perfect(rng, images)
            if spoil:
                spoil(parts, rng)
            folder = Path(name, f"made-{number}")
            folder.mkdir()
            if not number:
                siblings(Path(name), parts)
            found = findings.of(build(parts, folder))
            raised = {stop for stop, facts in found.items() if any(f.concern for f in facts)}
            counted.update(raised)
            any_of_them += bool(raised)
    return counted, any_of_them


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--images", type=int, default=2000, help="test images of each")
    options = parser.parse_args()
    counted, raised = concerns(options.runs, options.images, None, 0)
    low, high = wilson_interval(raised, options.runs)
    print(
        f"perfect runs: {raised} of {options.runs} raise a concern, "
        f"{percent(raised / options.runs, 1)} (95 % interval {between((low, high))}); "
        f"by stop: {dict(counted) or 'none'}"
    )
    few = max(20, options.runs // 10)
    for name, spoil in SPOILED.items():
        found, _ = concerns(few, options.images, spoil, 1)
        stop = name.split(":")[0]
        print(f"{name:<40} found in {found[stop]} of {few}")
    return int(low > 0.05)


if __name__ == "__main__":
    sys.exit(main())
