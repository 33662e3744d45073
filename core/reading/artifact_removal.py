"""What is dark on a picture and no writing: specks and the paper's grain. `marks` judges what
stands out in one light, `clean` clears the rest away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from core.reading.picture import EmptyDrawing, Page

SHARP = 0.045  # share of its depth that a stroke's edge rises by a pixel; shadows are softer
BLOTS = 10  # so many parts that are no strokes are the grain of the paper
SPECK = 0.015  # of the largest part's area: what is smaller is no writing
SURE = 100  # times the ground's noise; beyond it nothing more is gained


@dataclass(frozen=True)
class Marks:
    """What stands out from the ground: `depth` (H, W) as a share of the ground, `mask` where it
    is ink, `level` its darkness, `clear` how many times the ground's own noise that is, `thick`
    its thickest place as a share of its height. `likely` grows with how much these are strokes and
    not the ground between them: clear, dark, thin, and little of the picture.
    """

    depth: np.ndarray
    mask: np.ndarray
    level: float
    clear: float
    thick: float
    likely: float
    steps: tuple[str, ...]


def marks(
    depth: np.ndarray,
    mask: np.ndarray,
    level: float,
    inner: np.ndarray | None,
    steps: tuple[str, ...],
) -> Marks:
    """The `mask` (H, W) of ink as dark as `level`, and how clear it is; what lies outside `inner`
    does not count.
    """
    inner = np.ones(mask.shape, bool) if inner is None else inner
    mask = mask & inner
    away = ~ndimage.binary_dilation(mask, iterations=3) & inner
    noise_std = float(depth[away].std()) if away.any() else 1.0
    clearness, thick = _sharp_share(mask, depth) * level / max(noise_std, 1e-3), _thickness(mask)
    likely = min(clearness, SURE) * level / max(thick, 0.1) * (1 - float(mask.mean())) ** 2
    return Marks(depth, mask, level, clearness, thick, likely, steps)


def clean(page: Page) -> Page:
    """The page without specks, and the ink on it. Raises EmptyDrawing when only grain is left."""
    mask, specks = without_specks(page.mask)
    if is_grain(mask):
        raise EmptyDrawing(
            "only the paper's own grain is seen here: draw something, or come closer"
        )
    around = ndimage.binary_dilation(mask, iterations=1)
    ink = np.clip(page.depth / page.level, 0, 1).astype(np.float32) * around
    return replace(
        page,
        mask=mask,
        ink=ink,
        stages=(*page.stages, ("ink", ink)),
        steps=(*page.steps, *["specks were removed"] * (specks > 3)),
    )


def written_outside(whole: Marks, outside: np.ndarray, inside: Marks) -> bool:
    """Whether strokes about as tall as those `inside` lie wholly outside, clear of the border."""
    labels, count = ndimage.label(whole.mask, np.ones((3, 3)))
    if not count:
        return False
    _, whole_in_it, sharp = measure(labels, count, whole.depth)
    rows = np.flatnonzero(inside.mask.any(1))
    tall = 0.5 * (rows[-1] - rows[0] + 1) if len(rows) else 0
    places = ndimage.find_objects(labels)
    kept = np.bincount(labels[~outside].ravel(), minlength=count + 1)[1:]
    good = whole_in_it & sharp & (kept == 0)
    return any(
        tall < place[0].stop - place[0].start < 2.5 * tall
        and place[1].stop - place[1].start > 0.2 * tall
        for place, fine in zip(places, good, strict=True)
        if fine
    )


def _sharp_share(mask: np.ndarray, depth: np.ndarray) -> float:
    """The share of a mask's parts, by area, that have sharp edges."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    areas, _, sharp = measure(labels, count, depth)
    return float(areas[sharp].sum() / max(areas.sum(), 1))


def _thickness(mask: np.ndarray) -> float:
    """How thick its thickest place is, as a share of the height that the mask spans."""
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
        return 1.0
    deepest = ndimage.distance_transform_cdt(np.pad(mask, 1), "chessboard").max()
    return 2 * float(deepest) / float(rows[-1] - rows[0] + 1)


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


def without_specks(mask: np.ndarray, share: float = SPECK) -> tuple[np.ndarray, int]:
    """The mask without parts smaller than that share of the largest, and how many went."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask, 0
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    keep = areas >= max(share * areas.max(), 2)
    return keep[labels], int(count - keep.sum())
