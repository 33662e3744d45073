"""The networks, as plain `nn.Sequential`s in the order of their layers.

Every size comes from the data: `shape` is (channels, height, width), `classes` the number of
classes. All networks return logits (N, classes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)
Shape = tuple[int, int, int]  # channels, height, width


def mlp(
    shape: Shape, classes: int, *, hidden: Sequence[int] = (128, 64), dropout: float = 0.0
) -> nn.Sequential:
    """Fully connected layers with ReLU between them."""
    channels, height, width = shape
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = channels * height * width
    for outputs in hidden:
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
        inputs = outputs
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


def cnn(
    shape: Shape,
    classes: int,
    *,
    widths: Sequence[int] = (32, 64),
    padding: int = 1,
    batch_norm: bool = False,
    dropout: float = 0.0,
    dense: int = 128,
    dense_dropout: float = 0.0,
    glorot: bool = False,
) -> nn.Sequential:
    """Stages of 3x3 convolution, (batch norm,) ReLU and 2x2 max-pool, then one hidden dense layer.

    `dropout` acts on the last feature map, `dense_dropout` on the dense layer. `glorot` starts all
    weights uniformly after Glorot and Bengio (2010) and all biases at zero, as Keras does.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    for outputs in widths:
        layers.append(nn.Conv2d(channels, outputs, 3, padding=padding))
        if batch_norm:
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
        else:  # ReLU of the maximum is the maximum of the ReLUs, at a quarter of the work
            layers += [nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        channels = outputs
        height, width = ((side + 2 * padding - 2) // 2 for side in (height, width))
    if min(height, width) < 1:
        raise ValueError(
            f"images of {shape[1]}x{shape[2]} pixels are too small for {len(widths)} max-pools: "
            "use fewer widths"
        )
    if dropout:
        layers.append(nn.Dropout(dropout))
    layers += [nn.Flatten(), nn.Linear(channels * height * width, dense), nn.ReLU()]
    if dense_dropout:
        layers.append(nn.Dropout(dense_dropout))
    layers.append(nn.Linear(dense, classes))
    model = nn.Sequential(*layers)
    if glorot:
        start_glorot(model)
    return model


def start_glorot(model: nn.Sequential) -> None:
    """Weights uniform after Glorot and Bengio (2010), biases 0, as Keras starts."""
    for layer in model:
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def house(
    shape: Shape,
    classes: int,
    *,
    stages: Sequence[Sequence[int]] = ((24, 32), (48, 48), (64, 64)),
    dropout: float = 0.0,
) -> nn.Sequential:
    """Stages of 3x3 convolutions with batch norm, each stage's first one followed by a 2x2
    max-pool.

    Max-pool stands before batch norm and ReLU, which then work on a quarter of the values. The head
    averages the last feature map, so that any image of 2**len(stages) pixels or more fits without a
    change.
    """
    if min(shape[1:]) < 2 ** len(stages):
        raise ValueError(
            f"images of {shape[1]}x{shape[2]} pixels are too small for {len(stages)} stages: "
            f"at least {2 ** len(stages)} pixels a side are needed"
        )
    layers: list[nn.Module] = []
    channels = shape[0]
    for widths in stages:
        for position, outputs in enumerate(widths):
            layers.append(nn.Conv2d(channels, outputs, 3, padding=1, bias=False))
            if position == 0:
                layers.append(nn.MaxPool2d(2))
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
            channels = outputs
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(channels, classes))


MODELS: dict[str, Callable[..., nn.Sequential]] = {"mlp": mlp, "cnn": cnn, "house": house}


def build(
    name: str, shape: Shape, classes: int, *, seed: int | None = None, **sizes: Any
) -> nn.Sequential:
    """A fresh network for images of `shape` (C, H, W), its weights drawn from `seed` or, without
    one, from torch's own generator. Raises ValueError for an unknown name or misfit.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}: choose one of {', '.join(MODELS)}")
    if classes < 2:
        raise ValueError(f"classes: {classes} is too few to classify; at least 2 are needed")
    try:
        with torch.random.fork_rng(devices=[], enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            return MODELS[name](shape, classes, **sizes)
    except TypeError as error:
        raise ValueError(f"model {name!r}: {error}") from error


def count_parameters(model: nn.Module) -> int:
    """Number of trainable weights."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def channels_last(model: Network) -> Network:
    """The memory layout in which convolutions are fastest, on CPU and GPU alike."""
    return model.to(memory_format=torch.channels_last)


def layer_table(model: nn.Sequential, shape: Shape) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """(layer, output shape without the batch, parameters) for each layer, for one image of
    `shape`.
    """
    was_training = model.training
    model.eval()
    values = torch.zeros(1, *shape)
    with torch.no_grad():
        for layer in model:
            values = layer(values)
            yield str(layer), tuple(values.shape[1:]), count_parameters(layer)
    model.train(was_training)
