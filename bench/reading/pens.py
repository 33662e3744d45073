"""Digits as point lists, drawn with pens of every width: handwriting that MNIST's writers did not
leave. Used by bench.reading.handwriting.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

# Strokes of each way to write a digit, as (x, y) in a box 10 wide and 14 high.
DIGITS: dict[int, tuple[tuple[tuple[tuple[float, float], ...], ...], ...]] = {
    0: (
        (((5, 0), (2, 2), (0.6, 7), (2, 12), (5, 14), (8, 12), (9.4, 7), (8, 2), (5, 0)),),
        (((6.5, 0.5), (3, 1), (1, 5), (1, 10), (4, 14), (8, 11.5), (9, 6), (7.5, 1.5), (5, 0.3)),),
        (((4, 1), (1, 6), (2.5, 13), (6.5, 13.5), (9, 7), (6.5, 0.5), (3, 0.8)),),
    ),
    1: (
        (((5, 0), (5, 14)),),
        (((6.5, 0), (3.5, 14)),),
        (((1.8, 4.2), (5.5, 0), (5.5, 14)),),
        (((2.5, 2.8), (5, 0), (5, 14)), ((2, 14), (8, 14))),
        (((2.8, 3.2), (5.6, 0.2), (5, 14)),),
    ),
    2: (
        (((1, 3), (3, 0.3), (7, 0.3), (9, 3.5), (7, 7.5), (3, 11), (0.6, 14), (9.5, 14)),),
        (
            (
                (1, 3.5),
                (4.5, 0),
                (8.5, 3),
                (6, 8),
                (1.5, 13),
                (1, 12),
                (3, 11.8),
                (6, 13.5),
                (9.6, 13),
            ),
        ),
        (((1.5, 2.5), (5, 0), (8, 2.8), (5.5, 8), (1, 13.8), (5, 13.5), (9, 13.8)),),
    ),
    3: (
        (
            (
                (1, 2),
                (4, 0),
                (8, 1.5),
                (7.5, 5),
                (4, 6.6),
                (8, 8),
                (9, 11),
                (6, 14),
                (2, 13.6),
                (0.6, 12),
            ),
        ),
        (((1, 0.4), (8.6, 0.4)), ((8.6, 0.4), (4.4, 5.6), (8, 7), (9, 10.5), (6, 14), (1, 13))),
        (((1.5, 1.5), (5, 0), (8, 3), (4.5, 6.5), (8.5, 9.5), (6, 13.5), (1, 13)),),
    ),
    4: (
        (((6.5, 0), (0.8, 9), (9.4, 9)), ((7, 4.5), (7, 14))),
        (((1.5, 0.5), (1.2, 6.5), (5, 7.2), (8.6, 6.8)), ((8.2, 0), (7.8, 14))),
        (((7, 14), (7, 0), (0.6, 9.5), (9.6, 9.5)),),
    ),
    5: (
        (
            ((2, 0.4), (1.4, 6.2), (5, 5.2), (9, 8), (8, 12.4), (4, 14), (0.8, 12.6)),
            ((2, 0.4), (9, 0.4)),
        ),
        (((8.6, 0.4), (2.4, 0.4), (1.6, 6), (6, 5.4), (9, 9), (6.5, 13.6), (1, 13)),),
        (
            ((2.4, 1.6), (1.8, 6), (6, 5.6), (8.6, 9.4), (5.5, 14), (0.8, 12.8)),
            ((2.2, 0.6), (9.2, 0)),
        ),
    ),
    6: (
        (
            (
                (7.5, 0),
                (3, 4),
                (1, 9.5),
                (3, 13.5),
                (6.5, 13.8),
                (9, 11),
                (7.4, 8),
                (4, 8),
                (1.4, 10.6),
            ),
        ),
        (((6, 0), (2, 6), (1.4, 11), (4.6, 14), (8.4, 11.8), (7, 8.4), (3, 9.2), (1.8, 11.5)),),
    ),
    7: (
        (((0.8, 0.6), (9.2, 0.6)), ((9.2, 0.6), (4, 14))),
        (((0.8, 0.8), (9.2, 0.5), (5.6, 7), (4, 14)), ((2.6, 7.4), (8, 7))),
        (((1, 2.4), (1.2, 0.8), (9, 0.8), (6, 6), (3.6, 14)),),
    ),
    8: (
        (
            (
                (8, 2),
                (5, 0),
                (1.8, 2.4),
                (3, 5.4),
                (7, 8),
                (8.8, 11),
                (5, 14),
                (1.2, 11),
                (3, 8),
                (7.4, 5),
                (8, 2),
            ),
        ),
        (
            (
                (5, 6.6),
                (2, 4.4),
                (3, 0.8),
                (7, 0.8),
                (8, 4.4),
                (5, 6.6),
                (1.4, 9.6),
                (2.4, 13.2),
                (7.6, 13.2),
                (8.6, 9.6),
                (5, 6.6),
            ),
        ),
    ),
    9: (
        (
            ((8.6, 2.4), (5.4, 0), (1.6, 2.4), (2, 6.4), (5.6, 7.4), (8.6, 4)),
            ((8.8, 1.8), (8.4, 8), (6.4, 14)),
        ),
        (((8, 2), (4, 0.4), (1.4, 4), (4, 7.6), (8, 5), (8.6, 1.6), (8.4, 14)),),
        (
            (
                (8.4, 3),
                (5, 0),
                (1.5, 3.5),
                (4.4, 7.2),
                (8, 4.4),
                (8.4, 3),
                (8, 9),
                (5, 13.6),
                (1.6, 13),
            ),
        ),
    ),
}


def digit(label: int, rng: np.random.RandomState, height: int = 160) -> np.ndarray:
    """One drawn digit, float32 (H, W) 0 to 1, cropped; hand, pen width and slant are chance."""
    styles = DIGITS[label]
    strokes = styles[rng.randint(len(styles))]
    scale = height / 14
    pen = height * rng.uniform(0.03, 0.14)
    slant, squeeze = rng.uniform(-0.15, 0.35), rng.uniform(0.75, 1.15)
    turn = np.deg2rad(rng.uniform(-7, 7))
    size = 2 * height
    image = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        points = np.array(stroke, float) - [5, 7]
        points += rng.normal(0, 0.25, points.shape)
        x = points[:, 0] * squeeze - slant * points[:, 1]
        y = points[:, 1]
        x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        dense = smooth(np.stack([x, y], 1), 24) * scale + size / 2
        dense += np.cumsum(rng.normal(0, 0.02 * scale, dense.shape), 0) * 0.3
        draw.line(
            [tuple(point) for point in dense], fill=255, width=max(1, round(pen)), joint="curve"
        )
        for end in (dense[0], dense[-1]):
            draw.ellipse((*(end - pen / 2), *(end + pen / 2)), fill=255)
    values = np.asarray(image, np.float32) / 255
    rows, columns = np.flatnonzero(values.any(1)), np.flatnonzero(values.any(0))
    return values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def smooth(points: np.ndarray, between: int) -> np.ndarray:
    """A Catmull-Rom curve (M, 2) through points (N, 2)."""
    if len(points) < 3:
        return points[0] + np.linspace(0, 1, between)[:, None] * (points[-1] - points[0])
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, between, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5
            * (
                2 * b
                + (c - a) * t
                + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * b - a - 3 * c + d) * t**3
            )
        )
    return np.concatenate([*pieces, points[-1:]])
