"""The whole story in one function: load, build, train, predict, write the run. A worker does
nothing else.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
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
from core.training.loop import Diverged, Trained, TrainingData, check_batch, train
from core.training.precision import choose_precision
from core.training.recipes import Recipe, describe, differences, from_description
from core.training.settings import TrainConfig


class Stopped(Exception):
    """Raised by a callback to end a training early; what was learned so far is kept."""


@dataclass(frozen=True)
class Callbacks:
    """What a training tells while it runs; each may be left out.

    `start(info)` once its folder exists, `batch(epoch, images done, loss, accuracy)` some times a
    second, `epoch(record)` after each. `batch` and `epoch` may raise Stopped.
    """

    start: Callable[[dict], None] = lambda info: None
    batch: Callable[[int, int, float, float], None] | None = None
    epoch: Callable[[dict], None] = lambda record: None


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
    begin: FineTuning | None = None,
    world: World = ALONE,
) -> store.Run:
    """Train a recipe from the beginning, or from what `begin` holds, and write it as a run.

    `config` replaces the recipe's settings, `dataset` its data (for sets that `data.load` does not
    know); `run_id` names a folder that holds only a request. Raises ValueError for settings that do
    not fit, DatasetError when the data cannot be had; an interrupted run keeps its folder and can
    be resumed. In a `world` of several processes this is the first one's part; the others `assist`.
    """
    config = config or recipe.config
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed: {seed} is outside 0 to {2**31 - 1}")
    torch.set_num_threads(threads or max(1, usable_threads() // world.local_size))
    chosen_device = world.place(choose_device(device))
    dataset = dataset or datasets.load(recipe.dataset)
    parts, begun = split(dataset, config), {}
    if begin:
        check_data(begin.start_from | {"dataset": dataset.name}, dataset)
        parts = joined(parts, begin.tensors())
    check_batch(config, parts)
    world.check_batch(config.batch_size)
    model = _build(recipe, dataset, seed).to(chosen_device)
    if begin:
        model.load_state_dict(begin.weights())
        before = scoring.read_right(model, begin.held_out, parts.mean, parts.std)
        begun = begin.info | {"personal": begin.personal | {"right_before": before}}
    own = config.replace(batch_size=config.batch_size // world.size)  # what one process works on
    chosen_precision, step_ms = choose_precision(model, parts, own, precision)
    info = {
        "id": run_id or store.new_id(recipe.name),
        "name": name,
        **describe(recipe, config),
        "dataset": dataset.name,
        "seed": seed,
        "parameters": models.count_parameters(model),
        "changed": differences(recipe.config, config),
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
        "device": chosen_device.type,
        "precision": chosen_precision,
        "precision_test_ms": step_ms,
        "threads": torch.get_num_threads(),
        "world_size": world.size,
        "backend": world.backend,
        "created": now(),
        **environment(),
        **begun,
    }
    folder = store.create(info)
    with status.lock(folder):
        files.sweep(folder)  # of an attempt that was killed while it wrote run.json
        if begin:
            begin.freeze(folder)
        callbacks.start(info)
        return _work(folder, info, model, dataset, parts, None, callbacks, world, begin)


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
    info = found.info
    with status.lock(found.folder):
        for name in (status.FAILURE, store.MANIFEST, store.METRICS):
            (found.folder / name).unlink(missing_ok=True)
        files.sweep(found.folder)
        torch.set_num_threads(info["threads"])
        dataset = dataset or datasets.load(info["dataset"])
        check_data(info, dataset)
        recipe, config = from_description(info)
        model = _build(recipe, dataset, info["seed"])
        model = model.to(world.place(choose_device(info["device"])))
        checkpoint = found.folder / store.CHECKPOINT
        saved = files.read_tensors(checkpoint) if checkpoint.exists() else None
        parts, begin = split(dataset, config), frozen(found.folder, info)
        if begin:
            parts = joined(parts, begin.tensors())
            if saved is None:
                model.load_state_dict(begin.weights())
        callbacks.start(info)
        return _work(found.folder, info, model, dataset, parts, saved, callbacks, world, begin)


def assist(job: dict[str, Any], world: World) -> None:
    """Train along with the first process, writing nothing; `job` is what it broadcast.

    Raises DatasetError when the data cannot be had here, ValueError when it differs.
    """
    info = job["info"]
    torch.set_num_threads(info["threads"])
    dataset = datasets.load(info["dataset"])
    check_data(info, dataset)
    recipe, config = from_description(info)
    model = _build(recipe, dataset, info["seed"]).to(world.place(torch.device(info["device"])))
    parts = split(dataset, config)
    if job["drawings"]:
        parts = joined(parts, job["drawings"])
    with contextlib.suppress(Ended, Diverged):  # the first process tells
        train(
            model,
            parts,
            config,
            seed=info["seed"],
            precision=info["precision"],
            resume=job["saved"],
            world=world,
        )


def _work(
    folder,
    info,
    model,
    dataset,
    parts,
    saved,
    callbacks: Callbacks,
    world: World,
    begin: FineTuning | None,
) -> store.Run:
    """Train, predict and write; the caller holds the run's lock."""
    config = TrainConfig(**info["config"])
    start = time.perf_counter()
    earlier = saved.pop("total_seconds") if saved else 0.0
    drawings = begin.tensors() if begin else None
    world.broadcast({"info": info, "saved": saved, "drawings": drawings})

    def keep(record: dict, snapshot: Callable[[], dict]) -> None:
        record["total_seconds"] = earlier + time.perf_counter() - start
        if world.size != info.get("world_size", 1):
            record["world_size"] = world.size
        store.append_history(folder, record)
        checkpoint = snapshot() | {"total_seconds": record["total_seconds"]}
        files.write_tensors(folder / store.CHECKPOINT, checkpoint)
        callbacks.epoch(record)

    stopped = False
    try:
        trained = train(
            model,
            parts,
            config,
            seed=info["seed"],
            precision=info["precision"],
            on_batch=callbacks.batch,
            on_epoch=keep,
            resume=saved,
            world=world,
        )
    except Diverged as error:  # the curve shows where; a resumed attempt writes the epoch anew
        store.append_history(folder, {"epoch": error.epoch, "problem": str(error)})
        raise
    except Stopped:
        stopped = True
        trained = _last_epoch(folder, model)
    probs = classification.predict(model, dataset.test.images, parts.mean, parts.std)
    held_out = classification.predict(model, parts.validation.images, parts.mean, parts.std)
    labels = dataset.test.labels.numpy()
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    files.write_tensors(folder / store.WEIGHTS, weights)
    files.write_arrays(
        folder / store.PREDICTIONS,
        labels=labels,
        probs=probs.astype(np.float16),
        validation_labels=parts.validation.labels.numpy(),
        validation_probs=held_out.astype(np.float16),
        epoch_classes=_stacked(trained.shown_classes, len(labels)),
        epoch_confidences=_stacked(trained.shown_confidences, len(labels)),
    )
    metrics = scoring.measure(labels, probs, dataset.classes) | _story(trained, stopped)
    if begin:
        after = scoring.read_right(model, begin.held_out, parts.mean, parts.std)
        metrics["personal"] = {
            "held_out": len(begin.held_out[1]),
            "right_before": info["personal"]["right_before"],
            "right_after": after,
        }
    files.write_json(folder / store.METRICS, metrics)
    store.write_manifest(folder)
    if not stopped:
        for name in (store.CHECKPOINT, START):
            (folder / name).unlink(missing_ok=True)
    return store.load(info["id"])


def _last_epoch(folder, model: torch.nn.Module) -> Trained:
    """The weights of the kept epoch so far, put into `model`; those it has, before the first."""
    checkpoint = folder / store.CHECKPOINT
    if not checkpoint.exists():
        return Trained()
    saved = files.read_tensors(checkpoint)
    model.load_state_dict(saved["best_weights"] or saved["model"])
    return Trained.from_dict(saved["done"])


def _stacked(epochs: list[torch.Tensor], count: int) -> np.ndarray:
    """uint8 (epochs, count), also of no epoch at all."""
    return torch.stack(epochs).numpy() if epochs else np.empty((0, count), np.uint8)


def _story(trained: Trained, stopped: bool) -> dict[str, Any]:
    kept = trained.history[trained.kept_epoch - 1] if trained.history else {}
    return {
        "kept_epoch": trained.kept_epoch,
        "epochs": len(trained.history),
        "stopped": stopped,
        "validation_accuracy": kept.get("validation_accuracy"),
        "validation_loss": kept.get("validation_loss"),
        "training_seconds": sum(record["seconds"] for record in trained.history),
        "total_seconds": trained.history[-1]["total_seconds"] if trained.history else 0.0,
        "finished": now(),
    }


def _build(recipe: Recipe, dataset: datasets.Dataset, seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return models.build(recipe.model, dataset.shape, len(dataset.classes), **recipe.sizes)


def split(dataset: datasets.Dataset, config: TrainConfig) -> TrainingData:
    """The data as training sees it: held out and normalised as the settings say."""
    fit, validation = dataset.holdout(config.validation)
    return TrainingData(fit, validation, dataset.test, *config.moments(dataset.mean, dataset.std))


def now() -> str:
    """This moment with its time zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
