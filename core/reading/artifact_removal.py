"""What is dark on a picture and no writing: edges of tables and forms, soft shadows, specks, the
paper's grain. `core.paper` clears it away.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from core.reading import stroke_width

SHARP = 0.045  # share of its depth that a stroke's edge rises by a pixel; shadows are softer
BLOTS = 10  # so many parts that are no strokes are the grain of the paper
REACH = 2.0  # stroke widths that faint ink goes on from clear ink; soft shadows go on for longer
FRAMED = 0.2  # share of the ink that lies inside a frame, at least


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


def without_frame(mask: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """The mask without parts that run along half of a side of the picture and are far longer than
    all that is written inside: the edge of a table, of a form or of a shadow.

    What hangs on such a part by faint ink only, and is by its `clear` ink (H, W) of the size of the
    writing, stays.
    """
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask
    ends = [labels[0], labels[-1], labels[:, 0], labels[:, -1]]
    along = [
        {number for number in np.unique(end) if number and (end == number).mean() > 0.5}
        for end in ends
    ]
    found = set().union(*along)
    rest = mask & ~np.isin(labels, list(found))
    if not found or rest.sum() < FRAMED * mask.sum():
        return mask
    (_, _), (tall, wide) = stroke_width.box(rest)
    long = [(along[0] | along[1], wide, mask.shape[1]), (along[2] | along[3], tall, mask.shape[0])]
    dropped = [n for numbers, own, side in long if 1.3 * own < side for n in numbers]
    if not dropped:
        return mask
    frame = np.isin(labels, dropped)
    return mask & ~frame | _hanging(frame & clear, rest)


def _hanging(clear: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The parts off the border that are about as tall as those of the rest, and no wider."""
    labels, _ = ndimage.label(rest, np.ones((3, 3)))
    usual = max(rows.stop - rows.start for rows, _ in ndimage.find_objects(labels))
    labels, count = ndimage.label(clear, np.ones((3, 3)))
    border = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    kept = [
        number
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1)
        if number not in border
        and 0.5 * usual < rows.stop - rows.start < 2 * usual
        and columns.stop - columns.start < 2 * usual
    ]
    return np.isin(labels, kept) if count else clear


def near(mask: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """The mask without faint ink that lies farther from the `clear` ink than strokes are wide."""
    clear = clear & mask
    if not clear.any():
        return mask
    deep = ndimage.distance_transform_cdt(np.pad(clear, 1), "chessboard")[1:-1, 1:-1]
    reach = max(REACH * 4 * float(deep[clear].mean()), 2.0)
    return mask & (ndimage.distance_transform_cdt(~clear, "chessboard") <= reach)


def without_shadows(mask: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The mask without parts of soft edges, unless that is all there is."""
    if min(mask.shape) < 100:
        return mask
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask
    _, _, sharp = measure(labels, count, depth)
    return np.concatenate([[False], sharp])[labels] if sharp.any() else mask


def is_grain(mask: np.ndarray) -> bool:
    """Whether the mask is many small blots and no strokes: most of its ink lies in parts that are
    no taller than three times their own thickness.
    """
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < BLOTS:
        return False
    heights = np.array([rows.stop - rows.start for rows, _ in ndimage.find_objects(labels)], float)
    order = np.argsort(heights)
    share = np.cumsum(np.bincount(labels.ravel())[1:][order])
    tall = heights[order][np.searchsorted(share, 0.5 * share[-1])]
    thick = 4 * float(ndimage.distance_transform_edt(np.pad(mask, 1)).sum()) / share[-1] - 1
    return thick > tall / 3


def without_specks(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The mask without parts far smaller than the largest one, and how many went."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask, 0
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    keep = areas >= max(0.015 * areas.max(), 2)
    return keep[labels], int(count - keep.sum())
