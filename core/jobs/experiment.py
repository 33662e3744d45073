"""The whole story in one function: load, build, train, predict, write the run. A worker does
nothing else.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.analysis import scoring
from core.analysis.scoring import check_data
from core.data import datasets
from core.evaluation import classification
from core.jobs.fine_tuning import frozen, joined
from core.jobs.job import START, FineTuning, Job
from core.runs import files, limits, locks, status, store
from core.training import models
from core.training.distributed import ALONE, Ended, World
from core.training.hardware import choose_device, environment
from core.training.loop import check, checkpoint_bytes, train
from core.training.precision import choose_precision
from core.training.recipes import describe, differences, from_description
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
    """Import now what is imported late: code edited meanwhile cannot reach this process."""
    import scipy.stats
    import sklearn.metrics
    import torchvision.datasets.utils

    assert all((scipy.stats, sklearn.metrics, torchvision.datasets.utils))


def run(
    job: Job,
    *,
    run_id: str | None = None,
    callbacks: Callbacks = Callbacks(),
    dataset: datasets.Dataset | None = None,
    world: World = ALONE,
) -> store.Run:
    """Train from the beginning, or from what the job's `tuning` holds, and write it as a run.

    `dataset` replaces the recipe's data (for sets that `datasets.load` does not know); `run_id`
    names a folder that holds only a request. Raises ValueError for settings that do not fit,
    DatasetError when the data cannot be had; an interrupted run keeps its folder and can be
    resumed. In a `world` of several processes this is the first one's part; the others `assist`.
    """
    recipe, config, seed, tuning = job.recipe, job.config, job.seed, job.tuning
    torch.set_num_threads(job.threads or max(1, limits.threads() // world.local_size))
    place, machine = world.place(choose_device(job.device)), environment()

    dataset = dataset or datasets.load(recipe.dataset)
    parts = TrainingData.of(dataset, config)
    if tuning:
        check_data(tuning.start_from | {"dataset": dataset.name}, dataset)
        parts = joined(parts, tuning.tensors())

    classes = len(dataset.classes)
    model = models.build(recipe.model, dataset.shape, classes, seed=seed, **recipe.sizes)
    layers: list[dict[str, Any]] = [
        {"layer": layer, "output": shape, "parameters": count}
        for layer, shape, count in models.layer_table(model, dataset.shape)
    ]
    parameters = sum(row["parameters"] for row in layers)
    check(model, parts, config, world)
    if (size := checkpoint_bytes(model, config)) > files.MAX_TENSOR_BYTES:
        made, most = (f"{each / 1e6:.0f} MB" for each in (size, files.MAX_TENSOR_BYTES))
        raise ValueError(f"parameters: {parameters:,} make checkpoints of {made}, over {most}")
    model, begun = model.to(place), {}
    if tuning:
        model.load_state_dict(tuning.weights())
        before = scoring.count_right(model, tuning.held_out, parts.mean, parts.std)
        begun = tuning.info | {"personal": tuning.personal | {"right_before": before}}

    own = config.replace(batch_size=config.batch_size // world.size)  # what one process works on
    chosen_precision, multiply_adds = choose_precision(model, parts, own, job.precision)
    described = describe(recipe, config) | {"changed": differences(recipe.config, config)}
    info = {
        "id": run_id or store.new_id(recipe.name),
        "name": job.name,
        **described,
        "dataset": dataset.name,
        "seed": seed,
        "parameters": parameters,
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
        "multiply_adds": multiply_adds,
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
    What a stopped run has stays until a new epoch is done. Raises RunNotFound, BrokenRun,
    DatasetError, or ValueError when it is finished or the data has changed. The caller sees to it
    that nobody else works on the run.
    """
    found = store.load(run_id)
    info, folder = found.info, found.folder
    with locks.lock(folder):
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
        if saved:
            done, answers = saved["done"], folder / store.EPOCHS
            if "shown_classes" in done:  # an older version kept them in the checkpoint
                both = torch.stack([done["shown_classes"], done["shown_confidences"]], 1)
                files.write_bytes(answers, both.numpy().tobytes())
            files.read_epochs(answers, len(done["history"]), len(dataset.test))
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
    paths = folder / store.EPOCHS, folder / store.HISTORY, folder / store.CHECKPOINT
    answers, history, checkpoint = paths
    stopped, begun = False, None if saved else copy.deepcopy(model.state_dict())

    def keep(*epoch: Any) -> None:
        _forget_results(folder)
        files.write_epoch(paths, *epoch)

    try:
        trained = train(
            model,
            parts,
            TrainConfig(**info["config"]),
            seed=info["seed"],
            precision=info["precision"],
            on_batch=callbacks.batch,
            on_epoch=callbacks.epoch,
            keep=keep,
            extra={"world_size": world.size} if world.size != info.get("world_size", 1) else {},
            resume=saved,
            world=world,
        )
    except Diverged as error:  # the curve shows where; a resumed attempt writes the epoch anew
        if not (folder / store.MANIFEST).exists():  # else it keeps what it had when it was stopped
            files.append_json(history, {"epoch": error.epoch, "problem": str(error)})
        raise
    except Stopped:
        stopped, trained = True, _last_epoch(checkpoint, model, begun)
    history.touch()  # also of a run that was stopped before its first epoch was done

    labels = dataset.test.labels.numpy()
    probs, log_odds = scoring.predict(model, dataset.test.images, parts.mean, parts.std)
    held_out, held_out_odds = scoring.predict(model, parts.validation.images, parts.mean, parts.std)
    metrics = classification.measure(labels, probs, dataset.classes) | trained.outcome()
    metrics["stopped"] = stopped
    metrics["stopped_early"] = not stopped and metrics["epochs"] < info["config"]["epochs"]
    if tuning:
        metrics["personal"] = {
            "held_out": len(tuning.held_out[1]),
            "right_before": info["personal"]["right_before"],
            "right_after": scoring.count_right(model, tuning.held_out, parts.mean, parts.std),
        }
    by_epoch = files.read_epochs(answers, len(trained.history), len(labels))
    arrays = {
        "labels": labels,
        "probs": probs.astype(np.float16),
        "log_odds": log_odds,
        "validation_labels": parts.validation.labels.numpy(),
        "validation_probs": held_out.astype(np.float16),
        "validation_log_odds": held_out_odds,
        "epoch_classes": by_epoch[:, 0],
        "epoch_confidences": by_epoch[:, 1],
    }
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    _forget_results(folder)
    run = store.finish(folder, weights, arrays, metrics)
    if not stopped:
        for path in (answers, checkpoint, folder / START):
            path.unlink(missing_ok=True)
    return run


def _forget_results(folder: Path) -> None:
    """Remove what an earlier attempt ended with."""
    for name in (store.MANIFEST, store.METRICS, status.FAILURE):
        (folder / name).unlink(missing_ok=True)


def _last_epoch(
    checkpoint: Path, model: torch.nn.Module, begun: dict[str, torch.Tensor] | None
) -> Trained:
    """The weights of the kept epoch so far, put into `model`; before the first those it `begun`
    with.
    """
    if not checkpoint.exists():
        model.load_state_dict(begun or {})
        return Trained()
    saved = files.read_tensors(checkpoint)
    model.load_state_dict(saved["best_weights"] or saved.get("average") or saved["model"])
    return Trained.from_dict(saved["done"])
