"""The range test of a learning rate: a few steps at rates that grow, and where the loss falls
fastest (Smith 2015, arXiv:1506.01186).
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from core.data.datasets import Split
from core.training.batches import prepared_batches
from core.training.models import channels_last
from core.training.optimization import make_optimizer
from core.training.results import TrainingData
from core.training.settings import FIELDS, TrainConfig
from core.training.steps import train_step

LOW, HIGH, STEPS = 1e-6, 10.0, 120
SMOOTHING = 0.9  # of the loss, whose single values are of single batches
WORSE = 4.0  # times the lowest loss: what follows is divergence


def find(
    model: nn.Module, data: TrainingData, config: TrainConfig, precision: str = "float32"
) -> dict[str, Any]:
    """`rates` and the smoothed `losses` of a step at each, on a copy of the model; `suggested` is
    the rate at which the loss falls fastest along the logarithm, None where it does not fall.
    """
    trial = channels_last(copy.deepcopy(model)).train()
    device = next(trial.parameters()).device
    fit = Split(data.fit.images.to(device), data.fit.labels.to(device))
    data = dataclasses.replace(data, fit=fit)
    optimizer = make_optimizer(trial, config.replace(lr=FIELDS["lr"].metadata["low"]))
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    generator = torch.Generator().manual_seed(0)
    epochs = (prepared_batches(fit, data, config, generator) for _ in itertools.count())
    rates, mean = np.geomspace(LOW, HIGH, STEPS), 0.0
    losses: list[float] = []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)  # dropout
        for step, (images, labels) in enumerate(itertools.chain.from_iterable(epochs)):
            for group in optimizer.param_groups:
                group["lr"] = rates[step]
            loss = float(train_step(trial, images, labels, config, optimizer, autocast)[0])
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            smooth = mean / (1 - SMOOTHING ** (step + 1))
            if not math.isfinite(smooth) or smooth > WORSE * min([*losses, smooth]):
                break
            losses.append(smooth)
            if len(losses) == STEPS:
                break
    rates = rates[: len(losses)]
    return {"rates": rates.tolist(), "losses": losses, "suggested": _steepest(rates, losses)}


def _steepest(rates: np.ndarray, losses: list[float]) -> float | None:
    """The rate, to two digits, at which the loss falls fastest before it is lowest."""
    lowest = int(np.argmin(losses)) if losses else 0
    if lowest < 2:
        return None
    slope = np.gradient(np.array(losses), np.log(rates))[: lowest + 1]
    return float(f"{rates[int(np.argmin(slope))]:.1e}")
