"""What a network's predictions are worth; a finished run's network, loaded and scored again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from core.data import datasets
from core.evaluation.uncertainty import predicted_log_odds
from core.runs import files, reproduction, store
from core.training import models, steps


@dataclass(frozen=True)
class Reproduction:
    """The saved weights, scored again. `exact`: every test image gets the class that is stored for
    it, and the stored number of them is right.
    """

    stored: float
    found: float
    count: int
    exact: bool
    changed_predictions: int


def reproduce(run_id: str, dataset: datasets.Dataset | None = None) -> Reproduction:
    """Score a finished run's saved weights on the data set again, in float32 on the CPU.

    Raises RunNotFound, BrokenRun, or ValueError for an unfinished run or when the data has changed.
    """
    run = store.load(run_id)
    model = load_model(run)
    dataset = dataset or datasets.load(run.info["dataset"])
    check_data(run.info, dataset)
    probs = steps.predict(model, dataset.test.images, run.info["mean"], run.info["std"])
    right = int((probs.argmax(1) == dataset.test.labels.numpy()).sum())
    # both in float16, where near ties are ties
    before, now = run.predictions()["probs"].argmax(1), probs.astype(np.float16).argmax(1)
    changed = int((before != now).sum())
    exact = right == run.metrics["test_right"] and not changed
    count = len(dataset.test)
    return Reproduction(run.metrics["test_accuracy"], right / count, count, exact, changed)


def save_reproduction(run_id: str, dataset: datasets.Dataset | None = None) -> Reproduction:
    """`reproduce`, with what came out kept in the run's folder, also when its files turn out to be
    damaged. Raises what `reproduce` raises.
    """
    start = time.perf_counter()
    try:
        result = reproduce(run_id, dataset)
    except files.BrokenRun as error:
        run = store.load(run_id)
        if run.metrics:
            reproduction.write(run, None, seconds=time.perf_counter() - start, problem=str(error))
        raise
    reproduction.write(store.load(run_id), asdict(result), seconds=time.perf_counter() - start)
    return result


def predict(
    model: torch.nn.Module, images: torch.Tensor, mean: Sequence[float], std: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and log-odds, float32 (N, classes) and (N,), of uint8 images (N, C, H, W)."""
    logits = steps.predict_logits(model, images, mean, std)
    return logits.softmax(1).numpy(), predicted_log_odds(logits.numpy())


def count_right(
    model: torch.nn.Module,
    drawings: tuple[np.ndarray, np.ndarray],
    mean: Sequence[float],
    std: Sequence[float],
) -> int:
    """How many of some images uint8 (N, C, H, W) with labels (N,) a network reads right."""
    images, labels = drawings
    if not len(labels):
        return 0
    probs = steps.predict(model, torch.from_numpy(images), mean, std)
    return int((probs.argmax(1) == labels).sum())


def load_model(run: store.Run) -> torch.nn.Sequential:
    """A finished run's network on the CPU, in evaluation mode. Raises BrokenRun or ValueError."""
    if run.problem:
        raise files.BrokenRun(f"{run.id} is damaged: {run.problem}")
    if not run.metrics:
        raise ValueError(f"{run.id} is {run.status}: it has no final weights yet")
    info = run.info
    model = models.build(info["model"], tuple(info["shape"]), len(info["classes"]), **info["sizes"])
    try:
        model.load_state_dict(store.read_weights(run))
    except RuntimeError as error:
        raise files.BrokenRun(f"{run.folder / store.WEIGHTS}: {error}") from error
    return models.channels_last(model).eval()


def check_data(info: dict[str, Any], dataset: datasets.Dataset) -> None:
    """Raises ValueError when a data set is not the one that a run recorded."""
    if info["dataset_sha256"] != dataset.sha256:
        raise ValueError(
            f"the data set {info['dataset']!r} here is not the one the run was trained on "
            f"(sha256 {dataset.sha256[:12]}, the run has {info['dataset_sha256'][:12]})"
        )
