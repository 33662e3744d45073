"""What a network looked at: maps of the pixels that speak for a class, by Captum.

Every call works on a copy of its own: gradients and hooks never touch the network that others read
with.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from captum.attr import LayerGradCam, Occlusion, Saliency
from torch import Tensor, nn

from core.training.steps import normalise

METHODS = {
    "saliency": "Saliency",
    "occlusion": "Occlusion",
    "grad_cam": "Grad-CAM",
}
BATCH = 48  # covered copies of the image a forward pass takes at once
FAINT = 1e-4  # nats; where no patch matters more than this, the map is empty, not noise stretched

Logits = Callable[[Tensor], Tensor]


def methods(model: nn.Module) -> tuple[str, ...]:
    """The names in METHODS that a network allows: Grad-CAM needs a convolution."""
    return tuple(METHODS) if _has_convolution(model) else ("saliency", "occlusion")


def attributions(
    network: nn.Sequential,
    image: np.ndarray,
    target: int,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    wanted: Iterable[str] | None = None,
) -> dict[str, np.ndarray]:
    """How much each pixel of `image` uint8 (C, H, W) speaks for class `target`: float32 (H, W) by
    the names in METHODS. `mean` and `std` are those the network's input is normalised with.

    saliency, 0 to 1: size of the logit's gradient by the pixel, the largest channel (Simonyan et
    al. 2013, arXiv:1312.6034). occlusion, -1 to 1: how far the log-probability falls when a patch
    of a quarter of the side is filled with the colour of the image's border, negative where it
    rises (Zeiler and Fergus 2013, arXiv:1311.2901). grad_cam, 0 to 1: the last feature map of the
    convolutions weighted by the logit's mean gradients (Selvaraju et al. 2016, arXiv:1610.02391),
    bilinearly enlarged. Each is divided by its largest magnitude.

    `wanted` limits the work to some of them. Raises ValueError for an image, target or method that
    the network does not have.
    """
    names = methods(network) if wanted is None else tuple(wanted)
    _check(network, image, target, len(mean), names)
    model = private(network)
    pixels = torch.from_numpy(image[None].copy()).float() / 255

    def logits(batch: Tensor) -> Tensor:
        return model(normalise(batch, mean, std))

    with torch.enable_grad():
        maps = {name: _MAPS[name](model, logits, pixels.clone(), target) for name in names}
    return {name: _scaled(value) for name, value in maps.items()}


def private(model: nn.Sequential) -> nn.Sequential:
    """A copy that computes the same and may be hooked and differentiated.

    No layer writes over its input, and ReLU stands before max-pool, so that the last feature map
    of a plain CNN is seen before it is reduced.
    """
    layers = list(copy.deepcopy(model).eval())
    for place, layer in enumerate(layers):
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
            if place and isinstance(layers[place - 1], nn.MaxPool2d):
                layers[place - 1 : place + 1] = layers[place - 1 : place + 1][::-1]
    return nn.Sequential(*layers).requires_grad_(False)


def _saliency(model: nn.Sequential, logits: Logits, pixels: Tensor, target: int) -> Tensor:
    found = Saliency(logits).attribute(pixels.requires_grad_(), target=target)
    return found[0].amax(0)


def _occlusion(model: nn.Sequential, logits: Logits, pixels: Tensor, target: int) -> Tensor:
    channels, height, width = pixels.shape[1:]
    window = (channels, max(1, height // 4), max(1, width // 4))
    with torch.no_grad():
        found = Occlusion(lambda batch: logits(batch).log_softmax(1)).attribute(
            pixels,
            target=target,
            sliding_window_shapes=window,
            strides=(channels, max(1, height // 14), max(1, width // 14)),
            baselines=_border(pixels),
            perturbations_per_eval=BATCH,
        )
    values = found[0].mean(0)
    return values if values.abs().max() > FAINT else torch.zeros_like(values)


def _grad_cam(model: nn.Sequential, logits: Logits, pixels: Tensor, target: int) -> Tensor:
    layer = last_feature_map(model)
    found = LayerGradCam(logits, layer).attribute(
        pixels.requires_grad_(), target=target, relu_attributions=True
    )
    size = tuple(pixels.shape[2:])
    return F.interpolate(found, size, mode="bilinear", align_corners=False)[0, 0]


_MAPS = {"saliency": _saliency, "occlusion": _occlusion, "grad_cam": _grad_cam}


def last_feature_map(model: nn.Sequential) -> nn.Module:
    """The last ReLU over a feature map, or the last convolution where none follows it."""
    layers = list(model)
    last = max(i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
    for layer in layers[last + 1 :]:
        if isinstance(layer, nn.ReLU):
            return layer
        if isinstance(layer, nn.Flatten):
            break
    return layers[last]


def _border(pixels: Tensor) -> Tensor:
    """The median colour of the outermost pixels, (1, C, 1, 1) spread over the image."""
    rim = torch.cat(
        [pixels[..., 0, :], pixels[..., -1, :], pixels[..., :, 0], pixels[..., :, -1]], -1
    )
    return rim.median(-1).values[..., None, None].expand_as(pixels)


def _scaled(values: Tensor) -> np.ndarray:
    found = values.detach().numpy().astype(np.float32)
    largest = np.abs(found).max()
    return found / largest if largest > 0 else np.zeros_like(found)


def _has_convolution(model: nn.Module) -> bool:
    return any(isinstance(layer, nn.Conv2d) for layer in model.modules())


def _check(
    network: nn.Sequential, image: np.ndarray, target: int, channels: int, names: tuple[str, ...]
) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or len(image) != channels:
        raise ValueError(
            f"image: {image.dtype} {image.shape} does not fit a network that reads uint8 "
            f"({channels}, height, width)"
        )
    classes = len(next(network[-1].parameters()))
    if not 0 <= target < classes:
        raise ValueError(f"target: {target} is no class; it must lie in 0..{classes - 1}")
    for name in names:
        if name not in (allowed := methods(network)):
            raise ValueError(f"method: {name!r} is not one of {', '.join(allowed)} of this network")
