"""How many loops and islands a drawing has: no digit has three loops, nor a mark inside one.

A network that saw only digits calls a face a sure 0; counting tells them apart.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

MOST_LOOPS = 2  # of an 8; one in a thousand of MNIST's validation digits has more
SMALL = 2  # pixels: a loop or an island this small is a flaw of the pen
INK = 110  # of 255


def count(image: np.ndarray) -> tuple[int, int]:
    """(loops, islands) of light strokes on black, uint8 (H, W): patches of ground that strokes
    enclose, and strokes that stand alone inside such a patch.
    """
    strokes = np.pad(image >= INK, 1)
    ground, patches = ndimage.label(~strokes)  # 4-neighbours, so that diagonals close a loop
    sizes = np.bincount(ground.ravel(), minlength=patches + 1)
    outside = ground[0, 0]
    loops = [
        number for number in range(1, patches + 1) if number != outside and sizes[number] > SMALL
    ]
    parts, found = ndimage.label(strokes, np.ones((3, 3)))
    islands = 0
    for number in range(1, found + 1):
        part = parts == number
        rim = ndimage.binary_dilation(part) & ~strokes
        islands += bool(part.sum() > SMALL and outside not in ground[rim])
    return len(loops), islands


def why_no_digit(image: np.ndarray) -> str:
    """Why no digit looks like this image, in words; "" when one may."""
    loops, islands = count(image)
    if islands:
        return "a mark stands alone inside a loop, which no digit has"
    if loops > MOST_LOOPS:
        return f"it has {loops} loops, and no digit has more than {MOST_LOOPS}"
    return ""
