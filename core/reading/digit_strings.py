"""Several digits in one picture: lines, touching digits, strokes that belong together.

Joints are proposed where a line of writing may be parted, what lies between two of them is shown to
a classifier, and the best way from joint to joint is kept. `score` is any function from uint8
images (N, H, W) to probabilities (N, classes), so that nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.reading import components, framing, segment_candidates
from core.reading.cut_points import Joint
from core.reading.picture import EmptyDrawing, Page, Place
from core.reading.segment_candidates import Span, Writing

SIDE = 1400  # pixels of the long side at which strings are worked on
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
# Of `evidence`: fitted on strings of held-out digits (python -m bench.reading.cut_points).
# fmt: off
WEIGHTS = np.array([
    -11.12, 1.3, -1.04, 5.92, 4.99, 3.15, -2.55, 1.7, -2.11,
    -0.55, -0.12, -0.57, -1.03, -0.44, -0.23, 0.07, 1.3, -1.31, -1.64,
    -6.97, -3.15, -1.39, -2.58, -1.76, -2.25, -1.51, -1.92, -1.66, 0.58,
])
# fmt: on
Score = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Found:
    """One digit: `probs` float32 (classes,), `place` rows and columns on the page."""

    probs: np.ndarray
    place: Place
    image: np.ndarray


def read(page: Page, size: tuple[int, int], score: Score) -> list[list[Found]]:
    """The digits of a page, line by line, each line from left to right.

    Raises EmptyDrawing when there is nothing to read.
    """
    lines = candidates(page, size, score)
    if not lines:
        raise EmptyDrawing("nothing is drawn here but specks: draw something larger")
    return [[Found(c.probs, c.place, c.image) for c in best(line)] for line in lines]


@dataclass(frozen=True)
class Candidate:
    """The ink between the joints `first` and `last` of a line, that may be one digit."""

    first: int
    last: int
    place: Place
    mask: np.ndarray  # bool, where its ink is in `place`
    image: np.ndarray  # uint8 (H, W)
    probs: np.ndarray  # float32 (classes,)
    evidence: np.ndarray


def candidates(page: Page, size: tuple[int, int], score: Score) -> list[list[Candidate]]:
    """Everything on the page that may be a digit, by lines."""
    labels, found = components.find(page.mask)
    if not found:
        raise EmptyDrawing("nothing is drawn here: draw something")
    height = components.typical_height(found)
    lines = components.in_lines(components.attach(found, height), height)
    return [_of_line(segment_candidates.writing(page, labels, line), size, score) for line in lines]


def _of_line(line: Writing, size: tuple[int, int], score: Score) -> list[Candidate]:
    """The candidates of a line."""
    found = segment_candidates.spans(line)
    drawn = np.stack([framing.draw(line.ink[s.place] * s.mask, size)[0] for s in found])
    made = []
    for span, image, probs in zip(found, drawn, score(drawn), strict=True):
        place, seen = _on_page(line, span.place), evidence(probs, span, line.joints)
        made.append(Candidate(span.first, span.last, place, span.mask, image, probs, seen))
    return made


def _on_page(line: Writing, place: Place) -> Place:
    (rows, columns), (top, left) = place, line.corner
    down = slice(rows.start + top, rows.stop + top)
    return down, slice(columns.start + left, columns.stop + left)


def best(found: list[Candidate]) -> list[Candidate]:
    """The way through a line's joints that explains it best, from left to right."""
    end = max(candidate.last for candidate in found)
    most, via = [0.0] + [-np.inf] * end, dict[int, Candidate]()
    for last in range(1, end + 1):
        for candidate in found:
            gain = most[candidate.first] + float(candidate.evidence @ WEIGHTS)
            if candidate.last == last and gain > most[last]:
                most[last], via[last] = gain, candidate
        if last not in via:  # a speck, which is passed over
            most[last] = most[last - 1]
    path = []
    while end:
        if end in via:
            path.append(via[end])
        end = via[end].first if end in via else end - 1
    return path[::-1]


def evidence(probs: np.ndarray, span: Span, joints: tuple[Joint, ...]) -> np.ndarray:
    """What speaks for a span being one digit, in the order of WEIGHTS: how sure the classifier
    is; how tall and wide the ink is, alone and for the digit it looks like; what ink the joints at
    its ends and inside it cross; how it falls apart; and which digit it looks like, as some are
    more often seen in strokes of others.
    """
    label = int(probs.argmax())
    least, most = np.log(np.sort(probs)[-2:] + 1e-3)
    typical, spread = ASPECT[label]
    odd = float(np.clip((span.wide / max(span.tall, 0.1) - typical) / spread, -2.5, 2.5))
    tall, wide, gap = min(span.tall, 1.3), min(span.wide, 1.6), float(np.clip(span.gap, 0, 0.3))
    ends = [joints[span.first], joints[span.last]]
    inside = [joint.ink for joint in joints[span.first + 1 : span.last] if joint.seam is not None]
    return np.array(
        [
            *(1.0, most, least),
            *(tall, tall * tall, wide, wide * wide, max(0.0, wide - 0.9), max(0.0, 0.35 - wide)),
            *(odd, odd * odd),
            float(sum(joint.seam is not None for joint in ends)),
            sum(joint.ink for joint in ends),
            max(joint.ink for joint in ends),
            float(sum(max(joint.strokes - 1, 0) for joint in ends)),
            max(0.0, 0.3 - min(inside, default=0.3)),
            *(span.halves, span.halves * gap, gap, span.rest),
            *(np.arange(1, 10) == label).astype(float),
        ]
    )
