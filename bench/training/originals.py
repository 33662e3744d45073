"""Epoch times of the five originals here against a plain torchvision + DataLoader script of each.

Run: python -m bench.training.originals [--images 12000] [--pairs 5]. Both sides train the same
network with the same batch size, optimiser and augmentation on the same number of MNIST or Fashion-
MNIST images, in turn, in one process with the same threads; the plain side is written as tutorials
write it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets as published
from torchvision import transforms

from core.data import datasets, folders
from core.training import models, recipes, settings
from core.training.hardware import usable_threads
from core.training.loop import train
from core.training.precision import choose_precision
from core.training.results import TrainingData

ORIGINALS = ("mnist-mlp", "mnist-cnn-bn", "mnist-cnn-keras", "mnist-cnn-128", "fashion-cnn")


def plain_network(name: str) -> nn.Module:
    if name == "mnist-mlp":
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )
    padding = 0 if "keras" in name or "128" in name else 1
    dense = 64 if "keras" in name else 128
    side = 5 if padding == 0 else 7
    norm = "bn" in name
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=padding),
        *([nn.BatchNorm2d(32)] if norm else []),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=padding),
        *([nn.BatchNorm2d(64)] if norm else []),
        nn.ReLU(),
        nn.MaxPool2d(2),
        *([nn.Dropout(0.25 if norm else 0.5)] if padding else []),
        nn.Flatten(),
        nn.Linear(64 * side * side, dense),
        nn.ReLU(),
        *([nn.Dropout(0.5)] if norm else []),
        nn.Linear(dense, 10),
    )


def plain_epoch(name: str, config: settings.TrainConfig, images: int) -> float:
    """Seconds of one epoch as a tutorial writes it."""
    steps = [transforms.ToTensor()]
    if config.rotation:
        shift = (config.translation, config.translation)
        steps.insert(0, transforms.RandomAffine(config.rotation, translate=shift))
    if config.normalisation != "unit":
        moments = ((0.5,), (0.5,)) if config.normalisation == "half" else ((0.1307,), (0.3081,))
        steps.append(transforms.Normalize(*moments))
    kind = published.FashionMNIST if name.startswith("fashion") else published.MNIST
    dataset = kind(str(folders.data_root()), train=True, transform=transforms.Compose(steps))
    loader = DataLoader(Subset(dataset, range(images)), config.batch_size, shuffle=True)
    model = plain_network(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, eps=config.eps)
    criterion = nn.CrossEntropyLoss()
    model.train()
    total = 0.0
    start = time.perf_counter()
    for batch, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(batch), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return time.perf_counter() - start


def our_epoch(name: str, dataset: datasets.Dataset, images: int, precision: str | None) -> tuple:
    """(seconds, precision) of one epoch as a recipe trains here."""
    recipe = recipes.get(name)
    config = recipe.config.replace(epochs=1, validation=0.0)
    torch.manual_seed(0)
    model = models.build(recipe.model, dataset.shape, len(dataset.classes), **recipe.sizes)
    fit = dataset.train.take(torch.arange(images))
    nothing = dataset.test.take(torch.arange(1))
    parts = TrainingData(fit, nothing, nothing, *config.moments(dataset.mean, dataset.std))
    precision = precision or choose_precision(model, parts, config)[0]
    return train(model, parts, config, precision=precision).history[0]["seconds"], precision


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=12_000, help="of 60,000; times are scaled up")
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(usable_threads())
    scale = 60_000 / options.images
    print(f"{torch.get_num_threads()} threads, {options.pairs} pairs, seconds for 60,000 images")
    print(f"{'recipe':<17}{'plain (min-max)':>24}{'here (min-max)':>24}{'ratio':>8}  precision")
    for name in ORIGINALS:
        recipe = recipes.get(name)
        try:
            dataset = datasets.load(recipe.dataset)
        except datasets.DatasetError as error:
            print(f"cannot measure: {error}", file=sys.stderr)
            return 1
        plain, ours, precision = [], [], None
        for _ in range(options.pairs):
            plain.append(scale * plain_epoch(name, recipe.config, options.images))
            seconds, precision = our_epoch(name, dataset, options.images, precision)
            ours.append(scale * seconds)
        ratio = statistics.median(a / b for a, b in zip(plain, ours, strict=True))
        columns = [
            f"{statistics.median(times):.2f} ({min(times):.2f}-{max(times):.2f})"
            for times in (plain, ours)
        ]
        print(f"{name:<17}{columns[0]:>24}{columns[1]:>24}{ratio:>7.1f}x  {precision}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
