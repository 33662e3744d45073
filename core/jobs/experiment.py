"""The whole story in one function: load, build, train, predict, write the run. A worker does
nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.analysis import scoring
from core.analysis.scoring import check_data
from core.data import datasets
from core.evaluation import classification
from core.jobs.fine_tuning import START, FineTuning, frozen, joined
from core.runs import files, status, store
from core.training import models
from core.training.distributed import ALONE, Ended, World
from core.training.hardware import choose_device, environment, usable_threads
from core.training.loop import train
from core.training.precision import choose_precision
from core.training.recipes import Recipe, describe, differences, from_description
from core.training.results import Diverged, Trained, TrainingData
from core.training.settings import TrainConfig


class Stopped(Exception):
    """Raised by a callback to end a training early; what was learned so far is kept."""


@dataclass(frozen=True)
class Callbacks:
    """What a training tells while it runs; each may be left out.

    `start(info)` once its folder exists, `batch(epoch, images done, loss, accuracy)` some times a
    second, `epoch(record)` after each. `batch` and `epoch` may raise Stopped.
    """

    start: Callable[[dict[str, Any]], None] = lambda info: None
    batch: Callable[[int, int, float, float], None] | None = None
    epoch: Callable[[dict[str, Any]], None] = lambda record: None


def warm_up() -> None:
    """Import now what is imported late, so that code edited meanwhile cannot reach this process."""
    import scipy.stats
    import sklearn.metrics
    import torchvision.datasets.utils

    assert all((scipy.stats, sklearn.metrics, torchvision.datasets.utils))


def run(
    recipe: Recipe,
    *,
    seed: int = 0,
    config: TrainConfig | None = None,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    name: str | None = None,
    run_id: str | None = None,
    callbacks: Callbacks = Callbacks(),
    dataset: datasets.Dataset | None = None,
    tuning: FineTuning | None = None,
    world: World = ALONE,
) -> store.Run:
    """Train a recipe from the beginning, or from what `tuning` holds, and write it as a run.

    `config` replaces the recipe's settings, `dataset` its data (for sets that `datasets.load` does
    not know); `run_id` names a folder that holds only a request. Raises ValueError for settings
    that do not fit, DatasetError when the data cannot be had; an interrupted run keeps its folder
    and can be resumed. In a `world` of several processes this is the first one's part; the others
    `assist`.
    """
    config = config or recipe.config
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed: {seed} is outside 0 to {2**31 - 1}")
    torch.set_num_threads(threads or max(1, usable_threads() // world.local_size))
    place, machine = world.place(choose_device(device)), environment()

    dataset = dataset or datasets.load(recipe.dataset)
    parts = TrainingData.of(dataset, config)
    if tuning:
        check_data(tuning.start_from | {"dataset": dataset.name}, dataset)
        parts = joined(parts, tuning.tensors())
    parts.check_batch(config.batch_size)
    world.check_batch(config.batch_size)

    classes = len(dataset.classes)
    model = models.build(recipe.model, dataset.shape, classes, seed=seed, **recipe.sizes)
    layers: list[dict[str, Any]] = [
        {"layer": layer, "output": shape, "parameters": count}
        for layer, shape, count in models.layer_table(model, dataset.shape)
    ]
    model, begun = model.to(place), {}
    if tuning:
        model.load_state_dict(tuning.weights())
        before = scoring.count_right(model, tuning.held_out, parts.mean, parts.std)
        begun = tuning.info | {"personal": tuning.personal | {"right_before": before}}

    own = config.replace(batch_size=config.batch_size // world.size)  # what one process works on
    chosen_precision, step_ms = choose_precision(model, parts, own, precision)
    described = describe(recipe, config) | {"changed": differences(recipe.config, config)}
    info = {
        "id": run_id or store.new_id(recipe.name),
        "name": name,
        **described,
        "dataset": dataset.name,
        "seed": seed,
        "parameters": sum(row["parameters"] for row in layers),
        "layers": layers,
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
        "device": place.type,
        "precision": chosen_precision,
        "precision_test_ms": step_ms,
        "threads": torch.get_num_threads(),
        "world_size": world.size,
        "backend": world.backend,
        **machine,
        **begun,
    }
    with store.begin(info) as folder:
        if tuning:
            tuning.freeze(folder)
        callbacks.start(info)
        return _finish(folder, info, model, dataset, parts, None, callbacks, world, tuning)


def resume(
    run_id: str,
    *,
    callbacks: Callbacks = Callbacks(),
    dataset: datasets.Dataset | None = None,
    world: World = ALONE,
) -> store.Run:
    """Go on with an unfinished run, from its checkpoint or, without one, from the beginning.

    The `world` may have another size than the one it began in: the global batches stay the same,
    but dropout, augmentation and batch norm differ by process, so the weights will not be those of
    an unbroken run. run.json keeps the size it began with, the epochs' records name the other.
    Raises RunNotFound, BrokenRun, or ValueError when it is finished or the data has changed. The
    caller sees to it that nobody else works on the run.
    """
    found = store.load(run_id)
    info, folder = found.info, found.folder
    with files.lock(folder):
        for name in (status.FAILURE, store.MANIFEST, store.METRICS):
            (folder / name).unlink(missing_ok=True)
        files.sweep(folder)
        torch.set_num_threads(info["threads"])
        checkpoint = folder / store.CHECKPOINT
        saved = files.read_tensors(checkpoint) if checkpoint.exists() else None
        tuning = frozen(folder, info)
        dataset, parts, model = _as_begun(info, world.place(choose_device(info["device"])), dataset)
        if tuning:
            parts = joined(parts, tuning.tensors())
            if saved is None:
                model.load_state_dict(tuning.weights())
        callbacks.start(info)
        return _finish(folder, info, model, dataset, parts, saved, callbacks, world, tuning)


def assist(job: dict[str, Any], world: World) -> None:
    """Train along with the first process, writing nothing; `job` is what it broadcast.

    Raises DatasetError when the data cannot be had here, ValueError when it differs.
    """
    info = job["info"]
    torch.set_num_threads(info["threads"])
    _, parts, model = _as_begun(info, world.place(torch.device(info["device"])), None)
    if job["drawings"]:
        parts = joined(parts, job["drawings"])
    with contextlib.suppress(Ended, Diverged):  # the first process tells
        train(
            model,
            parts,
            TrainConfig(**info["config"]),
            seed=info["seed"],
            precision=info["precision"],
            resume=job["saved"],
            world=world,
        )


def _as_begun(
    info: dict[str, Any], place: torch.device, dataset: datasets.Dataset | None
) -> tuple[datasets.Dataset, TrainingData, torch.nn.Module]:
    """Data, its parts and the fresh network of a run, as run.json describes them."""
    dataset = dataset or datasets.load(info["dataset"])
    check_data(info, dataset)
    recipe, config = from_description(info)
    classes = len(dataset.classes)
    model = models.build(recipe.model, dataset.shape, classes, seed=info["seed"], **recipe.sizes)
    return dataset, TrainingData.of(dataset, config), model.to(place)


def _finish(
    folder: Path,
    info: dict[str, Any],
    model: torch.nn.Module,
    dataset: datasets.Dataset,
    parts: TrainingData,
    saved: dict[str, Any] | None,
    callbacks: Callbacks,
    world: World,
    tuning: FineTuning | None,
) -> store.Run:
    """Train, predict and write; the caller holds the run's lock."""
    drawings = tuning.tensors() if tuning else None
    world.broadcast({"info": info, "saved": saved, "drawings": drawings})
    history, checkpoint = folder / store.HISTORY, folder / store.CHECKPOINT
    stopped = False
    try:
        trained = train(
            model,
            parts,
            TrainConfig(**info["config"]),
            seed=info["seed"],
            precision=info["precision"],
            on_batch=callbacks.batch,
            on_epoch=callbacks.epoch,
            keep=partial(files.write_epoch, history, checkpoint),
            extra={"world_size": world.size} if world.size != info.get("world_size", 1) else {},
            resume=saved,
            world=world,
        )
    except Diverged as error:  # the curve shows where; a resumed attempt writes the epoch anew
        files.append_json(history, {"epoch": error.epoch, "problem": str(error)})
        raise
    except Stopped:
        stopped, trained = True, _last_epoch(checkpoint, model)

    labels = dataset.test.labels.numpy()
    probs, log_odds = scoring.predict(model, dataset.test.images, parts.mean, parts.std)
    held_out, held_out_odds = scoring.predict(model, parts.validation.images, parts.mean, parts.std)
    metrics = classification.measure(labels, probs, dataset.classes) | trained.outcome()
    metrics["stopped"] = stopped
    if tuning:
        metrics["personal"] = {
            "held_out": len(tuning.held_out[1]),
            "right_before": info["personal"]["right_before"],
            "right_after": scoring.count_right(model, tuning.held_out, parts.mean, parts.std),
        }
    arrays = {
        "labels": labels,
        "probs": probs.astype(np.float16),
        "log_odds": log_odds,
        "validation_labels": parts.validation.labels.numpy(),
        "validation_probs": held_out.astype(np.float16),
        "validation_log_odds": held_out_odds,
        **trained.predictions(len(labels)),
    }
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    run = store.finish(folder, weights, arrays, metrics)
    if not stopped:
        for path in (checkpoint, folder / START):
            path.unlink(missing_ok=True)
    return run


def _last_epoch(checkpoint: Path, model: torch.nn.Module) -> Trained:
    """The weights of the kept epoch so far, put into `model`; those it has, before the first."""
    if not checkpoint.exists():
        return Trained()
    saved = files.read_tensors(checkpoint)
    model.load_state_dict(saved["best_weights"] or saved["model"])
    return Trained.from_dict(saved["done"])
