"""What a training begins from that goes on from a finished run with a person's own drawings.

Frozen into the new run's folder, so that it is resumed to the same weights when the set has grown
or the first run is gone. In line it waits like any other.

Nothing here imports torch at the top: pages put such a training in line.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data import datasets, sources
from core.jobs.job import DRAWINGS, OPTIONS, START, FineTuning, Job
from core.reading import personal
from core.runs import files, store
from core.training.recipes import from_description

if TYPE_CHECKING:
    from torch import Tensor

    from core.training.results import TrainingData

# Chosen by bench.training.fine_tuning, on new drawings and validation images: a share of 0.05
# leaves more of a small set's gain behind, a rate of 1 costs the set's own images.
SHARE = 0.2  # of the training images, that the drawings are repeated to
MAX_REPEATS = 50  # of one drawing: a handful is not learned by heart
EPOCHS, LR = 0.25, 0.3  # shares of the first training's
FIXED = ("normalisation", "validation")  # settings that weights are used to, or were not to see
TWIN = 0.05  # distance of two images of length 1 below which they are one picture twice


def joined(parts: TrainingData, drawings: tuple[Tensor, Tensor]) -> TrainingData:
    """The data of a training with drawings added to what it learns from; nothing else changes."""
    import torch

    images, labels = drawings
    fit = datasets.Split(
        torch.cat([parts.fit.images, images]), torch.cat([parts.fit.labels, labels])
    )
    return dataclasses.replace(parts, fit=fit)


def prepare(run_id: str) -> FineTuning:
    """Training further from a finished run with the drawings kept for it.

    Raises RunNotFound, BrokenRun, DatasetError when the test images are not here to look for
    drawings among them, or ValueError when there is nothing to train with.
    """
    run = _finished(run_id)
    kind = personal.kind_of(run)
    kept = sorted(personal.entries(kind), key=lambda entry: entry.id)
    images = personal.frames(kind, kept)
    shown = _tested(kind, run, kept, images)
    held = np.array([entry.held_out for entry in kept], bool)
    labels = np.array([entry.label for entry in kept], np.int64)
    fit, held_out = ((images[part], labels[part]) for part in (~held & ~shown, held & ~shown))
    if not len(fit[1]):
        raise ValueError(
            f"of {len(kept)} drawings that {run_id} could read none is there to train on "
            f"(a third is held out, {int(shown.sum())} are test images): keep more on the Draw page"
        )
    return _beginning(run, fit, held_out, kind.classes, int(shown.sum()))


def _finished(run_id: str) -> store.Run:
    run = store.load(run_id)
    if run.problem:
        raise files.BrokenRun(f"{run.id} is damaged: {run.problem}")
    if not run.metrics:
        raise ValueError(f"{run_id} is {run.status}: only a finished run can be trained further")
    return run


def _beginning(
    run: store.Run,
    fit: tuple[np.ndarray, np.ndarray],
    held_out: tuple[np.ndarray, np.ndarray],
    classes: tuple[str, ...],
    left_out: int = 0,
) -> FineTuning:
    """What goes on from a run's weights with these drawings."""
    return FineTuning(
        start_from={
            "run": run.id,
            "weights_sha256": store.weights_sha256(run),
            "dataset_sha256": run.info["dataset_sha256"],
        },
        personal={
            "count": len(fit[1]),
            "repeats": repeats(_images(run.info), len(fit[1])),
            "held_out": len(held_out[1]),
            "test_images_left_out": left_out,
            "sha256": _sha256(fit, classes),
            "held_out_sha256": _sha256(held_out, classes),
        },
        start=run.folder / store.WEIGHTS,
        fit=fit,
        held_out=held_out,
    )


def request(run_id: str, **changes: Any) -> Job:
    """The training that goes on from a run.

    Its settings suit weights that know most already: a quarter of the epochs at three tenths of
    the learning rate. `changes` of settings or OPTIONS that are not None are taken as given.
    Raises what `prepare` does.
    """
    tuning, run = prepare(run_id), store.load(run_id)
    recipe, config = from_description(run.info)
    gentle = {"epochs": max(1, round(EPOCHS * config.epochs)), "lr": LR * config.lr}
    if run.info.get("start_from"):
        gentle = {}  # its settings are gentle already
    given = {name: value for name, value in changes.items() if value is not None}
    own = {"seed": run.info["seed"], "name": f"{run.title[:60]}, with own drawings"}
    own |= {name: given.pop(name) for name in OPTIONS if name in given}
    return Job(recipe, config.replace(**gentle | given), tuning=tuning, **own)


def extend(run_id: str, epochs: int, **changes: Any) -> Job:
    """A new training that goes on from a finished run's weights for so many epochs, with its
    settings and images; its optimiser and schedule begin anew. `changes` are of settings or
    OPTIONS. Raises RunNotFound, BrokenRun, or ValueError when the run is not finished.
    """
    run = _finished(run_id)
    recipe, config = from_description(run.info)
    none = np.empty((0, *run.info["shape"]), np.uint8), np.empty(0, np.int64)
    tuning = _beginning(run, none, none, tuple(run.info["classes"]))
    own = {"seed": run.info["seed"], "name": f"{run.title[:60]}, {epochs} epochs more"}
    own |= {name: changes.pop(name) for name in OPTIONS if name in changes}
    return Job(recipe, config.replace(epochs=epochs, **changes), tuning=tuning, **own)


def repeats(images: int, drawings: int) -> int:
    """How often each drawing counts: to a fifth of the training images, at most 50 times."""
    return max(1, min(MAX_REPEATS, round(SHARE * images / max(1, drawings))))


def frozen(folder: Path, info: dict[str, Any]) -> FineTuning | None:
    """The beginning that a run's folder holds, or None for one that began from nothing. Raises
    BrokenRun.
    """
    if not info.get("start_from"):
        return None
    path = folder / DRAWINGS
    arrays = files.read_arrays(path)
    try:
        fit, held_out = (
            (arrays[f"{part}images"], arrays[f"{part}labels"]) for part in ("", "held_out_")
        )
        classes = tuple(info.get("classes") or sources.DATASETS[info["dataset"]].classes)
        same = _sha256(fit, classes) == info["personal"]["sha256"]
        same = same and _sha256(held_out, classes) == info["personal"]["held_out_sha256"]
    except (KeyError, TypeError) as error:
        raise files.BrokenRun(f"{path} lacks {error}") from error
    if not same:
        raise files.BrokenRun(f"{path}: not the drawings that the run began with")
    return FineTuning(info["start_from"], info["personal"], folder / START, fit, held_out)


def _images(info: dict[str, Any]) -> int:
    """Training images of a run, its drawings not counted."""
    drawings = info.get("personal") or {"count": 0, "repeats": 0}
    return info["images"]["fit"] - drawings["count"] * drawings["repeats"]


def _sha256(part: tuple[np.ndarray, np.ndarray], classes: tuple[str, ...]) -> str:
    return datasets.hash_part(*part, classes)


def _tested(
    kind: personal.Kind, run: store.Run, kept: list[personal.Entry], images: np.ndarray
) -> np.ndarray:
    """Which drawings are test images, bool (N,): by what the network sees, and by the picture
    where it has that size. Trained on them, a run's test accuracy would be worth nothing.
    """
    if not kept:
        return np.zeros(0, bool)
    test, _, digest = datasets.load_test(run.info["dataset"])
    if digest != run.info["test_sha256"]:
        raise datasets.DatasetError(
            f"the test images of {run.info['dataset']} here are not those of {run.id}"
        )
    pictures = [personal.small_picture(kind, entry) for entry in kept]
    places = [place for place, picture in enumerate(pictures) if picture is not None]
    small = np.array([pictures[place] for place in places], np.uint8).reshape(-1, *kind.shape)
    found = near_duplicates(np.concatenate([images, small, 255 - small]), test)
    found[places] |= found[len(kept) :].reshape(2, -1).any(0)
    return found[: len(kept)]


def near_duplicates(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which images, uint8 (N, C, H, W), stand among `others` too, as bright or less: bool (N,)."""
    cosine, theirs = 1 - TWIN**2 / 2, _unit(others).T
    found = np.zeros(len(images), bool)
    for start in range(0, len(images), 256):
        found[start : start + 256] = (_unit(images[start : start + 256]) @ theirs).max(1) > cosine
    return found


def _unit(images: np.ndarray) -> np.ndarray:
    """Rows float32 (N, C*H*W) of length 1."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
