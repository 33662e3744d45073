"""The training loop: whole tensors on the device, one record an epoch, resumable, no files.

Speed comes from slicing one uint8 tensor instead of loading samples, from augmenting whole chunks,
from the channels-last layout, fused optimisers, and bfloat16 where a self-test finds it faster.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.data.datasets import Split
from core.training.augmentation import augment
from core.training.distributed import ALONE, World
from core.training.results import Diverged, Trained, TrainingData
from core.training.settings import TrainConfig
from core.training.steps import normalise, predict_logits, train_step

PREPARED = (
    2048  # images made ready at once: 6 MB of gray 28x28 in float32, inside the last-level cache
)


def train(
    model: nn.Module,
    data: TrainingData,
    config: TrainConfig,
    *,
    seed: int = 0,
    precision: str = "float32",
    on_batch: Callable[[int, int, float, float], None] | None = None,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
    keep: Callable[[dict[str, Any], dict[str, Any]], None] | None = None,
    extra: Mapping[str, Any] = MappingProxyType({}),
    resume: dict[str, Any] | None = None,
    world: World = ALONE,
) -> Trained:
    """Train `model` in place, on the device it lies on; it ends with the weights of the kept epoch.

    `on_batch(epoch, images done, mean loss, accuracy so far)` is called some times a second. After
    each epoch come `keep(record, checkpoint)`, the checkpoint being what `resume` takes to go on
    with the same weights at the end as an unbroken training (same machine, same number of threads),
    and `on_epoch(record)`; `extra` goes into every record. Raises ValueError when the batch is
    larger than the data, Diverged when the loss is no longer finite.

    In a `world` of several processes each calls this with the same arguments and works on its part
    of every batch. Only the first evaluates, keeps a history and calls back, `on_batch` with the
    loss and accuracy of its own part; what a callback raises ends all, with Ended on the others,
    whose weights stay those of the last epoch.
    """
    world.check_batch(config.batch_size)
    data.check_batch(config.batch_size)
    start, device = time.perf_counter(), next(model.parameters()).device
    model.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model, config)
    steps = math.ceil(len(data.fit) / config.batch_size)
    schedule = _make_schedule(optimizer, config, steps)
    done, best_weights = Trained(), None
    if resume:
        model.load_state_dict(resume["model"])
        optimizer.load_state_dict(resume["optimizer"])
        if schedule:
            schedule.load_state_dict(resume["schedule"])
        done, best_weights = Trained.from_dict(resume["done"]), resume["best_weights"]
    earlier = done.history[-1]["total_seconds"] if done.history else 0.0
    data = replace(data, fit=Split(data.fit.images.to(device), data.fit.labels.to(device)))
    network = world.wrap(model)

    def close(record: dict[str, Any]) -> None:
        """Evaluate an epoch, keep what is to be kept of it, and tell."""
        nonlocal best_weights
        record |= score(model, data.validation, data, "validation")
        logits = predict_logits(model, data.shown.images, data.mean, data.std)
        confidence, predicted = logits.softmax(1).max(1)
        right = predicted == data.shown.labels
        record["test_accuracy"] = float(right.double().mean())
        done.history.append(record)
        done.shown_classes.append(predicted.to(torch.uint8))
        done.shown_confidences.append((confidence * 255).round().to(torch.uint8))
        # the loss: it is less of a lottery than the accuracy
        losses = [past["validation_loss"] for past in done.history]
        if config.select == "last" or losses[-1] <= min(losses):
            done.kept_epoch = record["epoch"]
            if config.select == "best":
                best_weights = {
                    name: value.detach().clone() for name, value in model.state_dict().items()
                }
        record |= {"total_seconds": earlier + time.perf_counter() - start, **extra}
        if keep:
            checkpoint = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict() if schedule else None,
                "done": done.to_dict(),
                "best_weights": best_weights,
            }
            keep(record, checkpoint)
        if on_epoch:
            on_epoch(record)

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for epoch in range(len(done.history) + 1, config.epochs + 1):
            record: dict[str, Any] = {"epoch": epoch}
            record |= _train_epoch(
                network, data, config, optimizer, schedule, epoch, seed, precision, on_batch, world
            )
            world.average_buffers(model)
            world.together(partial(close, record))
    if best_weights is not None:
        model.load_state_dict(best_weights)
    return done


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
    schedule: torch.optim.lr_scheduler.OneCycleLR | None,
    epoch: int,
    seed: int,
    precision: str,
    on_batch: Callable[[int, int, float, float], None] | None,
    world: World,
) -> dict[str, float]:
    """One pass over the data in a new order; all chance comes from (seed, epoch, rank), the order
    from (seed, epoch).
    """
    device = data.fit.labels.device
    own_seed = _mix(seed, epoch, world.rank)
    torch.manual_seed(own_seed)  # dropout
    generator = torch.Generator().manual_seed(_mix(seed, epoch) + 1)  # order and augmentation
    draws = torch.Generator().manual_seed(own_seed + 1) if world.rank else generator
    network.train()
    total_loss = torch.zeros((), device=device)
    total_right = torch.zeros((), dtype=torch.int64, device=device)
    seen, counted, reported, start = 0, 0, 0.0, time.perf_counter()
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    lr = optimizer.param_groups[0]["lr"]

    def report() -> None:
        nonlocal reported
        if on_batch and time.perf_counter() - reported > 0.2:
            on_batch(epoch, seen, float(total_loss) / counted, int(total_right) / counted)
            reported = time.perf_counter()

    batches = prepared_batches(data.fit, data, config, generator, draws, world)
    for step, (images, labels) in enumerate(batches, 1):
        batch = min(config.batch_size, len(data.fit) - seen)
        factor, count = world.weigh(batch, len(labels))
        loss, logits = train_step(network, images, labels, config, optimizer, autocast, factor)
        if schedule:
            schedule.step()
        if count:  # else it is another's to count
            total_loss += loss * count
            total_right += (logits.argmax(1) == labels).sum()
        seen += batch
        counted += count
        if step % world.every == 0 or seen == len(data.fit):
            world.together(report)
    loss_sum, right = world.sum(float(total_loss), int(total_right))
    mean_loss = loss_sum / seen
    seconds = time.perf_counter() - start
    if not math.isfinite(mean_loss):
        raise Diverged(
            f"the loss became {mean_loss} in epoch {epoch}: "
            f"try a smaller learning rate than {config.lr:g}",
            epoch,
        )
    return {
        "train_loss": mean_loss,
        "train_accuracy": right / seen,
        "lr": lr,
        "seconds": seconds,
        "images_per_second": seen / seconds,
    }


def prepared_batches(
    fit: Split,
    data: TrainingData,
    config: TrainConfig,
    generator: torch.Generator,
    draws: torch.Generator | None = None,
    world: World = ALONE,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches (float32 images, labels) in a random order, augmented and normalised many at a
    time; of each batch this process's share.

    The order comes from `generator`, augmentation from `draws`, by default from the same.
    """
    order = torch.randperm(len(fit), generator=generator).to(fit.labels.device)
    size = max(1, PREPARED * world.size // config.batch_size) * config.batch_size
    for chunk in order.split(size):
        sizes: int | list[int] = config.batch_size
        if world.size > 1:
            batches = chunk.split(config.batch_size)
            own = [batch[world.share(len(batch), config.batch_size)] for batch in batches]
            chunk, sizes = torch.cat(own), [len(batch) for batch in own]
        pixels = augment(fit.images[chunk].float(), config, draws or generator)
        images = normalise(pixels, data.mean, data.std, white=255.0)
        images = images.contiguous(memory_format=torch.channels_last)
        yield from zip(images.split(sizes), fit.labels[chunk].split(sizes), strict=True)


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


def _make_schedule(
    optimizer: torch.optim.Optimizer, config: TrainConfig, steps: int
) -> torch.optim.lr_scheduler.OneCycleLR | None:
    """OneCycle (Smith and Topin 2018, arXiv:1708.07120) over all steps, or nothing for a constant
    rate.
    """
    if config.schedule == "constant":
        return None
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=config.lr, total_steps=config.epochs * steps, pct_start=0.25
    )


def _mix(seed: int, epoch: int, rank: int = 0) -> int:
    """Different for every epoch (up to 10,000) and rank (up to 511) of a seed, below 2**32: torch's
    CPU generator takes no more bits, so that seeds above 255 are spread over the others' places.
    """
    spread = 0x9E3779B1 * (seed >> 8)  # 2**32 over the golden ratio, odd
    return ((seed << 24) + (rank << 15) + 2 * epoch + spread) % 2**32
