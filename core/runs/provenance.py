"""What stands behind a run's number: the facts of its claim card, read from its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.evaluation import curves, uncertainty
from core.runs import files, store


def seeds(run: store.Run, known: Sequence[store.Run]) -> list[tuple[int, float]]:
    """(seed, test accuracy) of the finished runs that differ from `run` by their seed alone, with
    itself, in the order of seeds.
    """
    key = curves.seed_key(run.info)
    found = {
        other.info["seed"]: other.metrics["test_accuracy"]
        for other in known
        if other.metrics and curves.seed_key(other.info) == key
    }
    return sorted({**found, run.info["seed"]: run.metrics["test_accuracy"]}.items())


def spread_sentence(accuracies: Sequence[tuple[int, float]]) -> str:
    """What several seeds say, or how to get them."""
    if len(accuracies) < 2:
        return "One seed only: another seed would give another number."
    mean, deviation = uncertainty.spread([accuracy for _, accuracy in accuracies])
    names = ", ".join(str(seed) for seed, _ in accuracies)
    return (
        f"Mean over seeds {names}: {100 * mean:.2f} %, standard deviation {100 * deviation:.2f} "
        f"points."
    )


def facts(run: store.Run) -> dict[str, str]:
    """Name -> value of everything needed to check the number. Raises BrokenRun."""
    info, metrics = run.info, run.metrics
    begun = {}
    if start := info.get("start_from"):
        drawings = info["personal"]
        begun["Went on from"] = f"{start['run']} (weights {start['weights_sha256'][:12]})"
        begun["Own drawings"] = f"{drawings['count']}, {drawings['repeats']} times each"
    manifest = files.read_json(run.folder / store.MANIFEST, ("files",))["files"]
    versions = info.get("versions", {})
    return {
        "Test images": f"{metrics['test_count']:,}, of them {metrics['test_right']:,} right",
        "Kept": f"epoch {metrics['kept_epoch']} of {info['config']['epochs']}, chosen by "
        + ("validation loss" if info["config"].get("select") != "last" else "being the last"),
        "Images": ", ".join(f"{count:,} to {part}" for part, count in info["images"].items()),
        **begun,
        "Seed": str(info["seed"]),
        "Weights, sha256": manifest.get(store.WEIGHTS, {}).get("sha256", "not recorded"),
        "Data set, sha256": info["dataset_sha256"],
        "Test part, sha256": info["test_sha256"],
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Trained on": f"{info.get('device')}, {info.get('threads')} threads, "
        f"{info.get('precision')}; scored in float32",
        "Commit": str(info.get("git_commit") or info.get("commit") or "not recorded"),
        "Trained at": info.get("created", "not recorded"),
    }


def coverage_sentence(answered: int, right: int, count: int, threshold: float) -> str:
    """What answering only above a confidence would mean, in words."""
    sure = f"{100 * threshold:g} %"
    if not answered:
        return f"Never {sure} sure: every image is left to a person."
    low, high = uncertainty.wilson_interval(right, answered)
    left = 100 * (1 - answered / count)
    return (
        f"Answering only when at least {sure} sure it is right on {100 * right / answered:.2f} % "
        f"(95 % interval {100 * low:.2f} to {100 * high:.2f} %) and leaves {left:.1f} % of the "
        "images to a person."
    )


def temperature_sentence(value: float) -> str:
    """What a fitted temperature says of a network."""
    if abs(np.log(value)) < 0.05:
        return f"Temperature {value:.2f}: its confidence needs no correction."
    much = "too sure of itself" if value > 1 else "less sure than it could be"
    return f"Temperature {value:.2f}: it is {much}; dividing its logits by that mends it."


def duplicates_sentence(found: dict[str, Any]) -> str:
    """How far a data set's test part repeats its training part, in words."""
    exact, near, count = found["exact"], found["near"], found["images"]["test"]
    if not exact + near:
        return f"None of the {count:,} test images stands in the training part, nor nearly so."
    unlike = sum(pair["labels"][0] != pair["labels"][1] for pair in found["pairs"])
    parts = [
        f"{number or 'none':{',' if number else ''}} {how}"
        for number, how in ((exact, "exactly"), (near, "nearly"))
    ]
    words = f"Of {count:,} test images {parts[0]} and {parts[1]} repeat one of the training part"
    return words + (f"; {unlike} of them under another label." if unlike else ".")
