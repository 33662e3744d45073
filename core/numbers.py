"""Several digits in one picture: lines, touching digits, strokes that belong together.

Cuts are proposed where a line crosses little ink, every plausible piece is shown to a classifier,
and the best way through the pieces is kept. `score` is any function from uint8 images (N, H, W) to
probabilities (N, classes), so that nothing here needs torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from core import ink, paper, strokes

SIDE = 1400  # pixels of the long side at which strings are worked on
CUT = 0.7  # nats against every cut through ink
PIECES = 7  # neighbouring pieces that may make up one digit
SLANTS = (-0.2, 0.0, 0.2, 0.4)  # of the cuts: pixels to the left a pixel down
Score = Callable[[np.ndarray], np.ndarray]
Place = tuple[slice, slice]


@dataclass(frozen=True)
class Found:
    """One digit: `probs` float32 (classes,), `place` rows and columns on the page."""

    probs: np.ndarray
    place: Place
    image: np.ndarray


def read(page: paper.Page, size: tuple[int, int], score: Score) -> list[list[Found]]:
    """The digits of a page, line by line, each line from left to right.

    Raises EmptyDrawing when there is nothing to read.
    """
    labels, parts = _parts(page.mask)
    if not parts:
        raise paper.EmptyDrawing("nothing is drawn here: draw something")
    height = typical_height(parts)
    parts = _attach(parts, height)
    lines = in_lines(parts, height)
    found = [_read_line(page, labels, line, size, score) for line in lines]
    return [line for line in found if line]


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


def _parts(mask: np.ndarray) -> tuple[np.ndarray, list[Part]]:
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    places = ndimage.find_objects(labels)
    return labels, [
        Part((number,), place, int(areas[number])) for number, place in enumerate(places, 1)
    ]


def typical_height(parts: list[Part]) -> float:
    """The height of the parts that hold most of the ink: the median by area."""
    heights = np.array([part.height for part in parts], float)
    order = np.argsort(heights)
    share = np.cumsum(np.array([part.area for part in parts], float)[order])
    return float(heights[order][np.searchsorted(share, 0.5 * share[-1])])


def _attach(parts: list[Part], height: float) -> list[Part]:
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


def _read_line(page, labels, line: list[Part], size, score: Score) -> list[Found]:
    """The best way through the pieces of a line."""
    height = float(np.median([part.height for part in line]))
    groups = _groups(line)
    pieces: list[tuple[np.ndarray, Place, float]] = []
    for group in groups:
        pieces += _cut(page, labels, group, height)
    edges = _candidates(pieces, height)
    images = [_image(pieces[a:b], page, size) for a, b in edges]
    probs = score(np.stack([image for image, *_ in images]))
    gains = [
        _gain(probs[index], images[index][1], pieces[a:b], height)
        for index, (a, b) in enumerate(edges)
    ]
    best = np.full(len(pieces) + 1, -np.inf)
    best[0] = 0.0
    via: list[int | None] = [None] * (len(pieces) + 1)
    for index in sorted(range(len(edges)), key=lambda i: edges[i]):
        a, b = edges[index]
        if best[a] + gains[index] > best[b]:
            best[b], via[b] = best[a] + gains[index], index
    path, end = [], len(pieces)
    while end:
        path.append(via[end])
        end = edges[via[end]][0]
    return [
        Found(score(images[index][2]).mean(0), images[index][1], images[index][0])
        for index in reversed(path)
    ]


def _groups(line: list[Part]) -> list[Part]:
    """Parts that stand above each other made one."""
    groups: list[Part] = []
    for part in line:
        if groups:
            last = groups[-1]
            overlap = min(last.right, part.right) - max(last.left, part.left)
            if overlap > 0.5 * min(last.width, part.width):
                groups[-1] = last.join(part)
                continue
        groups.append(part)
    return groups


def _cut(page, labels, group: Part, height: float) -> list[tuple[np.ndarray, Place, float]]:
    """(ink, place, cost of the cut before it) of a group's pieces, from left to right."""
    region = labels[group.place]
    own = np.isin(region, group.numbers)
    values = page.ink[group.place] * own
    if group.width < 0.55 * height:
        return [(values, group.place, 0.0)]
    cuts = _cuts(own, height)
    ys, xs = np.mgrid[: own.shape[0], : own.shape[1]]
    sides = [xs + slant * (ys - own.shape[0] / 2) < x for x, slant, _ in cuts]
    costs = [0.0, *(cost for *_, cost in cuts)]
    pieces = []
    left = np.zeros_like(own)
    for side, cost in zip([*sides, np.ones_like(own)], costs, strict=True):
        piece = values * (side & ~left)
        left |= side
        if (piece > 0.5).sum() > 0.004 * height * height:
            pieces.append((piece, group.place, cost))
    return pieces


def _cuts(own: np.ndarray, height: float) -> list[tuple[float, float, float]]:
    """(x in the middle row, slant, ink crossed in shares of the height), from left to right."""
    rows, width = own.shape
    found = []
    for slant in SLANTS:
        shift = np.round(slant * (np.arange(rows) - rows / 2)).astype(int)
        extra = int(np.abs(shift).max())
        profile = np.zeros(width + 2 * extra)
        for y in range(rows):
            profile[extra + shift[y] : extra + shift[y] + width] += own[y]
        profile = ndimage.uniform_filter1d(profile[extra : extra + width], 3) / height
        low = profile <= ndimage.minimum_filter1d(profile, max(3, int(0.14 * height) | 1)) + 1e-9
        found += [
            (float(x), slant, float(profile[x]) + 0.02 * abs(slant - 0.1))
            for x in np.flatnonzero(low & (profile < 0.5))
            if 0.12 * height < x < width - 0.12 * height
        ]
    kept: list[tuple[float, float, float]] = []
    for cut in sorted(found, key=lambda c: c[2]):
        if all(abs(cut[0] - other[0]) > 0.12 * height for other in kept):
            kept.append(cut)
    return sorted(kept[: int(4 * width / height) + 1])


def _candidates(pieces, height: float) -> list[tuple[int, int]]:
    """(first, after last) of neighbouring pieces that could be one digit."""
    edges = []
    for a in range(len(pieces)):
        for b in range(a + 1, min(a + PIECES, len(pieces)) + 1):
            spans = [_span(piece) for piece in pieces[a:b]]
            wide = max(stop for _, stop in spans) - min(start for start, _ in spans)
            gaps = [after[0] - before[1] for before, after in itertools.pairwise(spans)]
            if b > a + 1 and (wide > 1.35 * height or max(gaps) > 0.25 * height):
                break
            edges.append((a, b))
    return edges


def _span(piece) -> tuple[int, int]:
    values, place, _ = piece
    columns = np.flatnonzero((values > 0.3).any(0))
    return place[1].start + int(columns[0]), place[1].start + int(columns[-1]) + 1


def _image(pieces, page, size) -> tuple[np.ndarray, Place, np.ndarray]:
    """Pieces as one picture for the classifier, their place, and all variants (N, H, W)."""
    top = min(place[0].start for _, place, _ in pieces)
    left = min(place[1].start for _, place, _ in pieces)
    bottom = max(place[0].stop for _, place, _ in pieces)
    right = max(place[1].stop for _, place, _ in pieces)
    whole = np.zeros((bottom - top, right - left), np.float32)
    for values, place, _ in pieces:
        target = whole[
            place[0].start - top : place[0].stop - top, place[1].start - left : place[1].stop - left
        ]
        np.maximum(target, values, out=target)
    (y, x), (tall, wide) = strokes.box(whole > 0.3)
    crop = whole[y : y + tall, x : x + wide]
    main, others = ink.drawings(crop, strokes.trace(crop), size)
    place = (slice(top + y, top + y + tall), slice(left + x, left + x + wide))
    return main, place, np.stack([main, *others])


def _gain(probs: np.ndarray, place: Place, pieces, height: float) -> float:
    """How plausible it is that these pieces are one digit; the log-probability and its odds of
    size, place and cuts.
    """
    tall = (place[0].stop - place[0].start) / height
    wide = (place[1].stop - place[1].start) / height
    label = int(probs.argmax())
    gain = float(np.log(probs.max() + 1e-6))
    gain -= 2.0 * max(0.0, 0.75 - tall)
    gain -= 3.0 * max(0.0, wide - (0.6 if label == 1 else 0.95))
    if label != 1:
        gain -= 4.0 * max(0.0, 0.35 - wide)
    inside = [cost for *_, cost in pieces[1:]]
    if pieces[0][2]:
        gain -= CUT + 2.0 * pieces[0][2]
    return gain - 0.15 * len([cost for cost in inside if cost == 0.0]) - 0.12
