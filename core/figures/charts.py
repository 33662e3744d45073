"""Plotly figures from plain arrays and records. Colours of text and ground come from the page's
theme; only runs, right and wrong bring their own.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

RIGHT, WRONG = "#2E8B57", "#E34A27"  # the only green and the only vermilion, with a sign and a text
# Mid-tones far from one another, for the colour-blind too, on paper and in the dim room; no green
# and no vermilion among them.
RUN_COLORS = (
    *("#3D6FB6", "#9B8E27", "#BE305F", "#588CFF", "#B066DA"),
    *("#8A4E90", "#E25A9A", "#917979", "#3C9BAA", "#9D5E01"),
)
SALT = 1534  # with it no two of the shipped runs share a colour
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "bowtie")
PERCENT = "~%"  # as many digits as it takes
MARGIN = dict.fromkeys("lrtb", 8)
GRAY = "rgba(128,128,128,.8)"
DASHES = {"train": "dot", "validation": "solid", "test": "dash"}
PART_NAMES = {"train": "training", "validation": "validation", "test": "test (shown only)"}


@dataclass(frozen=True)
class Line:
    """One run, or seeds folded into a band, in a chart of curves.

    `columns` maps a part (train, validation, test) to values (E,) at the places `x` (E,); `bands`
    maps it to (lowest, highest).
    """

    title: str
    color: str
    x: np.ndarray
    columns: Mapping[str, np.ndarray]
    bands: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


def curves(
    lines: Sequence[Line],
    quantity: str,
    *,
    axis: str = "epoch",
    log: bool = False,
    gap: bool = False,
) -> go.Figure:
    """`quantity` (loss or accuracy) along `axis`, one line a part; a part without values is left
    out. With `gap` the space between training and validation is shaded.
    """
    figure = go.Figure()
    for line, symbol in zip(lines, itertools.cycle(SYMBOLS), strict=False):
        drawn = {part: c for part, c in line.columns.items() if len(c) and not np.isnan(c).all()}
        for part in drawn:
            if part in line.bands:
                _add_band(figure, line, *line.bands[part])
        for part, column in drawn.items():
            name = PART_NAMES[part]
            shaded = gap and part == "validation" and "train" in drawn  # drawn just before it
            most = 0 if len(column) <= 60 else 15  # markers; 0 is one a value
            kept = telling(column)
            figure.add_scatter(
                x=line.x[kept],
                y=column[kept],
                mode="lines+markers",
                name=f"{plain(line.title)}, {name}" if len(lines) > 1 else name,
                line={"color": line.color, "dash": DASHES[part], "width": 2},
                marker={"size": 7, "symbol": symbol, "maxdisplayed": most},
                fill="tonexty" if shaded else None,
                fillcolor=_fade(line.color, 0.1),
                hovertemplate=f"%{{y:.4f}} {name}<extra>{plain(line.title)}</extra>",
            )
    legend = {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0}
    height = 380 + 24 * max(0, len(figure.data) - 8)  # a long legend takes room of its own
    figure.update_layout(height=height, margin=MARGIN, hovermode="x", legend=legend)
    few = axis == "epoch" and all(len(line.x) <= 12 for line in lines)
    figure.update_xaxes(title=axis, showgrid=False, dtick=1 if few else None)
    percent = PERCENT if quantity == "accuracy" and not log else None
    figure.update_yaxes(title=quantity, type="log" if log else "linear", tickformat=percent)
    return figure


def mark_gaps(figure: go.Figure, epochs: Sequence[int]) -> None:
    """Say at these epochs that the loss was not finite: the curves have no point there."""
    for epoch in epochs:
        figure.add_vline(
            x=epoch, line={"dash": "dot", "width": 1, "color": GRAY}, annotation_text="not finite"
        )


def _add_band(figure: go.Figure, line: Line, low: np.ndarray, high: np.ndarray) -> None:
    figure.add_scatter(
        x=np.concatenate([line.x, line.x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=_fade(line.color, 0.18),
        mode="none",
        hoverinfo="skip",
        showlegend=False,
    )


def run_color(run_id: str) -> str:
    """The colour of a run, by its id alone; where two share one, their markers differ."""
    digest = hashlib.sha256(f"{SALT} {run_id}".encode()).digest()
    return RUN_COLORS[int.from_bytes(digest) % len(RUN_COLORS)]


def rgb(color: str) -> tuple[int, ...]:
    """#rrggbb as three numbers."""
    return tuple(bytes.fromhex(color.lstrip("#")))


def _fade(color: str, opacity: float) -> str:
    red, green, blue = rgb(color)
    return f"rgba({red},{green},{blue},{opacity})"


def telling(values: np.ndarray, most: int = 4000) -> np.ndarray:
    """Which of the values to draw: all, or the lowest and the highest of each equal stretch and
    both ends, so that a thinned line still has its peaks and its gaps.
    """
    if len(values) <= most:
        return np.arange(len(values))
    kept = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), most // 2):
        known = part[~np.isnan(values[part])]
        stretch = known if len(known) else part
        kept |= {int(stretch[values[stretch].argmin()]), int(stretch[values[stretch].argmax()])}
    return np.array(sorted(kept))


def probabilities(probs: np.ndarray, classes: Sequence[str], *, limit: int = 10) -> go.Figure:
    """The likeliest classes (N,) as horizontal bars, in their own order, up to `limit`."""
    order = np.sort(np.argsort(-probs)[:limit])
    best = int(np.argmax(probs))
    figure = go.Figure(
        go.Bar(
            x=probs[order],
            y=[plain(classes[int(index)]) for index in order],
            orientation="h",
            marker={"color": np.where(order == best, RUN_COLORS[0], "rgba(128,128,128,.45)")},
            text=[f"{100 * probs[index]:.1f} %" for index in order],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.2%}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1.15], visible=False)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    height = 32 * len(order) + 24
    figure.update_layout(height=height, margin=MARGIN, bargap=0.35, showlegend=False)
    return figure


def spans(bins: Sequence[Mapping[str, float]]) -> np.ndarray:
    """How far each bin's interval reaches below and above its accuracy (2, N): nowhere where it has
    none, as in older runs.
    """
    names = ("accuracy", "accuracy_low", "accuracy_high")
    middle, *ends = ([row.get(name, row["accuracy"]) for row in bins] for name in names)
    return np.abs(np.subtract(ends, middle))


def reliability(bins: Sequence[Mapping[str, float]], *, color: str) -> go.Figure:
    """Accuracy by confidence, each bin a point as large as its share of images, with the diagonal
    on which a calibrated network lies; `bins` as uncertainty.calibration makes them.
    """
    below, above = spans(bins)
    counts = np.array([row["count"] for row in bins], float)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": GRAY, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[row["confidence"] for row in bins],
        y=[row["accuracy"] for row in bins],
        mode="lines+markers",
        error_y={"array": above, "arrayminus": below, "width": 0, "color": color},
        line={"color": color, "width": 1.5},
        marker={"size": 6 + 22 * np.sqrt(counts / max(counts.sum(), 1)), "color": color},
        cliponaxis=False,
        customdata=counts,
        hovertemplate="%{customdata:,} images<br>confidence %{x:.3f}, accuracy %{y:.3f}"
        "<extra></extra>",
    )
    figure.update_xaxes(title="mean confidence", range=[0, 1.02], showgrid=False)
    figure.update_yaxes(title="accuracy", range=[0, 1.02])
    figure.update_layout(height=340, margin=MARGIN, showlegend=False)
    return figure


def coverage(
    shares: np.ndarray, accuracies: np.ndarray, here: tuple[float, float], *, color: str
) -> go.Figure:
    """Accuracy of the surest share of images (P,), with the point that a threshold chooses."""
    figure = go.Figure()
    figure.add_scatter(
        x=shares,
        y=accuracies,
        mode="lines",
        line={"color": color, "width": 2},
        hovertemplate="the surest %{x:.1%}: %{y:.2%} right<extra></extra>",
    )
    figure.add_scatter(
        x=[here[0]], y=[here[1]], mode="markers", marker={"size": 13, "color": color}
    )
    figure.update_xaxes(title="share answered", tickformat=PERCENT, range=[0, 1.01], showgrid=False)
    figure.update_yaxes(title="of them right", tickformat=PERCENT)
    figure.update_layout(height=340, margin=MARGIN, showlegend=False)
    return figure


def strip(
    predicted: np.ndarray, sure: np.ndarray, label: int, classes: Sequence[str], kept: int
) -> go.Figure:
    """One image's prediction at every epoch: a cell each, right or wrong by colour and sign.

    `predicted` are class numbers (E,), `sure` confidences 0 to 1 (E,); epoch `kept` is marked.
    """
    epochs, right = np.arange(1, len(predicted) + 1), predicted == label
    signs = ["✓" if good else "✗" for good in right]
    told = [f"{sign} {plain(classes[i])}" for sign, i in zip(signs, predicted, strict=True)]
    few = len(predicted) <= 16
    figure = go.Figure(
        go.Bar(
            x=epochs,
            y=sure,
            marker={"color": np.where(right, RIGHT, WRONG), "opacity": 0.35 + 0.65 * sure},
            text=[text.replace(" ", "<br>", 1) for text in told] if few else signs,
            textposition="outside",
            cliponaxis=False,
            customdata=told,
            hovertemplate="epoch %{x}: %{customdata}, %{y:.1%} sure<extra></extra>",
        )
    )
    figure.add_vline(x=kept, line={"dash": "dot", "width": 1, "color": GRAY})
    figure.update_xaxes(title="epoch", dtick=1 if few else None, showgrid=False)
    figure.update_yaxes(title="confidence", range=[0, 1.35], tickvals=[0, 0.5, 1], tickformat=".0%")
    figure.update_layout(height=230, margin=MARGIN, showlegend=False)
    return figure


def make_clickable(
    figure: go.Figure, *, x: np.ndarray, y: np.ndarray, size: float, **more: Any
) -> None:
    """Lay invisible squares over a figure whose parts cannot be clicked themselves."""
    hidden = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        marker={"symbol": "square", "size": size},
        opacity=0,
        selected=hidden,
        unselected=hidden,
        **more,
    )
    figure.update_layout(hovermode="closest", clickmode="event+select", dragmode=False)


def plain(text: str) -> str:
    """Text that Plotly shows as it is: it would take < and & as markup."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;")[:60]
