"""The ink of one digit in the network's frame, as MNIST's digits lie in theirs: thin strokes
thickened, scaled to 20/28 of the side, centred by mass.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from core.reading.picture import Stages

THIN, PEN = 1.9, 2.2  # pixels of a 20 x 20 box: thinner strokes are drawn with that pen
BOX = 20 / 28  # share of the frame that MNIST's digits fill
COARSE = 36  # pixels of the long side under which strokes are as they are
SOFT = 0.3  # so are strokes that are mostly edge, as in a blurred photo


def draw(ink: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """A crop of one thing's ink, float32 (H, W) 0 to 1, in a frame of `size` (height, width),
    uint8; and whether its strokes were thickened.
    """
    grow = 0.0 if max(ink.shape) < COARSE or _softness(ink) > SOFT else _missing(ink > 0.5)
    if grow:
        ground = np.pad(ink < 0.5, int(grow) + 1, constant_values=True)
        ink = np.clip(grow + 1 - ndimage.distance_transform_edt(ground), 0, 1)
    return centre(to_image(ink), size), grow > 0


def _softness(ink: np.ndarray) -> float:
    """How much of the ink is neither full nor absent: 0 crisp, to 1 all of it half-tone."""
    marked = ink[ink > 0.1]
    return float((4 * marked * (1 - marked)).mean()) if len(marked) else 1.0


def _missing(mask: np.ndarray) -> float:
    """Pixels by which thin strokes must grow to either side; 0 for others."""
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))
    side = max(mask.shape)
    width = 20 / side * (4 * float(inside[inside > 0].mean()) - 1)
    return (PEN - width) / 2 * side / 20 if width < THIN else 0.0


def shown(stages: Stages) -> Stages:
    """Named stages as images, uint8."""
    return tuple(
        (name, values if values.dtype == np.uint8 else to_image(values)) for name, values in stages
    )


def to_image(values: np.ndarray) -> np.ndarray:
    """0..1 as uint8."""
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def centre(ink: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A uint8 crop fitted into BOX of `size`, its centre of mass at the centre. uint8."""
    height, width = size
    factor = BOX * min(height / ink.shape[0], width / ink.shape[1])
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
