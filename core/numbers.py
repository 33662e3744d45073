"""Several digits in one picture: lines, touching digits, strokes that belong together.

Joints are proposed where a line of writing may be parted, what lies between two of them is shown to
a classifier, and the best way from joint to joint is kept. `score` is any function from uint8
images (N, H, W) to probabilities (N, classes), so that nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from core import ink, joints, paper, parts, strokes
from core.joints import Joint
from core.parts import Part, Place

SIDE = 1400  # pixels of the long side at which strings are worked on
WIDE = 1.35  # heights that a digit of several pieces may be wide
WIDEST = 1.9  # heights that connected ink may be wide
APART = 0.25  # heights that its pieces may stand apart
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
# Of `evidence`: fitted on strings of held-out digits (python -m bench.joins).
WEIGHTS = np.array([-12.33, -0.74, -1.18, 4.98, 6.41, 3.15, -5.1, -0.33, 0.14, -0.18, -9.28, -1.39, -0.02, 0.61, -1.38, -0.81, -1.1, -2.91, -2.5, -1.32, -1.9, -2.07, -2.86, -2.21, -2.03, -2.42, 0.53])
Score = Callable[[np.ndarray], np.ndarray]


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
    lines = candidates(page, size, score)
    if not lines:
        raise paper.EmptyDrawing("nothing is drawn here but specks: draw something larger")
    return [[Found(c.probs.mean(0), c.place, c.images[0]) for c in best(line)] for line in lines]


@dataclass(frozen=True)
class Candidate:
    """The ink between the joints `first` and `last` of a line, that may be one digit."""

    first: int
    last: int
    place: Place
    mask: np.ndarray  # bool, where its ink is in `place`
    images: np.ndarray  # uint8 (variants, H, W)
    probs: np.ndarray  # float32 (variants, classes)
    evidence: np.ndarray


def candidates(page, size: tuple[int, int], score: Score) -> list[list[Candidate]]:
    """Everything on the page that may be a digit, by lines."""
    labels, found = parts.find(page.mask)
    if not found:
        raise paper.EmptyDrawing("nothing is drawn here: draw something")
    height = parts.typical_height(found)
    lines = parts.in_lines(parts.attach(found, height), height)
    return [_of_line(_writing(page, labels, line), size, score) for line in lines]


@dataclass(frozen=True)
class Writing:
    """A line: `ink` float32 (H, W), `group` int (H, W) numbers its parts from 1, left to right;
    `joints` from its beginning to its end, `corner` its row and column on the page.
    """

    ink: np.ndarray
    group: np.ndarray
    joints: tuple[Joint, ...]
    height: float
    slant: float
    corner: tuple[int, int]


def _writing(page, labels, line: list[Part]) -> Writing:
    """A line with its joints."""
    whole = line[0]
    for part in line[1:]:
        whole = whole.join(part)
    region = labels[whole.place]
    height = float(np.median([part.height for part in line]))
    lean = joints.slant(np.isin(region, whole.numbers))
    groups = parts.groups(line, height, lean)
    number = np.zeros(int(labels.max()) + 1, int)
    for index, group in enumerate(groups, 1):
        number[list(group.numbers)] = index
    group = number[region]
    found = [Joint(1)]
    for index in range(1, len(groups) + 1):
        found += _inside(group == index, index, height, lean)
        free = 0.0
        if index < len(groups):
            free = joints.gap(group == index, group == index + 1) / height
        found.append(Joint(index + 1, gap=free))
    values = page.ink[whole.place] * (group > 0)
    return Writing(values, group, tuple(found), height, lean, (whole.top, whole.left))


def _inside(own: np.ndarray, index: int, height: float, lean: float) -> list[Joint]:
    """The seams through one group."""
    (top, left), (tall, wide) = strokes.box(own)
    made = []
    for joint in joints.seams(own[top : top + tall, left : left + wide], height, lean):
        seam = np.pad(joint.seam + left, (top, len(own) - top - tall), "edge")
        made.append(replace(joint, group=index, seam=seam))
    return made


def _left(writing: Writing, joint: Joint) -> np.ndarray:
    """The ink left of a joint, bool (H, W)."""
    before = (writing.group > 0) & (writing.group < joint.group)
    if joint.seam is None:
        return before
    xs = np.arange(writing.group.shape[1])
    return before | ((writing.group == joint.group) & (xs < joint.seam[:, None]))


@dataclass(frozen=True)
class Span:
    """The ink between two joints: where it is in its line, and what parts it."""

    first: int
    last: int
    place: Place
    mask: np.ndarray
    tall: float  # heights
    wide: float  # heights, along the slant
    gap: float  # heights of the widest free ground inside
    halves: float  # heights of the lower of the two sides of free ground
    rest: float  # share of the ink that does not hang together with most of it


def _spans(writing: Writing) -> list[Span]:
    """Everything between two joints that is no speck and not too wide for one digit."""
    left = [_left(writing, joint) for joint in writing.joints]
    ink = left[-1]
    starts = [int(np.flatnonzero((ink & ~side).any(0))[0]) for side in left[:-1]]
    ends = [int(np.flatnonzero(side.any(0))[-1]) + 1 for side in left[1:]]
    found = []
    for a in range(len(left) - 1):
        for b in range(a + 1, len(left)):
            columns = slice(starts[a], ends[b - 1])
            if columns.start >= columns.stop:
                continue
            mask = left[b][:, columns] & ~left[a][:, columns]
            if mask.sum() < joints.SPECK * writing.height**2:
                continue
            span = _span(writing, left, a, b, mask, columns.start)
            if span.gap > APART or (b > a + 1 and span.wide > WIDEST):
                break
            if span.wide <= WIDE or b == a + 1 or _whole(writing, a, b):
                found.append(span)
    return found


def _whole(writing: Writing, first: int, last: int) -> bool:
    """Whether all ink of one group lies between two joints, and nothing else."""
    ends = writing.joints[first], writing.joints[last]
    return all(joint.seam is None for joint in ends) and ends[1].group == ends[0].group + 1


def _span(writing, left, first: int, last: int, mask: np.ndarray, start: int) -> Span:
    (top, x), (tall, wide) = strokes.box(mask)
    crop = mask[top : top + tall, x : x + wide]
    place = (slice(top, top + tall), slice(start + x, start + x + wide))
    ys, xs = np.nonzero(crop)
    along = xs + writing.slant * ys
    gap, halves = 0.0, 0.0
    for index in range(first + 1, last):
        joint = writing.joints[index]
        if joint.seam is not None:
            continue
        side = left[index][place]
        one, other = (strokes.box(crop & s)[1][0] for s in (side, ~side))
        gap = max(gap, joint.gap)
        halves = max(halves, min(one, other) / writing.height)
    size = tall / writing.height, (float(np.ptp(along)) + 1) / writing.height
    return Span(first, last, place, crop, *size, gap, halves, parts.rest(crop))


def _of_line(writing: Writing, size, score: Score) -> list[Candidate]:
    """The candidates of a line."""
    spans = _spans(writing)
    drawn = [_images(writing, span, size) for span in spans]
    votes = score(np.concatenate(drawn))
    ends = np.cumsum([len(images) for images in drawn])[:-1]
    return [
        Candidate(
            span.first,
            span.last,
            _on_page(writing, span.place),
            span.mask,
            images,
            probs,
            evidence(probs, span, writing.joints),
        )
        for span, images, probs in zip(spans, drawn, np.split(votes, ends), strict=True)
    ]


def _on_page(writing: Writing, place: Place) -> Place:
    return tuple(
        slice(part.start + corner, part.stop + corner)
        for part, corner in zip(place, writing.corner, strict=True)
    )


def _images(writing: Writing, span: Span, size) -> np.ndarray:
    """A span as pictures for the classifier, uint8 (variants, H, W)."""
    crop = writing.ink[span.place] * span.mask
    main, others = ink.drawings(crop, strokes.trace(crop), size)
    return np.stack([main, *others])


def best(found: list[Candidate]) -> list[Candidate]:
    """The way through a line's joints that explains it best, from left to right."""
    end = max(candidate.last for candidate in found)
    most, via = [0.0] + [-np.inf] * end, [None] * (end + 1)
    for last in range(1, end + 1):
        for candidate in found:
            gain = most[candidate.first] + float(candidate.evidence @ WEIGHTS)
            if candidate.last == last and gain > most[last]:
                most[last], via[last] = gain, candidate
        if via[last] is None:  # a speck, which is passed over
            most[last] = most[last - 1]
    path = []
    while end:
        if via[end] is not None:
            path.append(via[end])
        end = via[end].first if via[end] else end - 1
    return path[::-1]


def evidence(probs: np.ndarray, span: Span, joints: tuple[Joint, ...]) -> np.ndarray:
    """What speaks for a span being one digit, in the order of WEIGHTS: how sure the classifier is;
    how tall and wide the ink is, alone and for the digit it looks like; what the joints at its ends
    and inside it cross; how it falls apart; and which digit it looks like, as some are more often
    seen in strokes of others.
    """
    mean = probs.mean(0)
    label = int(mean.argmax())
    least, most = np.log(np.sort(mean)[-2:] + 1e-3)
    typical, spread = ASPECT[label]
    odd = float(np.clip((span.wide / max(span.tall, 0.1) - typical) / spread, -2.5, 2.5))
    tall, wide, gap = min(span.tall, 1.3), min(span.wide, 1.6), float(np.clip(span.gap, 0, 0.3))
    ends = [joints[span.first], joints[span.last]]
    inside = [joint.ink for joint in joints[span.first + 1 : span.last] if joint.seam is not None]
    return np.array(
        [
            *(1.0, most, least),
            *(tall, tall * tall, wide, wide * wide, odd, odd * odd),
            float(sum(joint.seam is not None for joint in ends)),
            sum(joint.ink for joint in ends),
            max(joint.ink for joint in ends),
            float(sum(max(joint.strokes - 1, 0) for joint in ends)),
            max(0.0, 0.3 - min(inside, default=0.3)),
            *(span.halves, span.halves * gap, gap, span.rest),
            *(np.arange(1, 10) == label).astype(float),
        ]
    )
