"""Ruled, squared and form lines: found because they cross the whole picture, and taken away."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from core.reading.picture import EmptyDrawing, Page

SLOPE = 0.14  # lines steeper than that (8 degrees) are not looked for
PARTS = 24  # stretches that a line is followed in
FAMILY = 3  # so many lines are ruled paper or a form, wherever they end
ACROSS = 0.8  # share of them that it must cover


def remove(page: Page) -> Page:
    """The page without ruled, squared or form lines. Raises EmptyDrawing when nothing is left."""
    mask, count = without_lines(page.mask)
    if not mask.any():
        raise EmptyDrawing("only ruled lines are seen here: draw something")
    words = f"{count} ruled line{'s' if count > 1 else ''} removed"
    return replace(page, mask=mask, steps=(*page.steps, *[words] * bool(count)))


def without_lines(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The mask without ruled, squared or form lines, and how many there were.

    A line crosses the picture nearly straight and is thinner than the strokes; where a stroke
    crosses it, the run across the line is longer than the line is thick, and stays.
    """
    if min(mask.shape) < 40:
        return mask, 0
    level, upright = _lines(mask), _lines(np.ascontiguousarray(mask.T))
    if len(level) + len(upright) < FAMILY:  # a stroke may look like a line, but ends before the rim
        level, upright = ([line for line in lines if line.whole] for lines in (level, upright))
    count = len(level) + len(upright)
    if not count:
        return mask, 0
    rest = mask & ~_together([line.pixels for line in level], mask)
    rest &= ~_together([line.pixels.T for line in upright], mask)
    if level and upright:
        bands = (
            _together([line.band for line in level], mask),
            _together([line.band.T for line in upright], mask),
        )
        rest = _without_crossings(rest, bands[0] & bands[1])
    if count >= FAMILY:
        rest = _without_ends(rest, max(line.thick for line in (*level, *upright)))
    if rest.sum() < 0.02 * mask.sum():
        alone = not level and count == 1  # a 1 from edge to edge, more likely than a ruled line
        return (mask, 0) if alone else (np.zeros_like(mask), count)
    rest |= ndimage.binary_closing(np.pad(rest, 4), np.ones((5, 5)))[4:-4, 4:-4] & mask
    return rest, count


def _together(parts: list[np.ndarray], mask: np.ndarray) -> np.ndarray:
    return np.logical_or.reduce([np.zeros_like(mask), *parts])


def _without_crossings(rest: np.ndarray, crossings: np.ndarray) -> np.ndarray:
    """Without what is left where lines cross, unless a stroke runs through there."""
    labels, count = ndimage.label(rest, np.ones((3, 3)))
    outside = np.bincount(labels[~crossings].ravel(), minlength=count + 1)
    outside[0] = 0
    return (outside > 0)[labels]


def _without_ends(rest: np.ndarray, thick: float) -> np.ndarray:
    """Without parts at the picture's border that are long and as thin as the lines."""
    labels, count = ndimage.label(rest, np.ones((3, 3)))
    if not count:
        return rest
    areas = np.bincount(labels.ravel())
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    dropped = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        long = max(rows.stop - rows.start, columns.stop - columns.start)
        if number in border and areas[number] < 1.5 * thick * long and long > 4 * thick:
            dropped.append(number)
    return rest & ~np.isin(labels, dropped)


@dataclass(frozen=True)
class Line:
    """`pixels` are those of its own, `band` the stretch round them, bool (H, W); `thick` is in
    pixels; `whole` when it reaches both sides.
    """

    pixels: np.ndarray
    band: np.ndarray
    thick: float
    whole: bool


def _lines(mask: np.ndarray) -> list[Line]:
    """Each nearly horizontal line that crosses the picture."""
    crossings = _crossings(mask)
    if not crossings:  # as in most drawings; what follows takes longer
        return []
    height, width = mask.shape
    run = _run_lengths(mask)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    stroke = 4 * float(depth[mask].mean())
    lines, taken = [], np.zeros(height, bool)
    xs = np.arange(width)
    rim = max(2, width // 100)
    for y, slope in crossings:
        if taken[y]:
            continue
        middle = np.round(y + (xs - width / 2) * slope).astype(int)
        near = [np.clip(middle + offset, 0, height - 1) for offset in range(-2, 3)]
        lengths = np.max([run[rows, xs] for rows in near], 0)
        thick = float(np.percentile(lengths[lengths > 0], 35)) if lengths.any() else height
        whole = bool(lengths[:rim].any() and lengths[-rim:].any())
        if thick > 0.05 * height or (not whole and thick > 0.8 * stroke):
            continue
        reach = int(np.ceil(thick)) + 2
        taken[max(0, y - 2 * reach) : y + 2 * reach + 1] = True
        pixels, band = np.zeros_like(mask), np.zeros_like(mask)
        for offset in range(-reach, reach + 1):
            rows = np.clip(middle + offset, 0, height - 1)
            thin = (run[rows, xs] > 0) & (run[rows, xs] <= 1.6 * thick + 1)
            pixels[rows[thin], xs[thin]] = True
            band[rows, xs] = True
        lines.append(Line(pixels, band, thick, whole))
    return lines


def _crossings(mask: np.ndarray) -> list[tuple[int, float]]:
    """(row in the middle of the picture, slope) of what may be lines, the surest first."""
    height, width = mask.shape
    edges = np.linspace(0, width, PARTS + 1).astype(int)
    cover = np.stack([mask[:, a:b].mean(1) for a, b in itertools.pairwise(edges)], 1)
    cover = ndimage.maximum_filter1d(cover, 3, axis=0)
    places = (np.arange(PARTS) + 0.5) / PARTS * width - width / 2
    hits = []
    for slope in np.linspace(-SLOPE, SLOPE, 29):
        shift = np.round(places * slope).astype(int)
        rows = np.clip(np.arange(height)[:, None] + shift, 0, height - 1)
        along = np.take_along_axis(cover, rows, 0)
        share = (along > 0.6).mean(1)
        hits += [
            (float(share[y]), float(along[y].mean()), int(y), float(slope))
            for y in np.flatnonzero(share >= ACROSS)
        ]
    return [(y, slope) for _, _, y, slope in sorted(hits, reverse=True)]


def _run_lengths(mask: np.ndarray) -> np.ndarray:
    """For each pixel of the mask the length of the vertical run that it lies in; 0 outside."""
    padded = np.pad(mask, ((1, 1), (0, 0))).T.astype(np.int8).ravel()
    steps = np.diff(padded)
    starts, ends = np.flatnonzero(steps == 1) + 1, np.flatnonzero(steps == -1) + 1
    delta = np.zeros(len(padded) + 1, np.int32)
    np.add.at(delta, starts, ends - starts)
    np.add.at(delta, ends, -(ends - starts))
    filled = np.cumsum(delta)[:-1]
    return filled.reshape(mask.shape[1], mask.shape[0] + 2).T[1:-1]
