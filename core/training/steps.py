"""One batch through a network: made ready, forward to an answer, back to new weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.training.settings import TrainConfig

CHUNK = 256  # images a forward pass takes at once: larger ones fall out of the processor's cache


def normalise(
    pixels: Tensor, mean: Sequence[float], std: Sequence[float], *, white: float = 1.0
) -> Tensor:
    """Float pixels (N, C, H, W) in 0..white, scaled to 0..1, minus the channel's mean, over its
    deviation.
    """
    scale = [1 / (white * deviation) for deviation in std]
    shift = [-average / deviation for average, deviation in zip(mean, std, strict=True)]
    per_channel = torch.tensor([scale, shift], device=pixels.device).view(2, 1, -1, 1, 1)
    return torch.addcmul(per_channel[1], pixels, per_channel[0])


def to_input(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """uint8 images (N, C, H, W) as the float32 that a network takes."""
    return normalise(images.float(), mean, std, white=255.0)


def train_step(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    config: TrainConfig,
    optimizer: torch.optim.Optimizer,
    autocast: torch.autocast,
    factor: float = 1.0,
    reduce: Callable[[nn.Module], None] = lambda network: None,
    weight: Tensor | None = None,
    measure: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """One update, of `factor` times the loss, by gradients that went through `reduce(network)`.

    `labels` are classes int64 (N,) or shares of classes (N, classes), `weight` (classes,) is what
    an image of each class counts. Returns (loss, logits, norm) without their graph. The loss is the
    plain cross-entropy, as validation has it: label smoothing and weights are part of what is
    optimised only. The norm is that of all gradients before they are clipped; None where they are
    not clipped and `measure` does not ask for it.
    """
    with autocast:
        logits = network(images)
    logits, smoothing = logits.float(), config.label_smoothing
    if weight is None:
        loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    else:  # over the number of images, so that the parts of several processes add up to the whole
        sums = F.cross_entropy(logits, labels, weight, label_smoothing=smoothing, reduction="sum")
        loss = sums / len(labels)
    optimizer.zero_grad(set_to_none=True)
    (loss if factor == 1.0 else loss * factor).backward()
    reduce(network)
    norm = None
    if config.clip:
        norm = nn.utils.clip_grad_norm_(network.parameters(), config.clip)
    elif measure:
        gradients = [each.grad for each in network.parameters() if each.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
    optimizer.step()
    logits = logits.detach()
    same = not smoothing and weight is None
    return loss.detach() if same else F.cross_entropy(logits, labels), logits, norm


@torch.inference_mode()
def predict_logits(
    model: nn.Module, images: Tensor, mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    """Logits float32 (N, classes) on the CPU for uint8 images (N, C, H, W), in evaluation mode and
    float32.

    The model is put back into the mode it was in.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    try:
        parts = [
            model(
                to_input(chunk.to(device), mean, std).contiguous(memory_format=torch.channels_last)
            )
            for chunk in images.split(CHUNK)
        ]
    finally:
        model.train(was_training)
    return torch.cat(parts).float().cpu()


def predict(
    model: nn.Module, images: Tensor, mean: Sequence[float], std: Sequence[float]
) -> np.ndarray:
    """Probabilities float32 (N, classes) for uint8 images (N, C, H, W), computed in float32."""
    return predict_logits(model, images, mean, std).softmax(1).numpy()
