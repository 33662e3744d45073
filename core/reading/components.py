"""Connected ink as components: which one is meant, which hang together, and in which lines they
stand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from core.reading.picture import EmptyDrawing, Page, Place

DOT = 0.15  # a filled mark smaller than that share of the picture is a dot
SPECKS = "nothing is drawn here but specks: draw something larger"


@dataclass(frozen=True)
class Part:
    """Connected ink: its numbers among the labels, where it lies and how many pixels it has."""

    numbers: tuple[int, ...]
    top: int
    bottom: int
    left: int
    right: int
    area: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def place(self) -> Place:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def join(self, other: Part) -> Part:
        top, left = min(self.top, other.top), min(self.left, other.left)
        bottom, right = max(self.bottom, other.bottom), max(self.right, other.right)
        numbers = self.numbers + other.numbers
        return Part(numbers, top, bottom, left, right, self.area + other.area)


def find(mask: np.ndarray) -> tuple[np.ndarray, list[Part]]:
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    places = ndimage.find_objects(labels)
    return labels, [
        Part((number,), rows.start, rows.stop, columns.start, columns.stop, int(areas[number]))
        for number, (rows, columns) in enumerate(places, 1)
    ]


def rest(mask: np.ndarray) -> float:
    """The share of a mask that does not hang together with its largest part."""
    areas = np.array([part.area for part in find(mask)[1]])
    return 1 - float(areas.max() / areas.sum())


def typical_height(parts: list[Part]) -> float:
    """The height of the parts that hold most of the ink: the median by area."""
    heights = np.array([part.height for part in parts], float)
    order = np.argsort(heights)
    share = np.cumsum(np.array([part.area for part in parts], float)[order])
    return float(heights[order][np.searchsorted(share, 0.5 * share[-1])])


def attach(parts: list[Part], height: float) -> list[Part]:
    """Small parts joined to the digit that they touch nearly, as the bar of a 5; others dropped."""
    large = [part for part in parts if part.height > 0.45 * height]
    for part in sorted((p for p in parts if p.height <= 0.45 * height), key=lambda p: -p.area):
        gaps = [_gap(part, other) for other in large]
        near = int(np.argmin(gaps)) if gaps else -1
        if gaps and gaps[near] < 0.16 * height:
            large[near] = large[near].join(part)
    return large


def _gap(one: Part, other: Part) -> float:
    across = max(one.left - other.right, other.left - one.right, 0)
    down = max(one.top - other.bottom, other.top - one.bottom, 0)
    return float(np.hypot(across, down))


def in_lines(parts: list[Part], height: float) -> list[list[Part]]:
    """Parts in lines from top to bottom, each from left to right; lines may slope."""
    lines: list[list[Part]] = []
    for part in sorted(parts, key=lambda p: p.left):
        best, most = None, 0.3
        for line in lines:
            last = max(line[-3:], key=lambda p: p.right)
            overlap = min(part.bottom, last.bottom) - max(part.top, last.top)
            share = overlap / min(part.height, last.height)
            if share > most:
                best, most = line, share
        if best is None:
            lines.append([part])
        else:
            best.append(part)
    return sorted(lines, key=lambda line: float(np.mean([p.top + p.bottom for p in line])))


def groups(line: list[Part], height: float, lean: float) -> list[Part]:
    """Parts that stand above each other made one, from left to right along the slant `lean`
    (pixels to the left a pixel down). Two tall ones stay apart: they may be two digits.
    """
    made: list[Part] = []
    for part in sorted(line, key=lambda p: _middle(p, lean)):
        if made:
            last = made[-1]
            aside = lean * (part.top + part.bottom - last.top - last.bottom) / 2
            overlap = min(last.right, part.right + aside) - max(last.left, part.left + aside)
            low = min(last.height, part.height) < 0.6 * height
            if low and overlap > 0.5 * min(last.width, part.width):
                made[-1] = last.join(part)
                continue
        made.append(part)
    return made


def _middle(part: Part, lean: float) -> float:
    return (part.left + part.right + lean * (part.top + part.bottom)) / 2


def choose(page: Page) -> Page:
    """The page with the one thing that was drawn, and its place; EmptyDrawing if but a dot."""
    mask = main_components(page.mask, page.ink)
    place = next(iter(ndimage.find_objects(mask.view(np.int8))), None)
    if place is None:
        raise EmptyDrawing(SPECKS)
    tall, wide = mask[place].shape
    largest, side = max(tall, wide), max(mask.shape)
    deepest = ndimage.distance_transform_edt(np.pad(mask[place], 1)).max()
    if largest < DOT * side and 2 * float(deepest) > 0.7 * largest:
        raise EmptyDrawing("only a dot is drawn here: draw something larger")
    if largest < max(0.02 * side, 3):
        raise EmptyDrawing(SPECKS)
    ink = page.ink * mask
    stages = (*page.stages, ("cropped", ink[place]))
    return replace(page, mask=mask, ink=ink, place=place, stages=stages)


def main_components(mask: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """The parts of the mask that make up the one thing drawn: the weightiest and what is near it.

    What runs off the picture counts less than what lies whole in it, and so does the rim.
    """
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask
    boxes = ndimage.find_objects(labels)
    areas = np.bincount(labels.ravel(), ink.ravel() ** 2)[1:]  # full ink counts for more
    height, width = mask.shape
    weights = []
    for (rows, columns), area in zip(boxes, areas, strict=True):
        off = rows.start == 0 or columns.start == 0 or rows.stop == height or columns.stop == width
        aside = max(
            abs((rows.start + rows.stop) / height - 1),
            abs((columns.start + columns.stop) / width - 1),
        )
        weights.append(area * (0.3 if off else 1.0) * (1 - 0.6 * aside))
    main = int(np.argmax(weights))
    kept = _with_neighbours(boxes, areas, main, mask.shape)
    return np.isin(labels, kept + 1)


def _with_neighbours(
    boxes: list[Place], areas: np.ndarray, main: int, shape: tuple[int, ...]
) -> np.ndarray:
    """Indices of the main part and of the parts that hang together with it."""
    rows, columns = boxes[main]
    reach = 0.25 * max(rows.stop - rows.start, columns.stop - columns.start)
    kept = [main]
    for index, (other_rows, other_columns) in enumerate(boxes):
        gap_y = max(other_rows.start - rows.stop, rows.start - other_rows.stop, 0)
        gap_x = max(other_columns.start - columns.stop, columns.start - other_columns.stop, 0)
        off = (
            other_rows.start == 0
            or other_columns.start == 0
            or other_rows.stop == shape[0]
            or other_columns.stop == shape[1]
        )
        near = max(gap_y, gap_x) <= (0.02 * reach if off else reach)
        if index != main and near and areas[index] > 0.04 * areas[main]:
            kept.append(index)
    return np.array(kept)
