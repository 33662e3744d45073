"""A thing on a plain ground, for sets of things rather than of strokes: found, cropped, and laid
on black as Fashion-MNIST's are. Called by preprocessing.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from core.reading import binarization
from core.reading.artifact_removal import without_specks
from core.reading.framing import to_image
from core.reading.picture import EmptyDrawing, Place, Stages

SIDE = 720  # pixels of the long side at which things are sought and cropped
PLAIN = 16  # of 255: how far most of a plain ground's border may stray from its light
LEAST = 10  # of 255: what is nearer to the ground belongs to it
PARTS = 0.04  # of the largest part's area: what is smaller is a speck, larger the other shoe
SMALL = 0.002  # of the picture: less is no subject


@dataclass(frozen=True)
class Subject:
    """`image` uint8 (C, H, W) in the set's form; `stages` are (name, uint8 image); `steps` is what
    was done; `place` rows and columns on the given picture, None when it was taken
    whole.
    """

    image: np.ndarray
    stages: Stages
    steps: tuple[str, ...]
    place: Place | None = None


def find(image: Image.Image, shape: tuple[int, int, int]) -> Subject:
    """The thing on a picture as a network of input `shape` (C, H, W) saw such things.

    A picture of that very size is not cropped. Raises EmptyDrawing when the whole picture is
    one plain ground.
    """
    channels, height, width = shape
    stages = [("as given", np.asarray(image))]
    if image.size == (width, height):
        return whole(image, shape)
    image, scale = binarization.shrink(image, SIDE)
    found = _on_plain_ground(np.asarray(image, np.float32))
    if found is None:
        steps = ["no plain ground was found, so the whole picture was taken"]
        return _fitted(image, shape, stages, steps)
    mask, ground = found
    place = ndimage.find_objects(mask.view(np.int8))[0]
    crop = np.asarray(image)[place]
    stages.append(("cropped", crop))
    steps = ["the subject was cropped from its ground"]
    rows, columns = (slice(round(p.start / scale), round(p.stop / scale)) for p in place)
    where = rows, columns
    if channels == 3:
        made = _fitted(Image.fromarray(crop), shape, stages, steps)
        return Subject(made.image, made.stages, made.steps, where)
    light = _lit(crop, mask[place], ground[place])
    if np.median(ground) > 127:
        steps.append("its light ground was made black, as in the set")
    stages.append(("on black", light))
    final = _framed(light, (height, width), 0)
    stages.append((f"{width}x{height}", final))
    return Subject(np.repeat(final[None], channels, 0), tuple(stages), tuple(steps), where)


def whole(image: Image.Image, shape: tuple[int, int, int]) -> Subject:
    """All of the picture in the frame, nothing cropped."""
    return _fitted(image, shape, [("as given", np.asarray(image))], [])


def _fitted(
    image: Image.Image,
    shape: tuple[int, int, int],
    stages: Sequence[tuple[str, np.ndarray]],
    steps: Sequence[str],
) -> Subject:
    """The whole picture in the frame; for gray sets its ground is made the dark one."""
    channels, height, width = shape
    stages, steps = list(stages), list(steps)
    if channels == 3:
        pixels = np.asarray(image.convert("RGB"))
        ground = tuple(int(np.median(_rim(pixels[..., c], 1))) for c in range(3))
        final = _framed(pixels, (height, width), ground)
        return Subject(np.moveaxis(final, 2, 0).copy(), (*stages, ("fitted", final)), tuple(steps))
    gray = np.asarray(image.convert("L"))
    if float(np.median(_rim(gray, 1))) > 127:
        gray = 255 - gray
        stages.append(("inverted", gray))
        steps.append("its light ground was made dark, as in the set")
    final = _framed(gray, (height, width), int(np.median(_rim(gray, 1))))
    stages.append((f"{width}x{height}", final))
    return Subject(np.repeat(final[None], channels, 0), tuple(stages), tuple(steps))


def _on_plain_ground(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(mask, ground) of the subject, `ground` float32 (H, W) its gray; or None when the border
    shows more than one ground in even or slowly changing light.
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    height, width = pixels.shape[:2]
    if min(height, width) < 12:
        return None
    surface = np.stack([_surface(pixels[..., c]) for c in range(pixels.shape[2])], 2)
    smooth = ndimage.gaussian_filter(pixels, (0.7, 0.7, 0))
    away = np.abs(smooth - surface).max(2)
    rim = _rim(away, max(1, min(height, width) // 40))
    if np.percentile(rim, 70) > PLAIN:
        return None
    least = max(LEAST, 3.5 * float(np.median(rim)) / 0.6745)
    clear = away[away > least]
    if not len(clear) or len(clear) < SMALL * away.size:
        raise EmptyDrawing("nothing stands out from the ground here: choose another picture")
    # a thing's soft shadow is nearer to the ground than the thing, and only counts where they touch
    level = max(least, 0.35 * float(np.percentile(clear, 75)))
    mask = ndimage.binary_propagation(away > level, mask=away > least) if level > least else None
    mask = away > level if mask is None or mask.mean() > 0.9 else mask
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(mask, 3))[3:-3, 3:-3])
    mask, _ = without_specks(closed, PARTS)
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    gray = surface @ weights if surface.shape[2] == 3 else surface[..., 0]
    return mask, gray.astype(np.float32)


def _surface(channel: np.ndarray) -> np.ndarray:
    """The ground's light over the picture (H, W): a plane through the border's pixels, to which
    what strays from it counts ever less.
    """
    height, width = channel.shape
    band = max(1, min(height, width) // 40)
    ys, xs = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones(len(_rim(ys, band))), _rim(ys, band), _rim(xs, band)], 1)
    values = _rim(channel, band)
    found = np.array([np.median(values), 0.0, 0.0])
    for _ in range(8):
        rest = np.abs(values - terms @ found)
        weight = 1 / (1 + (rest / (2 * np.median(rest) + 1.0)) ** 2) ** 2
        weighted = terms * weight[:, None]
        found = np.linalg.solve(weighted.T @ terms + 1e-6 * np.eye(3), weighted.T @ values)
    return np.clip(found[0] + found[1] * ys + found[2] * xs, 0, 255).astype(np.float32)


def _lit(crop: np.ndarray, own: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """The crop as gray on black, uint8 (H, W): how far each pixel is from the ground, towards the
    side on which most of the subject lies, as a share of what is possible there.
    """
    gray = np.asarray(Image.fromarray(crop).convert("L"), np.float32)
    apart = gray - ground
    darker = float(np.median(apart[own])) < 0
    share = -apart / np.maximum(ground, 1) if darker else apart / np.maximum(255 - ground, 1)
    return to_image(np.clip(share, 0, 1) * ndimage.binary_dilation(own))


def _framed(pixels: np.ndarray, size: tuple[int, int], ground: int | tuple[int, ...]) -> np.ndarray:
    """Fitted into (height, width) with its proportions kept, in the middle of its ground."""
    height, width = size
    factor = min(height / pixels.shape[0], width / pixels.shape[1])
    fitted = tuple(max(1, round(side * factor)) for side in pixels.shape[1::-1])
    kind = Image.Resampling.BOX if factor < 0.5 else Image.Resampling.BICUBIC
    small = np.asarray(Image.fromarray(pixels).resize(fitted, kind))
    frame = np.empty((height, width, *pixels.shape[2:]), np.uint8)
    frame[:] = ground
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    frame[top : top + small.shape[0], left : left + small.shape[1]] = small
    return frame


def _rim(values: np.ndarray, band: int) -> np.ndarray:
    """The pixels of a border `band` wide, (N,)."""
    inner = values[band:-band]
    sides = (values[:band], values[-band:], inner[:, :band], inner[:, -band:])
    return np.concatenate([side.ravel() for side in sides])
