"""Where a line of writing may be parted: the gaps between its parts, and seams through their ink.

A seam is the way from top to bottom, along the slant of the writing, that crosses the least ink.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SLANTS = np.arange(-0.3, 0.75, 0.1)  # pixels to the left a pixel down
LEANS = (-0.2, 0.2)  # how seams lean more than the writing does
ASIDE = 0.3  # what a pixel aside costs a seam, in pixels of ink
MOVES = (0, -1, 1, -2, 2)  # pixels aside that a seam may go on its way one pixel down
APART = 0.1  # heights: the best of all seams whose middles lie within that is taken
NEAR = 0.06  # heights: seams nearer than that are one
EDGE = 0.1  # heights from the end of the ink that seams keep
MANY = 5  # seams for ink as wide as it is high
INK = 0.5  # heights of ink that a seam may cross
NOTCH = 0.2  # heights to either side in which a notch is the deepest place
DEEP = 0.12  # heights that a notch is deep at least
DEAR = 0.15  # what ink under a notch counts against that elsewhere
LOW = 0.4  # heights that either side of a seam is tall at least
NARROW = 0.25  # heights: ink narrower than that is parted no more
SPECK = 0.004  # squared heights of ink that are no digit


@dataclass(frozen=True)
class Joint:
    """A place to part a line: before the group of that number, or along a seam through it.

    `seam` int (rows,) is the first column right of it, in each row; `ink` how many heights of ink
    it crosses, `strokes` in how many strokes; `gap` the heights of free ground before the group.
    """

    group: int
    seam: np.ndarray | None = None
    ink: float = 0.0
    strokes: int = 0
    gap: float = 0.0


def slant(mask: np.ndarray) -> float:
    """How far the strokes of a mask lean, pixels to the left a pixel down: along it, columns are
    either full or empty.
    """
    ys, xs = np.nonzero(mask)
    ys = ys - mask.shape[0] / 2
    sharp = []
    for lean in SLANTS:
        along = np.round(xs + lean * ys).astype(int)
        profile = np.bincount(along - along.min()).astype(float)
        sharp.append(float((ndimage.uniform_filter1d(profile, 3) ** 2).sum()))
    return float(SLANTS[int(np.argmax(np.array(sharp) * (1 - 0.2 * (SLANTS - 0.1) ** 2)))])


def sheared(mask: np.ndarray, lean: float) -> tuple[np.ndarray, np.ndarray]:
    """(the mask put upright, how far to the right each row went)."""
    rows, width = mask.shape
    shift = np.round(lean * (np.arange(rows) - rows / 2)).astype(int)
    shift -= shift.min()
    out = np.zeros((rows, width + int(shift.max())), mask.dtype)
    for y in range(rows):
        out[y, shift[y] : shift[y] + width] = mask[y]
    return out, shift


def seams(own: np.ndarray, height: float, lean: float) -> list[Joint]:
    """The seams through connected ink `own` bool (H, W), from left to right."""
    found = []
    if sheared(own, lean)[0].any(0).sum() < NARROW * height:
        return []
    ways = [(more, _through) for more in LEANS] + [(0.0, _at_notches), (-lean, _at_notches)]
    for more, sought in ways:
        upright, shift = sheared(own, lean + more)
        for cost, seam in sought(upright, height):
            if _parts(upright, seam, height):
                found.append((cost, seam - shift, _joint(upright, seam, shift, height)))
    kept: list[tuple[np.ndarray, Joint]] = []
    for _, seam, joint in sorted(found, key=lambda each: each[0]):
        if all(np.abs(seam - other).mean() > NEAR * height for other, _ in kept):
            kept.append((seam, joint))
    kept = kept[: int(MANY * own.shape[1] / height) + 2]
    return [joint for _, joint in sorted(kept, key=lambda pair: float(pair[0].mean()))]


def _through(upright: np.ndarray, height: float) -> list[tuple[float, np.ndarray]]:
    """(cost in heights, seam) of the best seams through places of the middle row."""
    middle = len(upright) // 2
    above, up = _ways(upright[: middle + 1])
    below, down = _ways(upright[middle:][::-1])
    cost = (above + below - upright[middle]) / height
    # of equal ones, that nearest to the middle
    ranked = cost + 1e-6 * np.abs(np.arange(len(cost)) - len(cost) / 2)
    low = ranked <= ndimage.minimum_filter1d(ranked, max(3, int(APART * height) | 1))
    found = []
    for x in np.flatnonzero(low & (cost < INK)).tolist():
        seam = np.concatenate([_back(up, x), _back(down, x)[::-1][1:]])
        if EDGE * height < seam.mean() < upright.shape[1] - EDGE * height:
            found.append((float(cost[x]), seam))
    return found


def _at_notches(upright: np.ndarray, height: float) -> list[tuple[float, np.ndarray]]:
    """(cost in heights, seam) straight through the notches in the outline from above and below:
    strokes that run side by side are parted there, though much ink is crossed.
    """
    found = []
    reach = max(1, int(NOTCH * height))
    for depth in (upright.argmax(0), upright[::-1].argmax(0)):
        for x in range(reach, len(depth) - reach):
            near = depth[x - reach : x + reach + 1]
            walls = max(near[:reach].min(), near[reach:].min())
            if near.argmax() == reach and depth[x] - walls > DEEP * height:
                cost = DEAR * float(upright[:, x].sum()) / height
                found.append((cost, np.full(len(upright), x)))
    return found


def _parts(upright: np.ndarray, seam: np.ndarray, height: float) -> bool:
    """Whether either side holds more than a speck, and tall enough to be a digit."""
    left = upright & (np.arange(upright.shape[1]) < seam[:, None])
    return all(
        side.sum() >= SPECK * height**2 and np.ptp(np.flatnonzero(side.any(1))) > LOW * height
        for side in (left, upright & ~left)
    )


def _joint(upright: np.ndarray, seam: np.ndarray, shift: np.ndarray, height: float) -> Joint:
    """A seam through sheared ink, as a joint of the ink as it was."""
    way = upright[np.arange(len(seam)), seam]
    starts = way & ~np.concatenate([[False], way[:-1]])
    return Joint(0, seam - shift, float(way.sum()) / height, int(starts.sum()))


def _ways(upright: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cost of the best way from the first row to each place of the last, and every step."""
    rows, width = upright.shape
    cost = upright[0].astype(float)
    steps = np.zeros((rows, width), np.int8)
    reach = max(MOVES)
    for y in range(1, rows):
        wide = np.pad(cost, reach, constant_values=1e9)
        tried = np.stack([wide[reach + m : reach + m + width] + ASIDE * abs(m) for m in MOVES])
        steps[y] = tried.argmin(0)
        cost = tried.min(0) + upright[y]
    return cost, steps


def _back(steps: np.ndarray, x: int) -> np.ndarray:
    """The columns of the way that ends at `x` in the last row."""
    seam = np.zeros(len(steps), int)
    for y in range(len(steps) - 1, -1, -1):
        seam[y] = x
        x += MOVES[steps[y, x]] if y else 0
    return seam


def gap(left: np.ndarray, right: np.ndarray) -> int:
    """Free pixels between two masks of one frame (H, W), in the row where they come nearest."""
    shared = left.any(1) & right.any(1)
    if not shared.any():
        return max(0, int(np.flatnonzero(right.any(0))[0] - np.flatnonzero(left.any(0))[-1]) - 1)
    width = left.shape[1]
    ends = width - 1 - left[shared][:, ::-1].argmax(1)
    return int((right[shared].argmax(1) - ends).min()) - 1
