"""A line of writing with its joints, and the ink between any two of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.reading import components, cut_points, framing
from core.reading.components import Part
from core.reading.cut_points import Joint
from core.reading.picture import Page, Place

WIDE = 1.35  # heights that a digit of several pieces may be wide
WIDEST = 1.9  # heights that connected ink may be wide
APART = 0.25  # heights that the pieces of a digit may stand apart


@dataclass(frozen=True)
class Writing:
    """A line: `ink` float32 (H, W), `group` int (H, W) numbers its parts from 1, left to right;
    `joints` from its beginning to its end, `height` in pixels of a typical part, `slant` pixels to
    the left a pixel down, `corner` its row and column on the page.
    """

    ink: np.ndarray
    group: np.ndarray
    joints: tuple[Joint, ...]
    height: float
    slant: float
    corner: tuple[int, int]


@dataclass(frozen=True)
class Span:
    """The ink between the joints `first` and `last`: where it is in its line, and its shape."""

    first: int
    last: int
    place: Place
    mask: np.ndarray  # bool, of the size of `place`
    tall: float  # heights
    wide: float  # heights, along the slant
    gap: float  # heights of the widest free ground inside
    halves: float  # heights of the lower of the two sides of free ground
    rest: float  # share of the ink that does not hang together with most of it


def writing(page: Page, labels: np.ndarray, line: list[Part]) -> Writing:
    """The parts of a line, numbered in `labels`, as ink with joints."""
    whole = line[0]
    for part in line[1:]:
        whole = whole.join(part)
    region = labels[whole.place]
    height = float(np.median([part.height for part in line]))
    lean = cut_points.slant(np.isin(region, whole.numbers))
    groups = components.groups(line, height, lean)
    number = np.zeros(int(labels.max()) + 1, int)
    for index, group in enumerate(groups, 1):
        number[list(group.numbers)] = index
    group = number[region]
    found = [Joint(1)]
    for index in range(1, len(groups) + 1):
        found += _inside(group == index, index, height, lean)
        found.append(_behind(group, index, height))
    ink = page.ink[whole.place] * (group > 0)
    return Writing(ink, group, tuple(found), height, lean, (whole.top, whole.left))


def _inside(own: np.ndarray, index: int, height: float, lean: float) -> list[Joint]:
    """The seams through one group."""
    (top, left), (tall, wide) = framing.box(own)
    made = []
    for joint in cut_points.seams(own[top : top + tall, left : left + wide], height, lean):
        assert joint.seam is not None  # none of these lies in a gap
        seam = np.pad(joint.seam + left, (top, len(own) - top - tall), "edge")
        made.append(replace(joint, group=index, seam=seam))
    return made


def _behind(group: np.ndarray, index: int, height: float) -> Joint:
    """The joint behind a group, before the next one or at the end."""
    after = group == index + 1
    free = cut_points.gap(group == index, after) / height if after.any() else 0.0
    return Joint(index + 1, gap=free)


def spans(line: Writing) -> list[Span]:
    """All ink between two joints that is no speck and not too wide or far apart for one digit."""
    left = [_left(line, joint) for joint in line.joints]
    starts = [int(np.flatnonzero((left[-1] & ~side).any(0))[0]) for side in left[:-1]]
    ends = [int(np.flatnonzero(side.any(0))[-1]) + 1 for side in left[1:]]
    found = []
    for first in range(len(left) - 1):
        for last in range(first + 1, len(left)):
            columns = slice(starts[first], max(ends[last - 1], starts[first]))
            mask = left[last][:, columns] & ~left[first][:, columns]
            if mask.sum() < cut_points.SPECK * line.height**2:
                continue
            span = _span(line, left, (first, last), mask, columns.start)
            several = last > first + 1
            if span.gap > APART or (several and span.wide > WIDEST):
                break
            if not several or span.wide <= WIDE or _whole(line, first, last):
                found.append(span)
    return found


def _left(line: Writing, joint: Joint) -> np.ndarray:
    """The ink left of a joint, bool (H, W)."""
    before = (line.group > 0) & (line.group < joint.group)
    if joint.seam is None:
        return before
    xs = np.arange(line.group.shape[1])
    return before | ((line.group == joint.group) & (xs < joint.seam[:, None]))


def _whole(line: Writing, first: int, last: int) -> bool:
    """Whether all ink of one group lies between two joints, and nothing else."""
    before, after = line.joints[first], line.joints[last]
    return before.seam is None and after.seam is None and after.group == before.group + 1


def _span(
    line: Writing, left: list[np.ndarray], ends: tuple[int, int], mask: np.ndarray, start: int
) -> Span:
    """The span between two joints, of which `mask` holds the columns from `start`."""
    (top, x), (tall, wide) = framing.box(mask)
    crop = mask[top : top + tall, x : x + wide]
    place = (slice(top, top + tall), slice(start + x, start + x + wide))
    ys, xs = np.nonzero(crop)
    along = (float(np.ptp(xs + line.slant * ys)) + 1) / line.height
    gap, halves = 0.0, 0.0
    for index in range(ends[0] + 1, ends[1]):
        if line.joints[index].seam is None:
            side = left[index][place]
            lower = min(framing.box(crop & one)[1][0] for one in (side, ~side))
            gap, halves = max(gap, line.joints[index].gap), max(halves, lower / line.height)
    rest = components.rest(crop)
    return Span(*ends, place, crop, tall / line.height, along, gap, halves, rest)
