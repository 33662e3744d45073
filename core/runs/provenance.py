"""What stands behind a run's number, read from its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.data import sources
from core.evaluation import curves
from core.runs import files, store
from core.training.settings import AUGMENTATION


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


def table(run: store.Run) -> dict[str, str]:
    """Name -> value of everything needed to check the number. Raises BrokenRun."""
    info, metrics = run.info, run.metrics
    begun = {}
    if start := info.get("start_from"):
        drawings = info["personal"]
        begun["Went on from"] = f"{start['run']} (weights {start['weights_sha256'][:12]})"
        if drawings["count"]:
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
        "Processor": f"{info.get('processor') or 'not recorded'}, {info.get('platform') or '-'}",
        "Commit": str(info.get("git_commit") or info.get("commit") or "not recorded"),
        "Trained at": info.get("created", "not recorded"),
    }


def training_note(info: dict[str, Any]) -> str:
    """Why training values of a run do not compare with validation values one to one."""
    config = info["config"]
    effects = {
        "dropout": any(value for name, value in info["sizes"].items() if "dropout" in name),
        "augmentation": any(config.get(name) for name in AUGMENTATION),
        "label smoothing": config["label_smoothing"],
    }
    note = "Training values are running means within the epoch, while the network still changes"
    if any(effects.values()):
        there = " and ".join(name for name, value in effects.items() if value)
        note += f", and include {there}: they can lie below validation"
    return note + "."


def dataset_title(run: store.Run) -> str:
    known = sources.DATASETS.get(run.info["dataset"])
    return known.title if known else run.info["dataset"]
