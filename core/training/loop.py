"""The training loop: whole tensors on the device, one record an epoch, resumable, no files.

Speed comes from slicing one uint8 tensor instead of loading samples, from augmenting whole chunks,
from the channels-last layout, fused optimisers, and bfloat16 where the processor gains by it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.data.datasets import Split
from core.training.batches import batch_sizes, class_weights, make_mix, prepared_batches
from core.training.distributed import ALONE, World
from core.training.optimization import make_average, make_optimizer, make_schedule, waited
from core.training.results import Diverged, Trained, TrainingData
from core.training.settings import TrainConfig
from core.training.steps import predict_logits, train_step

NORM_EVERY = 16  # steps from one look at the gradients' norm to the next: each costs a few percent


def train(
    model: nn.Module,
    data: TrainingData,
    config: TrainConfig,
    *,
    seed: int = 0,
    precision: str = "float32",
    on_batch: Callable[[int, int, float, float], None] | None = None,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    keep: Callable[[dict[str, Any], dict[str, Any], Tensor], None] | None = None,
    extra: Mapping[str, Any] = MappingProxyType({}),
    resume: dict[str, Any] | None = None,
    world: World = ALONE,
) -> Trained:
    """Train `model` in place, on the device it lies on; it ends with the weights of the kept epoch.

    `on_batch(epoch, images done, mean loss, accuracy so far)` is called some times a second. After
    each epoch come `keep(record, checkpoint, answers)` and `on_epoch(record)`; `extra` goes into
    every record. The checkpoint is what `resume` takes to go on with the same weights at the end as
    an unbroken training (same machine, as many threads and processes; on CUDA as far as its kernels
    are deterministic); the answers are uint8 (2, N), the predicted class of each `shown` image and
    its probability in 1/255. Raises ValueError as `check` does, Diverged when loss or weights are
    no longer finite.

    In a `world` of several processes each calls this with the same arguments and works on its part
    of every batch. Only the first evaluates, keeps a history and calls back, `on_batch` with the
    loss and accuracy of its own part; what a callback raises ends all, with Ended on the others,
    whose weights stay those of the last epoch.
    """
    check(model, data, config, world)
    start, device = time.perf_counter(), next(model.parameters()).device
    model.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model, config)
    steps = len(batch_sizes(len(data.fit), config.batch_size))
    schedule, plateau = make_schedule(optimizer, config, steps)
    average = make_average(model, config)
    shown = average.module if average else model
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule, "plateau": plateau}
    parts["average"] = average and average.module
    done, best_weights = Trained(), None
    if resume:
        for name, part in parts.items():
            if part:
                part.load_state_dict(resume[name])
        if average:
            average.n_averaged.fill_(1)  # else its next update begins it anew
        done, best_weights = Trained.from_dict(resume["done"]), resume["best_weights"]
    losses = [record["validation_loss"] or 0.0 for record in done.history]
    earlier = done.history[-1]["total_seconds"] if done.history else 0.0
    data = replace(data, fit=Split(data.fit.images.to(device), data.fit.labels.to(device)))
    network = world.wrap(model)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    classes = predict_logits(model, data.shown.images[:1], data.mean, data.std).shape[1]
    weight = class_weights(data.fit.labels, classes) if config.balance == "weights" else None
    mix = make_mix(config, classes)

    def step(images: Tensor, labels: Tensor, factor: float, measure: bool) -> tuple[Any, ...]:
        """One update of all that follows the gradients; (loss, number right, gradients' norm)."""
        truth = labels
        if mix:
            images, labels = mix(images, labels)
            truth = labels.argmax(1)
        loss, logits, norm = train_step(
            *(network, images, labels, config, optimizer, autocast, factor),
            *(world.average_gradients, weight, measure),
        )
        if schedule:
            schedule.step()
        if average:
            average.update_parameters(model)
        return loss, (logits.argmax(1) == truth).sum(), norm

    def evaluate(record: dict[str, Any]) -> None:
        record |= score(shown, data.validation, data, "validation")
        if not math.isfinite(record["validation_loss"] or 0.0):
            raise Diverged("validation loss became nan", record["epoch"], config.lr)

    def close(record: dict[str, Any]) -> None:
        """Keep what is to be kept of an epoch, and tell."""
        nonlocal best_weights
        logits = predict_logits(shown, data.shown.images, data.mean, data.std)
        confidence, predicted = logits.softmax(1).max(1)
        right = predicted == data.shown.labels
        record["test_accuracy"] = float(right.double().mean())
        done.history.append(record)
        # the loss: it is less of a lottery than the accuracy
        if config.select == "last" or losses[-1] <= min(losses):
            done.kept_epoch = record["epoch"]
            if config.select == "best":
                best_weights = {
                    name: value.detach().clone() for name, value in shown.state_dict().items()
                }
        record |= {"total_seconds": earlier + time.perf_counter() - start, **extra}
        if keep:
            checkpoint = {name: part and part.state_dict() for name, part in parts.items()}
            checkpoint |= {"done": done.to_dict(), "best_weights": best_weights}
            answers = torch.stack([predicted, (confidence * 255).round()]).to(torch.uint8)
            keep(record, checkpoint, answers)
        if on_epoch:
            on_epoch(record)

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for epoch in range(len(losses) + 1, config.epochs + 1):
            if config.patience and waited(losses) >= config.patience:
                break
            record: dict[str, Any] = {"epoch": epoch}
            record |= _train_epoch(
                network, data, config, optimizer, step, epoch, seed, on_batch, world
            )
            world.average_buffers(model)
            if average:
                world.average_buffers(average.module)
            if not all(bool(value.isfinite().all()) for value in model.state_dict().values()):
                raise Diverged("weights became infinite or nan", epoch, config.lr)
            world.together(partial(evaluate, record))
            losses += world.sum(record.get("validation_loss") or 0.0)  # the first one's alone
            if plateau:
                plateau.step(losses[-1])
            world.together(partial(close, record))
    if best_weights or average:
        model.load_state_dict(best_weights or shown.state_dict())
    return done


def check(model: nn.Module, data: TrainingData, config: TrainConfig, world: World = ALONE) -> None:
    """Raises ValueError naming the setting for what cannot be trained with this network and
    data.
    """
    world.check_batch(config.batch_size)
    data.check_batch(config.batch_size)
    chosen = config.select == "best" or config.patience or config.schedule == "plateau"
    if chosen and not len(data.validation):
        raise ValueError(f"validation: {config.validation:g} holds out no image to choose on")
    steps = config.epochs * len(batch_sizes(len(data.fit), config.batch_size))
    if config.schedule == "onecycle" and steps < 5:
        raise ValueError(f"schedule: onecycle needs 5 steps; epochs and batch_size make {steps}")
    if config.schedule == "plateau" and config.gamma == 1:
        raise ValueError("gamma: 1 leaves plateau without a step; take less")
    normed = any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in model.modules())
    if normed and config.batch_size < 2 * world.size:
        least = f"batch norm needs {2 * world.size}, 2 a process"
        raise ValueError(f"batch_size: {config.batch_size} is too small: {least}")


def checkpoint_bytes(model: nn.Module, config: TrainConfig) -> int:
    """What a checkpoint of the last epoch will weigh, at most 2 MB less."""
    copies = 2 + (config.optimizer != "sgd") + (config.select == "best") + bool(config.ema)
    weights = sum(value.nbytes for value in model.state_dict().values())
    return copies * weights + 2_000_000 + 300 * config.epochs


def score(model: nn.Module, split: Split, data: TrainingData, name: str) -> dict[str, float | None]:
    """`{name}_loss` (mean cross-entropy) and `{name}_accuracy` of a split; None for an empty
    one.
    """
    if not len(split):
        return {f"{name}_loss": None, f"{name}_accuracy": None}
    logits = predict_logits(model, split.images, data.mean, data.std)
    return {
        f"{name}_loss": float(F.cross_entropy(logits, split.labels)),
        f"{name}_accuracy": float((logits.argmax(1) == split.labels).double().mean()),
    }


def _train_epoch(
    network: nn.Module,
    data: TrainingData,
    config: TrainConfig,
    optimizer: torch.optim.Optimizer,
    step: Callable[[Tensor, Tensor, float, bool], tuple[Any, ...]],
    epoch: int,
    seed: int,
    on_batch: Callable[[int, int, float, float], None] | None,
    world: World,
) -> dict[str, float | None]:
    """One pass over the data in a new order; all chance comes from (seed, epoch, rank), the order
    from (seed, epoch). `lr` is the mean over its steps, `gradient_norm` over those that tell one.
    """
    device = data.fit.labels.device
    own_seed = _mix(seed, epoch, world.rank)
    torch.manual_seed(own_seed)  # dropout, MixUp and CutMix
    generator = torch.Generator().manual_seed(_mix(seed, epoch) + 1)  # order and augmentation
    draws = torch.Generator().manual_seed(own_seed + 1) if world.rank else generator
    network.train()
    total_loss = torch.zeros((), device=device)
    total_right = torch.zeros((), dtype=torch.int64, device=device)
    seen, counted, reported, start = 0, 0, 0.0, time.perf_counter()
    rates: list[float] = []
    norms: list[Tensor] = []

    def report() -> None:
        nonlocal reported
        if on_batch and time.perf_counter() - reported > 0.2:
            on_batch(epoch, seen, float(total_loss) / counted, int(total_right) / counted)
            reported = time.perf_counter()

    batches = prepared_batches(data.fit, data, config, generator, draws, world)
    sizes = batch_sizes(len(data.fit), config.batch_size)
    for number, (batch, (images, labels)) in enumerate(zip(sizes, batches, strict=True)):
        factor, count = world.weigh(batch, len(labels))
        rates.append(optimizer.param_groups[0]["lr"])
        loss, right, norm = step(images, labels, factor, number % NORM_EVERY == 0)
        if norm is not None:
            norms.append(norm)
        if count:  # else it is another's to count
            total_loss += loss * count
            total_right += right
        seen += batch
        counted += count
        if (number + 1) % world.every == 0 or seen == len(data.fit):
            world.together(report)
    loss_sum, right_sum = world.sum(float(total_loss), int(total_right))
    mean_loss, norm = loss_sum / seen, float(torch.stack(norms).mean())
    seconds = time.perf_counter() - start
    if not math.isfinite(mean_loss):
        raise Diverged(f"loss became {mean_loss}", epoch, config.lr)
    return {
        "train_loss": mean_loss,
        "train_accuracy": right_sum / seen,
        "lr": statistics.fmean(rates),
        "gradient_norm": norm if math.isfinite(norm) else None,
        "seconds": seconds,
        "images_per_second": seen / seconds,
    }


def _mix(seed: int, epoch: int, rank: int = 0) -> int:
    """Different for every epoch (up to 10,000) and rank (up to 511) of a seed, below 2**32: torch's
    CPU generator takes no more bits, so that seeds above 255 are spread over the others' places.
    """
    spread = 0x9E3779B1 * (seed >> 8)  # 2**32 over the golden ratio, odd
    return ((seed << 24) + (rank << 15) + 2 * epoch + spread) % 2**32
