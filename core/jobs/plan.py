"""What a training would be, before it starts: its layers, its parameters and its time here."""

from __future__ import annotations

import json
import math
import subprocess
import time
from typing import Any

from core.data import datasets, folders, sources
from core.jobs.job import Job
from core.training.recipes import Recipe
from core.training.settings import TrainConfig

BUILT_IN_SHAPE = (1, 28, 28)  # of every set that is not on this machine yet


def image_shape(dataset: str) -> tuple[int, int, int]:
    """(channels, height, width) of a data set's images, read from its test part when it is here."""
    try:
        return tuple(datasets.load_test(dataset)[0].shape[1:])
    except datasets.DatasetError:
        return BUILT_IN_SHAPE


def layers(recipe: Recipe) -> list[tuple[str, tuple[int, ...], int]]:
    """(layer, output shape, parameters) of the recipe's network; ValueError when it misfits."""
    from core.training import models

    shape = image_shape(recipe.dataset)
    classes = len(sources.DATASETS[recipe.dataset].classes)
    model = models.build(recipe.model, shape, classes, **recipe.sizes)
    return list(models.layer_table(model, shape))


def estimate(job: Job) -> dict[str, Any]:
    """Seconds this training will take here, from a few timed steps of the real network.

    Keys: precision, step_ms, evaluation_s, epoch_s, total_s. Images of a set that is not here yet
    are stood in for by noise, which costs the same. Raises ValueError for settings that do not fit.
    """
    import torch

    from core.training import models, steps
    from core.training.hardware import choose_device, usable_threads
    from core.training.precision import choose_precision, time_steps
    from core.training.results import TrainingData

    recipe, config = job.recipe, job.config
    torch.set_num_threads(job.threads or usable_threads())
    chosen = choose_device(job.device)
    dataset = _here(recipe.dataset) or _noise(recipe.dataset)
    parts = TrainingData.of(dataset, config)
    parts.check_batch(config.batch_size)
    model = models.build(recipe.model, dataset.shape, len(dataset.classes), **recipe.sizes)
    model = model.to(chosen)
    picked, _ = choose_precision(model, parts, config, job.precision)
    step_ms = time_steps(model, parts, config, picked)
    few = dataset.test.take(torch.arange(min(len(dataset.test), 1000)))
    start = time.perf_counter()
    steps.predict_logits(model, few.images, parts.mean, parts.std)
    each = (time.perf_counter() - start) / len(few)
    evaluation_s = each * (len(parts.validation) + len(dataset.test))
    epoch_s = step_ms / 1000 * math.ceil(len(parts.fit) / config.batch_size) + evaluation_s
    return {
        "precision": picked,
        "step_ms": step_ms,
        "evaluation_s": evaluation_s,
        "epoch_s": epoch_s,
        "total_s": epoch_s * config.epochs,
    }


def estimate_in_worker(job: Job) -> dict[str, Any]:
    """`estimate` in a process of its own, which may use all processors. Raises ValueError."""
    done = subprocess.run(
        **folders.command("plan", "--request", "-", "--json"),
        input=json.dumps(job.request()),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise ValueError(done.stderr.strip().removeprefix("error: ") or "could not be measured")
    return json.loads(done.stdout)


def augmented(dataset: str, config: TrainConfig, count: int = 8) -> Any:
    """The first test images as training would change them: uint8 (count, C, H, W), new draws each
    time. Raises DatasetError when the images are not here.
    """
    import torch

    from core.training.augmentation import augment

    images = torch.from_numpy(datasets.load_test(dataset)[0][:count].copy()).float()
    generator = torch.Generator().manual_seed(time.time_ns() % 2**31)
    return augment(images, config, generator).clamp(0, 255).to(torch.uint8).numpy()


def _here(name: str) -> datasets.Dataset | None:
    """The set when all of it is here, which `load_train` tells: `load` alone would fetch it."""
    try:
        datasets.load_train(name)
        return datasets.load(name)
    except datasets.DatasetError:
        return None


def _noise(name: str) -> datasets.Dataset:
    import numpy as np

    rng = np.random.default_rng(0)
    classes = sources.DATASETS[name].classes

    def part(count: int) -> tuple[np.ndarray, np.ndarray]:
        images = rng.integers(0, 256, (count, *BUILT_IN_SHAPE), dtype=np.uint8)
        return images, np.arange(count) % len(classes)

    return datasets.from_arrays(name, *part(60_000), *part(10_000), classes)
