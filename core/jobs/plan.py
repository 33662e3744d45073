"""What a training would be, before it starts: its layers, its parameters and its time here."""

from __future__ import annotations

import json
import math
import subprocess
import time
from typing import Any

from core.data import datasets, folders, sources
from core.jobs.job import Job
from core.runs import limits
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


def _begun(job: Job) -> tuple[Any, ...]:
    """(data set, its parts, network, precision) of a training here. Images of a set that is not
    here yet are stood in for by noise, which costs the same. Raises ValueError.
    """
    import torch

    from core.training import models
    from core.training.hardware import choose_device
    from core.training.loop import check
    from core.training.precision import choose_precision
    from core.training.results import TrainingData

    recipe, config = job.recipe, job.config
    torch.set_num_threads(job.threads or limits.threads())
    dataset = _here(recipe.dataset) or _noise(recipe.dataset)
    parts = TrainingData.of(dataset, config)
    shape, classes = dataset.shape, len(dataset.classes)
    model = models.build(recipe.model, shape, classes, seed=job.seed, **recipe.sizes)
    check(model, parts, config)
    model = model.to(choose_device(job.device))
    return dataset, parts, model, choose_precision(model, parts, config, job.precision)[0]


def estimate(job: Job) -> dict[str, Any]:
    """Seconds this training will take here, from a few timed steps of the real network.

    Keys: precision, step_ms, evaluation_s, epoch_s, total_s. Raises ValueError for settings that do
    not fit.
    """
    import torch

    from core.training import steps
    from core.training.precision import time_steps

    dataset, parts, model, precision = _begun(job)
    step_ms = time_steps(model, parts, job.config, precision)
    few = dataset.test.take(torch.arange(min(len(dataset.test), 1000)))
    start = time.perf_counter()
    steps.predict_logits(model, few.images, parts.mean, parts.std)
    each = (time.perf_counter() - start) / len(few)
    evaluation_s = each * (len(parts.validation) + len(dataset.test))
    epoch_s = step_ms / 1000 * math.ceil(len(parts.fit) / job.config.batch_size) + evaluation_s
    return {
        "precision": precision,
        "step_ms": step_ms,
        "evaluation_s": evaluation_s,
        "epoch_s": epoch_s,
        "total_s": epoch_s * job.config.epochs,
    }


def learning_rates(job: Job) -> dict[str, Any]:
    """The range test of `core.training.lr_finder` for a training. Raises ValueError, also where the
    training images are not here: noise has no rate.
    """
    from core.training import lr_finder

    if _here(job.recipe.dataset) is None:
        raise ValueError(f"the images of {job.recipe.dataset} are not here yet: fetch them first")
    _, parts, model, precision = _begun(job)
    return lr_finder.find(model, parts, job.config, precision)


def in_worker(command: str, job: Job) -> dict[str, Any]:
    """What `plan` or `find-lr` say of a training, in a process of its own. Raises ValueError."""
    done = subprocess.run(
        **folders.command(command, "--request", "-", "--json"),
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
