"""What an epoch's batches are made of: order, sizes, balance, augmentation, mixing."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from core.data.datasets import Split
from core.training.augmentation import augment
from core.training.distributed import ALONE, World
from core.training.results import TrainingData
from core.training.settings import TrainConfig
from core.training.steps import normalise

PREPARED = (
    2048  # images made ready at once: 6 MB of gray 28x28 in float32, inside the last-level cache
)


def batch_sizes(count: int, batch_size: int) -> list[int]:
    """Images of each batch of an epoch. A last one of a single image joins the batch before it:
    batch norm has no deviation of one value.
    """
    sizes, rest = [batch_size] * (count // batch_size), count % batch_size
    if rest == 1 and sizes:
        sizes[-1] += 1
    elif rest:
        sizes.append(rest)
    return sizes


def prepared_batches(
    fit: Split,
    data: TrainingData,
    config: TrainConfig,
    generator: torch.Generator,
    draws: torch.Generator | None = None,
    world: World = ALONE,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches (float32 images, labels) in the epoch's order, augmented and normalised many at a
    time; of each batch this process's share.

    The order comes from `generator`, augmentation from `draws`, by default from the same.
    """
    order = epoch_order(fit.labels.cpu(), config, generator).to(fit.labels.device)
    sizes = batch_sizes(len(fit), config.batch_size)
    many = max(1, PREPARED * world.size // config.batch_size)
    groups = [sizes[first : first + many] for first in range(0, len(sizes), many)]
    for chunk, parts in zip(order.split([sum(group) for group in groups]), groups, strict=True):
        if world.size > 1:
            batches = chunk.split(parts)
            own = [batch[world.share(len(batch), config.batch_size)] for batch in batches]
            chunk, parts = torch.cat(own), [len(batch) for batch in own]
        pixels = augment(fit.images[chunk].float(), config, draws or generator)
        images = normalise(pixels, data.mean, data.std, white=255.0)
        images = images.contiguous(memory_format=torch.channels_last)
        yield from zip(images.split(parts), fit.labels[chunk].split(parts), strict=True)


def epoch_order(labels: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """Which image comes when, int64 (N,): each once, or drawn so that classes are as frequent."""
    if config.balance == "sampling":
        weights = class_weights(labels)[labels]
        return torch.multinomial(weights, len(labels), replacement=True, generator=generator)
    return torch.randperm(len(labels), generator=generator)


def class_weights(labels: Tensor, classes: int = 0) -> Tensor:
    """What an image of each class counts, float32 (classes,): inverse to the class's frequency, 1
    in the mean over all images.
    """
    counts = torch.bincount(labels, minlength=classes)
    return len(labels) / ((counts > 0).sum() * counts.clamp(min=1))


def make_mix(config: TrainConfig, classes: int) -> nn.Module | None:
    """What makes of a batch (images, classes) one of mixed images and shares of classes: MixUp
    (arXiv:1710.09412), CutMix (arXiv:1905.04899), or by lot for each batch one of the two.
    """
    if not (config.mixup or config.cutmix):
        return None
    from torchvision.transforms import v2

    kinds = ((v2.MixUp, config.mixup), (v2.CutMix, config.cutmix))
    return v2.RandomChoice(
        [kind(alpha=alpha, num_classes=classes) for kind, alpha in kinds if alpha]
    )
