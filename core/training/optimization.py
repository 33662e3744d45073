"""What becomes of the gradients: optimiser, schedule, moving average, and when to give up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from core.training.settings import TrainConfig


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The configured optimiser; weight decay spares biases and batch-norm scales."""
    groups = [{"params": list(model.parameters()), "weight_decay": 0.0}]
    if config.weight_decay:
        groups = [
            {
                "params": [p for p in model.parameters() if p.ndim > 1],
                "weight_decay": config.weight_decay,
            },
            {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
    fused = next(model.parameters()).device.type in ("cpu", "cuda")
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, nesterov=True, fused=fused)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    return kind(groups, lr=config.lr, eps=config.eps, fused=fused)


def make_schedule(
    optimizer: torch.optim.Optimizer, config: TrainConfig, steps: int
) -> tuple[Any, torch.optim.lr_scheduler.ReduceLROnPlateau | None]:
    """(what to step after every batch, what to step after every epoch with its validation loss),
    each None where there is nothing to do; `steps` are those of an epoch.

    OneCycle is that of Smith and Topin (2018, arXiv:1708.07120) and warms up by itself.
    """
    schedules, total = torch.optim.lr_scheduler, config.epochs * steps
    warm = round(config.warmup * steps)
    if config.schedule == "onecycle":
        cycle = schedules.OneCycleLR(optimizer, config.lr, total_steps=total, pct_start=0.25)
        return cycle, None
    if config.schedule == "plateau":  # both multiply the rate as they find it
        linear = schedules.LinearLR(optimizer, 1 / (warm + 1), total_iters=warm) if warm else None
        return linear, schedules.ReduceLROnPlateau(
            optimizer, factor=config.gamma, patience=config.step_size, threshold=0.0, eps=0.0
        )
    if config.schedule == "constant" and not warm:
        return None, None

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        if config.schedule == "cosine":
            return (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2
        if config.schedule == "step":
            return config.gamma ** ((step - warm) // (config.step_size * steps))
        return 1.0

    return schedules.LambdaLR(optimizer, factor), None


def make_average(model: nn.Module, config: TrainConfig) -> Any:
    """The moving average of the weights and of batch norm's statistics, or None; its first update
    begins it.
    """
    swa = torch.optim.swa_utils
    ema = swa.get_ema_multi_avg_fn(config.ema)
    return swa.AveragedModel(model, multi_avg_fn=ema, use_buffers=True) if config.ema else None


def waited(losses: Sequence[float]) -> int:
    """Epochs since the lowest of their losses."""
    return len(losses) - 1 - list(losses).index(min(losses)) if losses else 0
