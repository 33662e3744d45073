"""Random changes to a batch of images on the device, each image with its own draw. Called by
training.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from core.training.settings import TrainConfig


def augment(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Changed copies of float images (N, C, H, W) in any range; empty places are 0, the sets'
    background.

    Draws come from `generator` (on the CPU), so that an epoch's images depend on nothing else.
    """
    if config.flip:
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        images = torch.where(mirrored.to(images.device).view(-1, 1, 1, 1), images.flip(3), images)
    if config.upstrokes:
        images = _upstrokes(images, config.upstrokes, generator)
    if config.rotation or config.translation or config.scale or config.shear or config.elastic:
        grid = F.affine_grid(
            _affine(images, config, generator).to(images.device),
            list(images.shape),
            align_corners=False,
        )
        if config.elastic:
            grid = grid + _elastic(images, config.elastic, generator)
        images = F.grid_sample(images, grid, align_corners=False)
    if config.stroke:
        images = _stroke_width(images, config.stroke, generator)
    if config.erasing:
        images = images.masked_fill(_rectangles(images, config.erasing, generator), 0.0)
    return images


def _upstrokes(images: Tensor, upstrokes: float, generator: Generator) -> Tensor:
    """That share of lone straight strokes with an upstroke to their top, a third of these with a
    foot: a 1 as most of Europe writes it, which MNIST's writers hardly did.

    A stroke is straight when its spread across is under a quarter of its spread along: 91 % of
    MNIST's ones are, and 0.3 % of the threes, eights and nines at most.
    """
    count, _, height, width = images.shape
    draws = torch.rand(6, count, generator=generator).to(images.device)
    ys = torch.arange(height, device=images.device, dtype=images.dtype)
    xs = torch.arange(width, device=images.device, dtype=images.dtype)
    ink = images.amax(1)
    mass = ink.sum((1, 2)).clamp(min=1e-6)
    y, x = (ink.sum(2) @ ys) / mass, (ink.sum(1) @ xs) / mass
    down, across = ys - y[:, None], xs - x[:, None]
    yy = torch.einsum("nhw,nh->n", ink, down * down) / mass
    xx = torch.einsum("nhw,nw->n", ink, across * across) / mass
    xy = torch.einsum("nhw,nh,nw->n", ink, down, across) / mass
    middle, apart = (yy + xx) / 2, torch.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    along, aside = (3 * (middle + apart)).sqrt(), (3 * (middle - apart).clamp(min=0)).sqrt()
    chosen = (draws[0] < upstrokes) & (aside < 0.25 * along) & (yy > xx)
    which = chosen.nonzero().squeeze(1)
    if not len(which):
        return images
    draws, half, along = draws[:, which], aside[which].clamp(min=0.8), along[which]
    angle = torch.atan2(2 * xy[which], (yy - xx)[which]) / 2  # of the stroke from upright
    stem = torch.stack([torch.cos(angle), torch.sin(angle)], 1)  # (y, x), downwards
    centre = torch.stack([y[which], x[which]], 1)
    top = centre - (along - half)[:, None] * stem
    # it hangs to the left, 28 degrees under the horizontal or more: a 7's bar lies flat
    turn = (angle - torch.deg2rad(25 + 40 * draws[1])).clamp(min=-math.radians(62))
    reach = along * (0.4 + 0.6 * draws[2])
    tip = top + reach[:, None] * torch.stack([torch.cos(turn), torch.sin(turn)], 1)
    drawn = _segment(top, tip, half, ys, xs)
    foot = centre + (along - half)[:, None] * stem
    span = (along * (0.35 + 0.25 * draws[3]))[:, None] * torch.tensor([0.0, 1.0]).to(foot)
    shown = ((draws[4] < 1 / 3) & (angle.abs() < math.radians(20)))[:, None, None]
    drawn = torch.maximum(drawn, _segment(foot - span, foot + span, half, ys, xs) * shown)
    changed = images.clone()
    white = ink[which].amax((1, 2))[:, None, None]
    changed[which] = torch.maximum(images[which], (drawn * white)[:, None])
    return changed


def _segment(start: Tensor, end: Tensor, half: Tensor, ys: Tensor, xs: Tensor) -> Tensor:
    """Lines (N, H, W), 0 to 1, from `start` to `end` (N, 2) as (y, x), `half` (N,) wide to either
    side, with round ends.
    """
    way = end - start
    from_y, from_x = ys[None, :, None] - start[:, :1, None], xs[None, None, :] - start[:, 1:, None]
    length = (way * way).sum(1).clamp(min=1e-6)[:, None, None]
    share = ((from_y * way[:, :1, None] + from_x * way[:, 1:, None]) / length).clamp(0, 1)
    distance = torch.hypot(from_y - share * way[:, :1, None], from_x - share * way[:, 1:, None])
    return (half[:, None, None] + 0.5 - distance).clamp(0, 1)


def _affine(images: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Matrices (N, 2, 3) from output to input positions, in affine_grid's units of half a side."""
    count, _, height, width = images.shape
    draws = (
        torch.rand(6, count, generator=generator) * 2 - 1
    )  # always six: settings share their draws
    angle = draws[0] * math.radians(config.rotation)
    shear = torch.tan(draws[1] * math.radians(config.shear))
    size_x, size_y = 1 + draws[2] * config.scale, 1 + draws[3] * config.scale
    cos, sin, aspect = torch.cos(angle), torch.sin(angle), height / width
    matrix = torch.stack(
        [
            torch.stack([cos / size_x, (shear * cos - sin) * aspect / size_x, draws[4]], 1),
            torch.stack([sin / aspect / size_y, (shear * sin + cos) / size_y, draws[5]], 1),
        ],
        1,
    )
    size = torch.tensor([width, height])
    shift = matrix[:, :, 2] * config.translation * size
    if not (config.rotation or config.scale or config.shear):
        shift = shift.round()  # whole pixels: a shift alone then blurs nothing
    matrix[:, :, 2] = 2 * shift / size
    return matrix


def _elastic(images: Tensor, elastic: float, generator: Generator) -> Tensor:
    """Smooth displacements (N, H, W, 2) in affine_grid's units: noise on 6 x 6 knots, bicubic
    between them, of standard deviation `elastic` sides.

    A coarse form of the elastic distortions of Simard et al. (2003).
    """
    knots = torch.randn(len(images), 2, 6, 6, generator=generator).to(images.device)
    smooth = F.interpolate(knots, images.shape[2:], mode="bicubic", align_corners=True)
    return 2 * elastic * smooth.permute(0, 2, 3, 1)


def _stroke_width(images: Tensor, stroke: float, generator: Generator) -> Tensor:
    """Strokes a random part of a pixel wider or thinner at either edge, their contrast kept.

    Mixes an image with its 3x3 maximum (light strokes on black swell) or minimum.
    """
    count = len(images)
    draws = (torch.rand(count, generator=generator) * 2 - 1) * stroke
    draws = draws.to(images.device).view(-1, 1, 1, 1)
    wider = F.max_pool2d(images, 3, 1, 1)
    thinner = -F.max_pool2d(-images, 3, 1, 1)
    mixed = torch.lerp(images, torch.where(draws > 0, wider, thinner), draws.abs())
    peaks = [batch.flatten(1).amax(1).clamp(min=1e-6) for batch in (images, mixed)]
    return mixed * (peaks[0] / peaks[1]).clamp(max=3).view(-1, 1, 1, 1)


def _rectangles(images: Tensor, probability: float, generator: Generator) -> Tensor:
    """Masks (N, 1, H, W), True inside one rectangle of 2 to 25 % of the area in that share of
    images.

    The proportions are those of random erasing (Zhong et al. 2017, arXiv:1708.04896), the fill is
    background.
    """
    count, _, height, width = images.shape
    draws = torch.rand(5, count, generator=generator)
    area = 0.02 + 0.23 * draws[1]
    aspect = torch.exp((draws[2] * 2 - 1) * math.log(1 / 0.3))
    tall = (height * torch.sqrt(area * aspect)).clamp(1, height)
    wide = (width * torch.sqrt(area / aspect)).clamp(1, width)
    top, left = draws[3] * (height - tall), draws[4] * (width - wide)
    rows, columns = torch.arange(height), torch.arange(width)
    inside_rows = (rows >= top[:, None].floor()) & (rows < (top + tall)[:, None].floor())
    inside_columns = (columns >= left[:, None].floor()) & (columns < (left + wide)[:, None].floor())
    mask = (
        inside_rows[:, :, None]
        & inside_columns[:, None, :]
        & (draws[0] < probability)[:, None, None]
    )
    return mask[:, None].to(images.device)
