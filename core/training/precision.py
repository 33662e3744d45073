"""Which precision trains faster here: found by timing the real network, not by asking the
processor.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from core.data.datasets import Split
from core.training.loop import PREPARED, make_optimizer, prepared_batches
from core.training.models import channels_last
from core.training.results import TrainingData
from core.training.settings import TrainConfig
from core.training.steps import train_step

PRECISIONS = ("auto", "float32", "bfloat16")


def choose_precision(
    model: nn.Module, data: TrainingData, config: TrainConfig, wanted: str = "auto"
) -> tuple[str, dict[str, float]]:
    """The precision to train in and, for `auto`, the milliseconds a step took in each.

    Times the real network on a copy, both precisions in turn; bfloat16 must win by a tenth and
    agree with float32 on the loss to be taken.
    """
    if wanted not in PRECISIONS:
        raise ValueError(f"precision: {wanted!r} is unknown; choose one of {', '.join(PRECISIONS)}")
    if wanted != "auto":
        return wanted, {}
    if next(model.parameters()).device.type == "mps":
        return "float32", {}
    times: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    losses: dict[str, float] = {}
    for name, milliseconds, loss in _timed_steps(model, data, config, tuple(times), turns=12):
        times[name].append(milliseconds)
        losses[name] = loss
    medians = {name: statistics.median(spent[2:]) for name, spent in times.items()}
    agree = abs(losses["bfloat16"] - losses["float32"]) <= 0.05 * abs(losses["float32"]) + 0.02
    faster = medians["bfloat16"] < 0.9 * medians["float32"]
    return ("bfloat16" if faster and agree else "float32"), medians


def time_steps(
    model: nn.Module, data: TrainingData, config: TrainConfig, precision: str, turns: int = 20
) -> float:
    """Median milliseconds of one training step, its share of the augmentation included."""
    taken = [spent for _, spent, _ in _timed_steps(model, data, config, (precision,), turns)]
    start = time.perf_counter()
    few = data.fit.take(torch.arange(min(len(data.fit), PREPARED)))
    batches = sum(1 for _ in prepared_batches(few, data, config, torch.Generator().manual_seed(0)))
    preparing = 1000 * (time.perf_counter() - start) / batches
    return statistics.median(taken[2:]) + preparing


def _timed_steps(
    model: nn.Module, data: TrainingData, config: TrainConfig, precisions: Sequence[str], turns: int
) -> Iterator[tuple[str, float, float]]:
    """(precision, milliseconds, loss) of steps on a copy of the model, precisions taking turns."""
    device = next(model.parameters()).device
    few = data.fit.take(torch.arange(min(len(data.fit), config.batch_size)))
    few = Split(few.images.to(device), few.labels.to(device))
    trial = channels_last(copy.deepcopy(model)).train()
    optimizer = make_optimizer(trial, config.replace(lr=1e-8))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for turn in range(turns):
            for name in precisions:
                torch.manual_seed(turn)
                generator = torch.Generator().manual_seed(0)
                images, labels = next(prepared_batches(few, data, config, generator))
                autocast = torch.autocast(device.type, torch.bfloat16, enabled=name == "bfloat16")
                start = time.perf_counter()
                loss, _ = train_step(trial, images, labels, config, optimizer, autocast)
                value = float(loss)
                yield name, 1000 * (time.perf_counter() - start), value
