"""The whole story in one function: load, build, train, predict, write the run. A worker does
nothing else.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import torch

from core import data, evaluate, files, models, runs, statistics
from core.hardware import choose_device, environment, usable_threads
from core.recipes import Recipe, TrainConfig
from core.train import Trained, TrainingData, choose_precision, train


def run(
    recipe: Recipe,
    *,
    seed: int = 0,
    config: TrainConfig | None = None,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    name: str | None = None,
    on_start: Callable[[str, dict], None] | None = None,
    on_batch: Callable[[int, int, float], None] | None = None,
    on_epoch: Callable[[dict], None] | None = None,
    dataset: data.Dataset | None = None,
) -> runs.Run:
    """Train a recipe from the beginning and write it as a run.

    `config` replaces the recipe's settings, `dataset` its data (for sets that `data.load` does not
    know). `on_start(run id, run.json)` is called once the folder exists. Raises ValueError for
    settings that do not fit, DatasetError when the data cannot be had; an interrupted run keeps its
    folder and can be resumed.
    """
    config = config or recipe.config
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed: {seed} is outside 0 to {2**31 - 1}")
    torch.set_num_threads(threads or usable_threads())
    chosen_device = choose_device(device)
    dataset = dataset or data.load(recipe.dataset)
    parts = _parts(dataset, config)
    if config.batch_size > len(parts.fit):
        raise ValueError(
            f"batch_size: {config.batch_size} is more than the {len(parts.fit)} training images"
        )
    model = _build(recipe, dataset, seed).to(chosen_device)
    chosen_precision, step_ms = choose_precision(model, parts, config, precision)
    info = {
        "id": runs.new_id(recipe.name),
        "name": name,
        "recipe": recipe.name,
        "title": recipe.title,
        "dataset": dataset.name,
        "seed": seed,
        "parameters": models.count_parameters(model),
        "model": recipe.model,
        "sizes": dict(recipe.sizes),
        "config": dataclasses.asdict(config),
        "source": recipe.source,
        "stated": recipe.stated,
        "notes": recipe.notes,
        "assumed": list(recipe.assumed),
        "changed": _changes(recipe.config, config),
        "layers": [
            {"layer": layer, "output": shape, "parameters": count}
            for layer, shape, count in models.layer_table(
                _build(recipe, dataset, seed), dataset.shape
            )
        ],
        "classes": list(dataset.classes),
        "shape": list(dataset.shape),
        "images": {
            "fit": len(parts.fit),
            "validation": len(parts.validation),
            "test": len(dataset.test),
        },
        "mean": list(parts.mean),
        "std": list(parts.std),
        "dataset_sha256": dataset.sha256,
        "test_sha256": dataset.test_sha256,
        "device": str(chosen_device),
        "precision": chosen_precision,
        "precision_test_ms": step_ms,
        "threads": torch.get_num_threads(),
        "created": _now(),
        **environment(),
    }
    folder = runs.create(info)
    with runs.lock(folder):
        if on_start:
            on_start(info["id"], info)
        return _work(folder, info, model, dataset, parts, config, None, on_batch, on_epoch)


def resume(
    run_id: str,
    *,
    on_start: Callable[[str, dict], None] | None = None,
    on_batch: Callable[[int, int, float], None] | None = None,
    on_epoch: Callable[[dict], None] | None = None,
    dataset: data.Dataset | None = None,
) -> runs.Run:
    """Go on with an interrupted run, from its checkpoint or, without one, from the beginning.

    Raises RunNotFound, BrokenRun, or ValueError when it is finished, running, or the data has
    changed.
    """
    found = runs.load(run_id)
    if found.state != "interrupted":
        raise ValueError(f"{run_id} is {found.state}: only an interrupted run can be resumed")
    info = found.info
    with runs.lock(found.folder):
        torch.set_num_threads(info["threads"])
        dataset = dataset or data.load(info["dataset"])
        _same_data(info, dataset)
        config = TrainConfig(**info["config"])
        model = _build(recipe_of(found), dataset, info["seed"]).to(choose_device(info["device"]))
        checkpoint = found.folder / runs.CHECKPOINT
        state = files.read_tensors(checkpoint) if checkpoint.exists() else None
        if on_start:
            on_start(run_id, info)
        parts = _parts(dataset, config)
        return _work(found.folder, info, model, dataset, parts, config, state, on_batch, on_epoch)


def _work(folder, info, model, dataset, parts, config, state, on_batch, on_epoch) -> runs.Run:
    """Train, predict and write; the caller holds the run's lock."""
    start = time.perf_counter()
    earlier = state.pop("total_seconds") if state else 0.0

    def keep(record: dict, snapshot: Callable[[], dict]) -> None:
        record["total_seconds"] = earlier + time.perf_counter() - start
        runs.append_history(folder, record)
        if record["epoch"] < config.epochs:
            files.write_tensors(
                folder / runs.CHECKPOINT, snapshot() | {"total_seconds": record["total_seconds"]}
            )
        if on_epoch:
            on_epoch(record)

    trained = train(
        model,
        parts,
        config,
        seed=info["seed"],
        precision=info["precision"],
        on_batch=on_batch,
        on_epoch=keep,
        resume=state,
    )
    probs = evaluate.predict(model, dataset.test.images, parts.mean, parts.std)
    labels = dataset.test.labels.numpy()
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    files.write_tensors(folder / runs.WEIGHTS, weights)
    held_out = evaluate.predict(model, parts.validation.images, parts.mean, parts.std)
    files.write_arrays(
        folder / runs.PREDICTIONS,
        labels=labels,
        probs=probs.astype(np.float16),
        validation_labels=parts.validation.labels.numpy(),
        validation_probs=held_out.astype(np.float16),
        epoch_classes=torch.stack(trained.shown_classes).numpy(),
        epoch_confidences=torch.stack(trained.shown_confidences).numpy(),
    )
    metrics = measure(labels, probs, dataset.classes) | _story(trained)
    files.write_json(folder / runs.METRICS, metrics)
    runs.write_manifest(folder)
    (folder / runs.CHECKPOINT).unlink(missing_ok=True)
    return runs.load(info["id"])


def measure(labels: np.ndarray, probs: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
    """What metrics.json says of predictions: labels (N,), probs float32 (N, classes)."""
    predicted = probs.argmax(1)
    right = int((predicted == labels).sum())
    counts = evaluate.confusion(labels, predicted, len(classes))
    bins = statistics.calibration(labels, probs)
    return {
        "test_count": len(labels),
        "test_right": right,
        "test_accuracy": evaluate.accuracy(labels, probs),
        "test_accuracy_interval": list(statistics.wilson_interval(right, len(labels))),
        "test_loss": evaluate.cross_entropy(labels, probs),
        "per_class": evaluate.per_class(labels, predicted, classes),
        "confusion": counts.tolist(),
        "most_confused": evaluate.most_confused(counts),
        "expected_calibration_error": statistics.expected_calibration_error(bins),
        "calibration": bins,
    }


def _story(trained: Trained) -> dict[str, Any]:
    kept = trained.history[trained.kept_epoch - 1]
    return {
        "kept_epoch": trained.kept_epoch,
        "validation_accuracy": kept["validation_accuracy"],
        "validation_loss": kept["validation_loss"],
        "training_seconds": sum(record["seconds"] for record in trained.history),
        "total_seconds": trained.history[-1]["total_seconds"],
        "finished": _now(),
    }


@dataclass(frozen=True)
class Reproduction:
    """The saved weights, scored again. `exact`: the same number of test images is right."""

    stored: float
    found: float
    count: int
    exact: bool
    changed_predictions: int


def reproduce(run_id: str, dataset: data.Dataset | None = None) -> Reproduction:
    """Score a finished run's saved weights on the data set again, in float32 on the CPU.

    Raises RunNotFound, BrokenRun, or ValueError when the run is unfinished or the data is not what
    it was.
    """
    found = runs.load(run_id)
    model = load_model(found)
    dataset = dataset or data.load(found.info["dataset"])
    _same_data(found.info, dataset)
    probs = evaluate.predict(model, dataset.test.images, found.info["mean"], found.info["std"])
    right = int((probs.argmax(1) == dataset.test.labels.numpy()).sum())
    before = found.predictions()["probs"].argmax(1)
    return Reproduction(
        stored=found.metrics["test_accuracy"],
        found=right / len(dataset.test),
        count=len(dataset.test),
        exact=right == found.metrics["test_right"],
        changed_predictions=int((before != probs.argmax(1)).sum()),
    )


def load_model(run: runs.Run) -> torch.nn.Module:
    """A finished run's network on the CPU, in evaluation mode. Raises BrokenRun or ValueError."""
    if run.problem:
        raise files.BrokenRun(f"{run.id} is damaged: {run.problem}")
    if run.metrics is None:
        raise ValueError(f"{run.id} is {run.state}: it has no final weights yet")
    info = run.info
    model = models.build(info["model"], tuple(info["shape"]), len(info["classes"]), **info["sizes"])
    try:
        model.load_state_dict(runs.read_weights(run))
    except RuntimeError as error:
        raise files.BrokenRun(f"{run.folder / runs.WEIGHTS}: {error}") from error
    return models.channels_last(model).eval()


def recipe_of(run: runs.Run) -> Recipe:
    """The recipe as the run recorded it."""
    info = run.info
    return Recipe(
        info["recipe"],
        info["title"],
        info["dataset"],
        info["model"],
        info["sizes"],
        TrainConfig(**info["config"]),
        info["source"],
        info["stated"],
    )


def _build(recipe: Recipe, dataset: data.Dataset, seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return models.build(recipe.model, dataset.shape, len(dataset.classes), **recipe.sizes)


def _parts(dataset: data.Dataset, config: TrainConfig) -> TrainingData:
    fit, validation = dataset.holdout(config.validation)
    return TrainingData(fit, validation, dataset.test, *config.moments(dataset.mean, dataset.std))


def _same_data(info: dict, dataset: data.Dataset) -> None:
    if info["dataset_sha256"] != dataset.sha256:
        raise ValueError(
            f"the data set {info['dataset']!r} here is not the one the run was trained on "
            f"(sha256 {dataset.sha256[:12]}, the run has {info['dataset_sha256'][:12]})"
        )


def _changes(before: TrainConfig, after: TrainConfig) -> dict[str, list]:
    """Settings that differ from the recipe: name -> [recipe's, this run's]."""
    old, new = dataclasses.asdict(before), dataclasses.asdict(after)
    return {key: [old[key], new[key]] for key in old if old[key] != new[key]}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
