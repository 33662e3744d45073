"""From a picture to the ink on it. The drawing page, `predict` and the number reader start here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from core import ground, rules

CONTRAST = 0.06  # share of the paper's brightness below which a mark is no ink
LEVEL = 80  # percentile of the ink's darkness that counts as full ink
SHARP = 0.045  # share of its depth that a stroke's edge rises by a pixel; shadows are softer


class EmptyDrawing(ValueError):
    """There is nothing to read on the image."""


@dataclass(frozen=True)
class Page:
    """The ink of a picture at working size.

    `ink` float32 (H, W), 0 ground to 1 full ink; `mask` bool (H, W), where there is ink; `scale` is
    working pixels a given pixel; `stages` are (name, uint8 image); `said` is what was done.
    """

    ink: np.ndarray
    mask: np.ndarray
    scale: float
    stages: tuple[tuple[str, np.ndarray], ...]
    said: tuple[str, ...]


def clean(image: Image.Image, side: int) -> Page:
    """The ink of a picture whose long side is brought to at most `side` pixels.

    Raises EmptyDrawing when nothing stands out from the ground.
    """
    stages: list[tuple[str, np.ndarray]] = [("as given", np.asarray(image))]
    said: list[str] = []
    small, scale = shrink(image, side)
    gray = ground.best_channel(np.asarray(small, np.float32))
    if float(np.ptp(gray)) < 8:
        raise EmptyDrawing(
            "nothing is drawn here: draw something, with more contrast to the ground"
        )
    depth, marked, done = _depth(gray)
    said += done
    stages.append(("even light", to_image(1 - depth / max(float(depth.max()), 1e-6))))
    mask, level = threshold(depth)
    mask &= marked
    mask, lines = rules.without_lines(mask)
    if lines:
        said.append(f"{lines} ruled line{'s' if lines > 1 else ''} removed")
    mask = without_shadows(mask, depth)
    mask, specks = without_specks(mask)
    if specks > 3:
        said.append("specks were removed")
    near = ndimage.binary_dilation(mask, iterations=1)
    ink = np.clip(depth / level, 0, 1).astype(np.float32) * near
    stages.append(("ink", to_image(ink)))
    return Page(ink, mask, scale, tuple(stages), tuple(said))


def _depth(gray: np.ndarray) -> tuple[np.ndarray, np.ndarray | bool, list[str]]:
    """How far the ink stands out (H, W), where it may lie, and what was done to see it."""
    light_ink = "light strokes on a dark ground were turned dark on light"
    flat = ground.flat_ground(gray)
    if flat is not None:
        rest = gray[np.abs(gray - flat) > ground.FLAT]
        if len(rest) and flat < float(rest.mean()):
            return ground.under(255 - gray, 255 - flat), True, [light_ink]
        return ground.under(gray, flat), True, []
    said, marked = [], True
    sheet = ground.sheet_on_a_table(gray)
    if sheet is not None:
        gray = np.where(sheet, gray, np.median(gray[sheet]))
        edge = 3 + max(gray.shape) // 120
        marked = ndimage.binary_erosion(sheet, iterations=edge, border_value=1)
        said.append("the table round the paper was left out")
    elif not ground.is_light(gray):
        gray = 255 - gray
        said.append(light_ink)
    depth, uneven = ground.darkness(gray)
    if uneven > 0.12:
        said.append("uneven light was removed")
    return depth, marked, said


def shrink(image: Image.Image, side: int) -> tuple[Image.Image, float]:
    """The picture with its long side at most `side`, and by how much it was scaled."""
    longest = max(image.size)
    if longest <= side:
        return image, 1.0
    size = tuple(max(1, round(length * side / longest)) for length in image.size)
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0), side / longest


def to_image(values: np.ndarray) -> np.ndarray:
    """0..1 as uint8."""
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def threshold(depth: np.ndarray) -> tuple[np.ndarray, float]:
    """(mask, level): where ink is, and how dark it is there. Raises EmptyDrawing when there is
    none.

    Otsu's threshold among the pixels above the noise, with hysteresis: fainter pixels count where
    they hang on clear ink.
    """
    tiny = min(depth.shape) < 40
    rest = np.abs(depth - ndimage.uniform_filter(depth, 3))
    noise = 0.0 if tiny else 1.4826 * float(np.median(rest))
    floor = max(CONTRAST, 4 * noise)
    marks = depth[depth > floor]
    if not len(marks):
        raise EmptyDrawing(
            "nothing is drawn here: draw something, with more contrast to the ground"
        )
    split = max(floor, ground.otsu(marks))
    level = float(np.percentile(depth[depth >= split], LEVEL))
    strong = depth > 0.5 * level
    weak = depth > max(floor, 0.25 * level)
    return ndimage.binary_propagation(strong, mask=weak), level


def measure(
    labels: np.ndarray, count: int, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(areas, lies whole in the picture, has sharp edges) of the parts 1..count, each (count,)."""
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    inside = ~np.isin(np.arange(1, count + 1), border)
    mask = labels > 0
    rim = mask & ~ndimage.binary_erosion(mask, border_value=1)
    steep = ndimage.gaussian_gradient_magnitude(depth, 1.0)
    index = labels[rim]
    slope = np.bincount(index, steep[rim], count + 1)[1:]
    number = np.maximum(np.bincount(index, minlength=count + 1)[1:], 1)
    peak = np.maximum(ndimage.maximum(depth, labels, np.arange(1, count + 1)), 1e-6)
    return areas, inside, slope / number / peak > SHARP


def without_shadows(mask: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The mask without parts of soft edges, unless that is all there is."""
    if min(mask.shape) < 100:
        return mask
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask
    _, _, sharp = measure(labels, count, depth)
    return np.concatenate([[False], sharp])[labels] if sharp.any() else mask


def without_specks(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The mask without parts far smaller than the largest one, and how many went."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask, 0
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    keep = areas >= max(0.015 * areas.max(), 2)
    return keep[labels], int(count - keep.sum())
