"""Small charts as SVG text that stands in a page by itself: no script, no font, no network.

Colours are CSS variables of the page around it (--ink, --soft, --line, --run).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 460, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 38
MOST_POINTS = 400
DASHES = {"train": "2 4", "validation": "", "test": "8 4"}
Scale = Callable[[float], float]
Range = tuple[float, float]


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    names: Mapping[str, str],
    label: str,
    percent: bool = False,
) -> str:
    """(epochs, values) of each part as a line; gaps where a value is not finite.

    `names` says how a part is called, `label` what the values are.
    """
    xs, ys = (np.concatenate(values).astype(float) for values in zip(*series.values(), strict=True))
    ys = ys[np.isfinite(ys)]
    if not len(ys):
        return ""
    low, high = _round_range(float(ys.min()), float(ys.max()))
    start, end = float(xs.min()), max(float(xs.max()), float(xs.min()) + 1)
    across, up = _scale(start, end, LEFT, WIDTH - RIGHT), _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [_axes(across, up, (start, end), (low, high), "epoch", percent)]
    for part, (x, y) in series.items():
        drawn = _path(_thinned(np.column_stack([x, y]).astype(float)), across, up)
        dash = f' stroke-dasharray="{DASHES[part]}"' if DASHES.get(part) else ""
        parts.append(f'<path d="{drawn}" fill="none" stroke="var(--run)" stroke-width="2"{dash}/>')
    return _svg(parts, f"{label} by epoch: {', '.join(names[part] for part in series)}")


def reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Accuracy by confidence, each bin a point as large as its share, beside the diagonal."""
    across, up = _scale(0, 1, LEFT, WIDTH - RIGHT), _scale(0, 1, HEIGHT - BOTTOM, TOP)
    total = sum(row["count"] for row in bins) or 1
    parts = [
        _axes(across, up, (0, 1), (0, 1), "confidence", True),
        (
            f'<path d="M{across(0):.1f} {up(0):.1f}L{across(1):.1f} {up(1):.1f}" '
            'stroke="var(--soft)" stroke-dasharray="3 4"/>'
        ),
    ]
    for row in bins:
        x, y = across(row["confidence"]), up(row["accuracy"])
        size = 3 + 9 * (row["count"] / total) ** 0.5
        text = (
            f"confidence {row['confidence']:.3f}, accuracy {row['accuracy']:.3f}, "
            f"{int(row['count'])} images"
        )
        parts.append(
            f'<path d="M{x:.1f} {up(row["confidence"]):.1f}V{y:.1f}" stroke="var(--run)"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="var(--run)" '
            f'fill-opacity=".75"><title>{text}</title></circle>'
        )
    return _svg(parts, "accuracy by confidence; on the diagonal they agree")


def _svg(parts: Sequence[str], text: str) -> str:
    inside = "".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(text)}">{inside}</svg>'
    )


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (end - start) * (value - low) / (high - low)


def _round_range(low: float, high: float) -> Range:
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    return low - room, high + room


def _thinned(points: np.ndarray) -> np.ndarray:
    """At most MOST_POINTS points (N, 2), first and last among them."""
    if len(points) <= MOST_POINTS:
        return points
    return points[np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(int)]


def _path(points: np.ndarray, across: Scale, up: Scale) -> str:
    words, move = [], "M"
    for x, y in points:
        if np.isfinite(y):
            words.append(f"{move}{across(x):.1f} {up(y):.1f}")
        move = "L" if np.isfinite(y) else "M"
    if len(words) == 1:  # a single point still shows, as a dot
        words.append("h0.1")
    return "".join(words)


def _axes(across: Scale, up: Scale, xs: Range, ys: Range, name: str, percent: bool) -> str:
    """Both axes with their numbers, and the `name` of the one across."""
    parts = []
    digits = 0 if ys[1] - ys[0] > 0.04 else 1
    for value in np.linspace(*ys, 5):
        text = f"{100 * value:.{digits}f} %" if percent else f"{value:.3g}"
        parts.append(
            f'<path d="M{LEFT} {up(value):.1f}H{WIDTH - RIGHT}" stroke="var(--line)"/>'
            f'<text x="{LEFT - 6}" y="{up(value) + 4:.1f}" text-anchor="end">{text}</text>'
        )
    for value in _ticks(*xs):
        parts.append(
            f'<text x="{across(value):.1f}" y="{HEIGHT - BOTTOM + 16}" '
            f'text-anchor="middle">{value:g}</text>'
        )
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{name}</text>')
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    if high <= 1.001 and low >= 0:
        return [0, 0.25, 0.5, 0.75, 1] if low == 0 else [low, high]
    count = int(min(6, high - low + 1))
    return sorted({round(value) for value in np.linspace(low, high, count)})
