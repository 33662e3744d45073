"""Which precision trains faster here: told from the processor and the network's work, without a
clock, so that the same command gives the same weights on a busy machine too.
"""

from __future__ import annotations

import copy
import statistics
import time

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from core.data.datasets import Split
from core.training.batches import PREPARED, prepared_batches
from core.training.hardware import PRECISIONS
from core.training.models import channels_last
from core.training.optimization import make_optimizer
from core.training.results import TrainingData
from core.training.settings import TrainConfig
from core.training.steps import train_step

# Multiply-adds of a step's forward pass from which bfloat16 was faster by a fifth or more on a
# processor that multiplies in it; below 30 million, conversions cost what it gains.
WORTH = 50_000_000


def choose_precision(
    model: nn.Module, data: TrainingData, config: TrainConfig, wanted: str = "auto"
) -> tuple[str, int]:
    """The precision to train in, and the multiply-adds of a step's forward pass that `auto` goes
    by: bfloat16 where the processor multiplies in it and they are many. ValueError for a precision
    that is unknown.
    """
    if wanted not in PRECISIONS:
        raise ValueError(f"precision: {wanted!r} is unknown; choose one of {', '.join(PRECISIONS)}")
    device = next(model.parameters()).device
    image = torch.zeros(1, *data.fit.images.shape[1:], device=device)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        copy.deepcopy(model).eval()(image)
    work = config.batch_size * counter.get_total_flops() // 2
    if wanted != "auto":
        return wanted, work
    faster = work >= WORTH and _multiplies_bfloat16(device.type)
    return ("bfloat16" if faster else "float32"), work


def _multiplies_bfloat16(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities() if device == "cpu" else {}
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def time_steps(
    model: nn.Module, data: TrainingData, config: TrainConfig, precision: str, turns: int = 20
) -> float:
    """Median milliseconds of one training step, its share of the augmentation included, taken on a
    copy of the model.
    """
    device = next(model.parameters()).device
    few = data.fit.take(torch.arange(min(len(data.fit), config.batch_size)))
    few = Split(few.images.to(device), few.labels.to(device))
    trial = channels_last(copy.deepcopy(model)).train()
    optimizer = make_optimizer(trial, config.replace(lr=1e-8))
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    taken = []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        images, labels = next(prepared_batches(few, data, config, torch.Generator()))
        for _ in range(turns):
            start = time.perf_counter()
            float(train_step(trial, images, labels, config, optimizer, autocast)[0])
            taken.append(1000 * (time.perf_counter() - start))
    start = time.perf_counter()
    few = data.fit.take(torch.arange(min(len(data.fit), PREPARED)))
    few = Split(few.images.to(device), few.labels.to(device))
    batches = sum(1 for _ in prepared_batches(few, data, config, torch.Generator().manual_seed(0)))
    preparing = 1000 * (time.perf_counter() - start) / batches
    return statistics.median(taken[2:]) + preparing
