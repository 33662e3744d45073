"""Connected ink as parts: which hang together, and which lines they stand in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

Place = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class Part:
    """Connected ink: its numbers among the labels, its place and how many pixels it has."""

    numbers: tuple[int, ...]
    place: Place
    area: int

    @property
    def top(self) -> int:
        return self.place[0].start

    @property
    def bottom(self) -> int:
        return self.place[0].stop

    @property
    def left(self) -> int:
        return self.place[1].start

    @property
    def right(self) -> int:
        return self.place[1].stop

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def join(self, other: Part) -> Part:
        place = (
            slice(min(self.top, other.top), max(self.bottom, other.bottom)),
            slice(min(self.left, other.left), max(self.right, other.right)),
        )
        return Part(self.numbers + other.numbers, place, self.area + other.area)


def find(mask: np.ndarray) -> tuple[np.ndarray, list[Part]]:
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    places = ndimage.find_objects(labels)
    return labels, [
        Part((number,), place, int(areas[number])) for number, place in enumerate(places, 1)
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
