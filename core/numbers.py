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

from core import ink, paper, parts, strokes
from core.parts import Part, Place

SIDE = 1400  # pixels of the long side at which strings are worked on
PIECES = 7  # neighbouring pieces that may make up one digit
# Width over height of MNIST's digits 0 to 9: mean and spread over the training part.
ASPECT = (
    (0.92, 0.17),
    (0.46, 0.19),
    (0.95, 0.2),
    (0.83, 0.16),
    (0.81, 0.16),
    (0.99, 0.25),
    (0.74, 0.16),
    (0.79, 0.17),
    (0.78, 0.17),
    (0.7, 0.14),
)
# Of `evidence`: a logistic regression on strings of held-out digits (python -m bench.joins).
WEIGHTS = np.array([-5.8, -0.86, -0.63, 2.29, 0.45, -0.54, -0.35, -1.52, -4.09, 1.83, 3.47, -0.18])
SLANTS = (-0.2, 0.0, 0.2, 0.4)  # of the cuts: pixels to the left a pixel down
Score = Callable[[np.ndarray], np.ndarray]
Piece = tuple[np.ndarray, Place, float]  # ink, where it is, what the cut before it costs


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
    labels, lines = _lines(page)
    if not lines:
        raise paper.EmptyDrawing("nothing is drawn here but specks: draw something larger")
    read = []
    for line in lines:
        path = _best(_line(page, labels, line, size, score))
        read.append([Found(score(c.images).mean(0), c.place, c.images[0]) for c in path])
    return read


@dataclass(frozen=True)
class Candidate:
    """Pieces `first` up to `last` (excluded) of a line, that may be one digit."""

    first: int
    last: int
    place: Place
    images: np.ndarray  # uint8 (variants, H, W)
    evidence: np.ndarray
    height: float  # of the line


def candidates(page, size: tuple[int, int], score: Score) -> list[Candidate]:
    """Everything on the page that may be a digit."""
    labels, lines = _lines(page)
    return [found for line in lines for found in _line(page, labels, line, size, score)]


def _lines(page) -> tuple[np.ndarray, list[list[Part]]]:
    labels, found = parts.find(page.mask)
    if not found:
        raise paper.EmptyDrawing("nothing is drawn here: draw something")
    height = parts.typical_height(found)
    return labels, parts.in_lines(parts.attach(found, height), height)


def _line(page, labels, line: list[Part], size, score: Score) -> list[Candidate]:
    """The candidates of a line, by their first and last piece."""
    height = float(np.median([part.height for part in line]))
    pieces: list[Piece] = []
    for group in parts.groups(line):
        pieces += _cut(page, labels, group, height)
    spans = _neighbours(pieces, height)
    drawn = [_image(pieces[a:b], size) for a, b in spans]
    probs = score(np.stack([images[0] for images, _ in drawn]))
    return [
        Candidate(
            a, b, place, images, evidence(p, place, pieces[a:b], height, _after(pieces, b)), height
        )
        for (a, b), (images, place), p in zip(spans, drawn, probs, strict=True)
    ]


def _best(found: list[Candidate]) -> list[Candidate]:
    """The way through a line's pieces that explains them best, from left to right."""
    end = max(candidate.last for candidate in found)
    best, via = [0.0] + [-np.inf] * end, [None] * (end + 1)
    for candidate in sorted(found, key=lambda c: (c.first, c.last)):
        # log-probability that it is one digit, for each piece that it explains
        odds = float(candidate.evidence @ WEIGHTS)
        gain = -(candidate.last - candidate.first) * float(np.logaddexp(0.0, -odds))
        if best[candidate.first] + gain > best[candidate.last]:
            best[candidate.last], via[candidate.last] = best[candidate.first] + gain, candidate
    path = []
    while end:
        path.append(via[end])
        end = via[end].first
    return path[::-1]


def _cut(page, labels, group: Part, height: float) -> list[Piece]:
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


def _neighbours(pieces, height: float) -> list[tuple[int, int]]:
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


def _image(pieces: list[Piece], size) -> tuple[np.ndarray, Place]:
    """Pieces as pictures for the classifier, uint8 (variants, H, W), and their place."""
    places = [place for _, place, _ in pieces]
    top, left = (min(place[axis].start for place in places) for axis in (0, 1))
    bottom, right = (max(place[axis].stop for place in places) for axis in (0, 1))
    whole = np.zeros((bottom - top, right - left), np.float32)
    for values, (rows, columns), _ in pieces:
        target = whole[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
        np.maximum(target, values, out=target)
    (y, x), (tall, wide) = strokes.box(whole > 0.3)
    crop = whole[y : y + tall, x : x + wide]
    main, others = ink.drawings(crop, strokes.trace(crop), size)
    place = (slice(top + y, top + y + tall), slice(left + x, left + x + wide))
    return np.stack([main, *others]), place


def _after(pieces, end: int) -> float:
    """What the cut behind a piece costs; 0 at the end of a line or of its ink."""
    return pieces[end][2] if end < len(pieces) else 0.0


def evidence(probs: np.ndarray, place: Place, pieces, height: float, after: float) -> np.ndarray:
    """What speaks for these pieces being one digit, in the order of WEIGHTS: how sure the
    classifier is, how tall and wide they are, alone and for the digit they look like, and how much
    ink the cuts at their ends and the cheapest one inside cross.
    """
    order = np.sort(probs)
    tall = (place[0].stop - place[0].start) / height
    wide = (place[1].stop - place[1].start) / height
    typical, spread = ASPECT[int(probs.argmax())]
    odd = np.clip((wide / max(tall, 0.1) - typical) / spread, -2.5, 2.5)
    before, inside = pieces[0][2], [cost for *_, cost in pieces[1:]]
    return np.array(
        [
            1.0,
            np.log(order[-1] + 1e-4),
            np.log(order[-2] + 1e-4),
            min(tall, 1.3),
            min(wide, 1.6),
            odd,
            odd * odd,
            float(before > 0) + float(after > 0),
            before + after,
            float(bool(inside)),
            min(inside, default=0.5),
            float(len(pieces)),
        ]
    )
