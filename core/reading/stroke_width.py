"""The strokes of one digit as a distance field, and their drawing into the model's frame with the
stroke width that the set has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from core.reading.picture import Stages

FINE = 96  # pixels of the long side of the box at which strokes are measured
WIDTH = 2.6  # median stroke width of MNIST's training digits, in pixels of its 20 x 20 box
THIN, THICK = 1.9, 3.6  # widths between which strokes are left as they are
BOX = 20 / 28  # share of the frame that MNIST's digits fill
SOFT = 0.3  # crops whose strokes are mostly edge keep their grays
COARSE = 36  # so do crops of fewer pixels


@dataclass(frozen=True)
class Strokes:
    """Ink at a fine scale: `field` float32 (H, W), pixels to the nearest edge, positive inside."""

    field: np.ndarray
    width: float  # typical stroke width, in the field's pixels

    @property
    def relative(self) -> float:
        """Stroke width in pixels of a 20 x 20 box."""
        return 20 * self.width / max(box(self.field > 0)[1])


@dataclass(frozen=True)
class Drawn:
    """A thing in the network's frame: `variants` uint8 (N, H, W), the first as it is best drawn,
    the others drawn with other pens, for a vote; `width` of its strokes as they were, in pixels of
    a 20 x 20 box.
    """

    variants: np.ndarray
    width: float


def draw_variants(ink: np.ndarray, size: tuple[int, int]) -> Drawn:
    """A crop of one thing's ink, float32 (H, W) 0 to 1, in a frame of `size` (height, width)."""
    traced = trace(ink)
    gray = centre(to_image(ink), size)
    if max(ink.shape) < COARSE or softness(ink) > SOFT:  # gray tells more than edges can
        others = [centre(to_image(ink**power), size) for power in (0.6, 1.5)]
        return Drawn(np.stack([gray, *others]), traced.relative)
    redrawn = with_width(traced, float(np.clip(traced.relative, THIN + 0.3, THICK - 0.6)))
    main = gray if THIN <= traced.relative <= THICK else draw(redrawn, size)
    others = [draw(with_width(traced, WIDTH), size), draw(upright(redrawn, 0.6), size)]
    return Drawn(np.stack([main, *others]), traced.relative)


def softness(ink: np.ndarray) -> float:
    """How much of the ink is neither full nor absent: 0 crisp, to 1 all of it half-tone."""
    marked = ink[ink > 0.1]
    return float((4 * marked * (1 - marked)).mean()) if len(marked) else 1.0


def shown(stages: Stages) -> Stages:
    """Named stages as images, uint8."""
    return tuple(
        (name, values if values.dtype == np.uint8 else to_image(values)) for name, values in stages
    )


def to_image(values: np.ndarray) -> np.ndarray:
    """0..1 as uint8."""
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def trace(ink: np.ndarray) -> Strokes:
    """The strokes of an ink crop, float32 (H, W) 0 to 1, brought to FINE pixels."""
    pad = np.pad(ink, max(2, max(ink.shape) // 12))
    factor = FINE / max(ink.shape)
    size = tuple(max(2, round(length * factor)) for length in pad.shape[::-1])
    kind = Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX
    fine = np.asarray(Image.fromarray(pad.astype(np.float32)).resize(size, kind))
    mask = fine > 0.5
    if not mask.any():
        mask = fine > 0.5 * fine.max()
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    # half a pixel: a border pixel's centre lies that far from the edge
    field = np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)
    return Strokes(field, float(4 * inside[mask].mean() - 1) if mask.any() else 0.0)


def with_width(strokes: Strokes, target: float) -> Strokes:
    """The strokes drawn with a pen of `target` pixels of a 20 x 20 box.

    Thinning keeps the middle line of every stroke, so that nothing breaks.
    """
    height, width = box(strokes.field > 0)[1]
    side = max(height, width)
    grow = (target / 20 * side - strokes.width) / 2 / (1 - target / 20)
    field = strokes.field + grow
    if grow < 0:
        field = np.maximum(field, _middle(strokes.field, max(target / 40 * side, 1.0)))
    elif grow > 0:
        field = np.pad(strokes.field, int(np.ceil(grow)) + 1, constant_values=-1e3)
        mask = field > 0
        field = np.where(mask, field, 0.5 - ndimage.distance_transform_edt(~mask)) + grow
    return Strokes(field.astype(np.float32), strokes.width + 2 * grow)


def _middle(field: np.ndarray, radius: float) -> np.ndarray:
    """The distance field of the strokes' middle lines drawn `radius` wide to either side."""
    inside = np.maximum(field, 0)
    ridge = (inside > 0.5) & (inside >= ndimage.maximum_filter(inside, 3) - 0.3)
    laplace = ndimage.laplace(ndimage.gaussian_filter(inside, 1.0))
    ridge &= laplace < -0.12
    if not ridge.any():
        return np.full_like(field, -1e3)
    away = ndimage.distance_transform_edt(~ridge)
    return np.minimum(radius - away, field + 0.5)


def upright(strokes: Strokes, share: float = 1.0) -> Strokes:
    """The strokes sheared upright by that share of their slant, found from their moments."""
    mask = strokes.field > 0
    ys, xs = np.nonzero(mask)
    y, x = ys - ys.mean(), xs - xs.mean()
    slant = float((x * y).mean() / max(float((y * y).mean()), 1e-6))
    slant = float(np.clip(slant, -0.6, 0.6)) * share
    height, _width = mask.shape
    extra = int(abs(slant) * height / 2) + 2
    field = np.pad(strokes.field, ((0, 0), (extra, extra)), constant_values=-9)
    middle = ys.mean()
    matrix = np.array([[1.0, 0.0], [slant, 1.0]])
    sheared = ndimage.affine_transform(
        field, matrix, [0.0, -slant * middle], order=1, mode="constant", cval=-9
    )
    return Strokes(sheared.astype(np.float32), strokes.width)


def draw(strokes: Strokes, size: tuple[int, int], share: float = BOX) -> np.ndarray:
    """The strokes fitted into `share` of (height, width) with their centre of mass in the middle:
    LeCun's steps for MNIST. uint8.
    """
    crisp = np.clip(strokes.field + 0.5, 0, 1)
    (top, left), (tall, wide) = box(crisp > 0.5)
    crop = crisp[top : top + tall, left : left + wide]
    return centre((crop * 255).astype(np.uint8), size, share)


def centre(ink: np.ndarray, size: tuple[int, int], share: float = BOX) -> np.ndarray:
    """A uint8 crop fitted into `share` of `size`, its centre of mass at the centre. uint8."""
    height, width = size
    factor = share * min(height / ink.shape[0], width / ink.shape[1])
    new_width, new_height = (max(1, round(side * factor)) for side in (ink.shape[1], ink.shape[0]))
    kind = Image.Resampling.BOX if factor < 0.6 else Image.Resampling.BICUBIC
    values = np.asarray(Image.fromarray(ink).resize((new_width, new_height), kind), np.float32)
    mass = max(float(values.sum()), 1e-6)
    middle_y = float(values.sum(1) @ np.arange(new_height)) / mass + 0.5
    middle_x = float(values.sum(0) @ np.arange(new_width)) / mass + 0.5
    # MNIST's own centres of mass lie between 0 and 1 pixel beyond the middle, never before it
    top = min(max(int(np.ceil(height / 2 - middle_y)), 0), height - new_height)
    left = min(max(int(np.ceil(width / 2 - middle_x)), 0), width - new_width)
    frame = np.zeros(size, np.uint8)
    frame[top : top + new_height, left : left + new_width] = np.clip(values, 0, 255)
    return frame


def box(mask: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, left), (height, width)) of what is True; of everything when nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return (0, 0), mask.shape
    return (int(rows[0]), int(columns[0])), (
        int(rows[-1] - rows[0]) + 1,
        int(columns[-1] - columns[0]) + 1,
    )
