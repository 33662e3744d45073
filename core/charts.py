"""Plotly figures and picture tiles from plain arrays and records. Colours of text and ground come
from the page's theme; only runs, right and wrong bring their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

RIGHT, WRONG = "#2E8B57", "#E34A27"  # the only green and the only vermilion, with a sign and a text
# Mid-tones that stand out on paper and in the dim room; no green and no vermilion among them.
RUN_COLORS = (
    "#3D6FB6",
    "#B8860B",
    "#8E5BB0",
    "#2A9DA5",
    "#C2578F",
    "#7A6F5D",
    "#5B7FD6",
    "#A0683C",
    "#6C8C9C",
    "#9C6ADE",
)
HEAT_COLORS = ((255, 178, 36), (84, 148, 255))  # for the class, against it
HEAT_SHARE, QUIET = 0.85, 0.7  # how far a tint covers, how bright the image stays below it
DASHES = {"train": "dot", "validation": "solid", "test": "dash"}
PART_NAMES = {
    "train": "training",
    "validation": "validation",
    "test": "test (shown only)",
}


def curves(
    histories: Mapping[str, Sequence[Mapping[str, Any]]],
    quantity: str,
    *,
    colors: Mapping[str, str],
    parts: Sequence[str] = ("train", "validation"),
    log: bool = False,
) -> go.Figure:
    """`quantity` (loss or accuracy) by epoch for each run's history, one line a part.

    A part that a run does not have, such as validation when nothing was held out, is left out.
    """
    figure = go.Figure()
    for title, history in histories.items():
        epochs = np.array([record["epoch"] for record in history])
        for part in parts:
            values = np.array([record.get(f"{part}_{quantity}") for record in history], dtype=float)
            if not len(values) or np.isnan(values).all():
                continue
            figure.add_scatter(
                x=epochs,
                y=values,
                mode="lines+markers" if len(epochs) < 60 else "lines",
                name=f"{title}, {PART_NAMES[part]}" if len(histories) > 1 else PART_NAMES[part],
                line={"color": colors[title], "dash": DASHES[part], "width": 2},
                marker={"size": 5},
                hovertemplate=f"%{{y:.4f}} {PART_NAMES[part]}<extra>{_plain(title)}</extra>",
            )
    figure.update_layout(
        height=380,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hovermode="x",
        legend={"orientation": "h", "y": -0.22, "x": 0},
    )
    longest = max((len(history) for history in histories.values()), default=0)
    figure.update_xaxes(
        title="epoch", showgrid=False, tickformat="d", dtick=1 if longest <= 12 else None
    )
    percent = quantity == "accuracy" and not log
    figure.update_yaxes(title=quantity, type="log" if log else "linear")
    if percent:
        figure.update_yaxes(tickformat=".1%")
    return figure


def first_epoch(points: Sequence[Sequence[float]], quantity: str, *, color: str) -> go.Figure:
    """Training loss or accuracy within the first epoch; `points` are (images seen, loss,
    accuracy).
    """
    place = {"loss": 1, "accuracy": 2}[quantity]
    rows = np.array(points, dtype=float)
    figure = go.Figure(
        go.Scatter(
            x=rows[:, 0],
            y=rows[:, place],
            mode="lines",
            line={"color": color, "dash": DASHES["train"], "width": 2},
            name="training, mean so far",
        )
    )
    figure.update_layout(height=380, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False)
    figure.update_xaxes(title="images seen in the first epoch", showgrid=False, rangemode="tozero")
    percent = ".1%" if quantity == "accuracy" else None
    figure.update_yaxes(title=quantity, tickformat=percent)
    return figure


def confusion(
    counts: np.ndarray, classes: Sequence[str], *, share: bool = False, errors_only: bool = False
) -> go.Figure:
    """A matrix of counts, or of shares of each true class, with a logarithmic colour scale.

    Without the logarithm the diagonal drowns everything else. Numbers stand in the cells up to 20
    classes.
    """
    counts = np.asarray(counts)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    shown = counts.astype(float)
    if errors_only:
        np.fill_diagonal(shown, 0)
    texts = np.where(
        shown > 0, np.char.mod("%.1f", 100 * shares) if share else counts.astype(str), ""
    )
    names = [_plain(name) for name in classes]
    figure = go.Figure(
        go.Heatmap(
            z=np.log10(1 + shown),
            x=np.arange(len(names)),
            y=np.arange(len(names)),
            text=texts,
            texttemplate="%{text}" if len(names) <= 20 else None,
            textfont={"size": 13 if len(names) <= 10 else 10},
            customdata=np.dstack([counts, 100 * shares]),
            hovertemplate=(
                "%{customdata[0]} images, %{customdata[1]:.1f} % of true class<br>"
                "true %{y}, predicted %{x}<extra></extra>"
            ),
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    ticks = {"tickmode": "array", "tickvals": np.arange(len(names)), "ticktext": names}
    figure.update_xaxes(title="predicted", side="bottom", showgrid=False, **ticks)
    figure.update_yaxes(title="true", autorange="reversed", showgrid=False, **ticks)
    figure.update_layout(
        height=min(900, max(460, 24 * len(names) + 140)),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
    return figure


def probabilities(probs: np.ndarray, classes: Sequence[str], *, limit: int = 10) -> go.Figure:
    """The likeliest classes (N,) as horizontal bars; all of them, in their own order, up to
    `limit`.
    """
    order = np.arange(len(probs))
    if len(probs) > limit:
        order = np.sort(np.argsort(-probs)[:limit])
    best = int(np.argmax(probs))
    figure = go.Figure(
        go.Bar(
            x=probs[order],
            y=[_plain(classes[index]) for index in order],
            orientation="h",
            marker={
                "color": [
                    RUN_COLORS[0] if index == best else "rgba(128,128,128,.45)" for index in order
                ]
            },
            text=[f"{100 * probs[index]:.1f} %" for index in order],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.2%}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1.15], visible=False)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    figure.update_layout(
        height=32 * len(order) + 24,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        bargap=0.35,
        showlegend=False,
    )
    return figure


def tile(image: np.ndarray, *, right: bool | None = None, size: int = 112) -> np.ndarray:
    """A picture uint8 (H, W, 4) about `size` pixels wide from an image uint8 (C, H, W).

    Pixels stay sharp. A green or vermilion frame tells right from wrong; with None there is none.
    """
    picture = np.moveaxis(image if len(image) == 3 else np.repeat(image[:1], 3, 0), 0, 2)
    factor = max(1, size // max(picture.shape[:2]))
    picture = picture.repeat(factor, 0).repeat(factor, 1)
    picture = np.pad(picture, ((0, 0), (0, 0), (0, 1)), constant_values=255)
    if right is None:
        return picture
    color = (RIGHT if right else WRONG).lstrip("#")
    frame, gap = max(4, size // 28), max(6, size // 18)
    height, width = (side + 2 * (frame + gap) for side in picture.shape[:2])
    framed = np.zeros((height, width, 4), np.uint8)
    framed[gap:-gap, gap:-gap] = [*bytes.fromhex(color), 255]
    framed[frame + gap : -frame - gap, frame + gap : -frame - gap] = picture
    return framed


def heat(image: np.ndarray, values: np.ndarray, *, size: int = 112) -> np.ndarray:
    """A picture uint8 (H, W, 4) about `size` pixels wide: `image` uint8 (C, H, W) in quiet greys,
    tinted by `values` (H, W) in -1 to 1.

    Amber speaks for the class, blue against it; where a value is 0 only the image is seen.
    """
    strength = np.abs(values)[..., None] * HEAT_SHARE
    tint = np.where(values[..., None] >= 0, *(np.array(color) for color in HEAT_COLORS))
    grey = np.repeat(image.mean(0, keepdims=True) * QUIET, 3, 0)
    blended = np.moveaxis(grey, 0, 2) * (1 - strength) + tint * strength
    return tile(np.moveaxis(blended, 2, 0).round().astype(np.uint8), size=size)


def _plain(text: str) -> str:
    """Text that Plotly shows as it is: it would take < and & as markup."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;")[:60]
