"""Made-up data sets, and settings with which a small network learns them within seconds."""

from __future__ import annotations

import numpy as np
import torch

from core.data import datasets
from core.training import models, recipes
from core.training.results import TrainingData
from core.training.settings import TrainConfig

TINY = recipes.get("digits-cnn").config.replace(epochs=2, batch_size=64)
ONE_THREAD = {"precision": "float32", "threads": 1}  # a second one would wait for a busy core
FAST = TrainConfig(epochs=3, batch_size=32, lr=3e-3, rotation=5.0, translation=0.05)


def synthetic(
    channels: int = 1, side: int = 28, classes: int = 10, train: int = 600, test: int = 120
) -> datasets.Dataset:
    """Blurry blobs, one place and colour a class: a small network learns them within an epoch."""
    rng = np.random.RandomState(7)
    ys, xs = np.mgrid[:side, :side] / side

    def part(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count) % classes
        angle = 2 * np.pi * labels / classes
        centre_x, centre_y = 0.5 + 0.3 * np.cos(angle), 0.5 + 0.3 * np.sin(angle)
        distance = (xs - centre_x[:, None, None]) ** 2 + (ys - centre_y[:, None, None]) ** 2
        blob = 220 * np.exp(-distance / 0.02)
        tint = 1 - 0.5 * ((labels[:, None] + np.arange(channels)) % 3) / 2
        noise = rng.uniform(0, 30, (count, channels, side, side))
        images = blob[:, None] * tint[:, :, None, None] + noise
        return images.astype(np.uint8), labels

    names = tuple(f"class {index}" for index in range(classes))
    return datasets.from_arrays("synthetic", *part(train), *part(test), names)


def recipe_for(dataset: datasets.Dataset, model: str = "cnn", **sizes) -> recipes.Recipe:
    config = TrainConfig(epochs=2, batch_size=32, lr=3e-3)
    return recipes.Recipe("test", "A test", dataset.name, model, sizes, config)


def prepared(dataset: datasets.Dataset, config: TrainConfig, seed: int = 0):
    """A small network and the parts of a data set as the training loop takes them."""
    torch.manual_seed(seed)
    model = models.build("cnn", dataset.shape, len(dataset.classes), widths=(8, 8), dropout=0.2)
    fit, validation = dataset.holdout(config.validation)
    moments = config.moments(dataset.mean, dataset.std)
    return model, TrainingData(fit, validation, dataset.test, *moments)


def random_predictions(count: int, classes: int = 5, seed: int = 0, sharpness: float = 2.0):
    """Labels (N,) and probs float64 (N, classes) drawn from softened logits: right now and then."""
    rng = np.random.RandomState(seed)
    logits = rng.normal(size=(count, classes)) * sharpness
    powers = np.exp(logits)
    labels = np.where(rng.rand(count) < 0.6, logits.argmax(1), rng.randint(0, classes, count))
    return labels, powers / powers.sum(1, keepdims=True)
