"""Confusion matrices as Plotly figures whose cells can be clicked. Arrays in, figures out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.figures.charts import GRAY, MARGIN, make_clickable, plain

CELLS = ("Counts", "Row share", "Column share")
DIVERGING = [[0, "#2A6FB0"], [0.5, "rgba(128,128,128,0.06)"], [1, "#B8860B"]]


def named(count: int) -> range:
    """Which of `count` classes have their names beside a matrix: all, or about 25."""
    return range(0, count, 1 if count <= 40 else -(-count // 25))


def shares(counts: np.ndarray, cells: str) -> np.ndarray:
    """Percent (classes, classes) of the row (true class) or column (predicted); 0 where empty.

    Raises ValueError for an unknown kind.
    """
    if cells not in CELLS[1:]:
        raise ValueError(f"cells: {cells!r} is unknown; choose one of {', '.join(CELLS)}")
    totals = counts.sum(1 if cells == "Row share" else 0, keepdims=True)
    return np.divide(100.0 * counts, totals, out=np.zeros(counts.shape), where=totals > 0)


def confusion(
    counts: np.ndarray,
    classes: Sequence[str],
    *,
    cells: str = "Counts",
    errors_only: bool = False,
    chosen: tuple[int, int] | None = None,
) -> go.Figure:
    """A matrix of counts, or of shares of each true or predicted class; `chosen` is outlined.

    The colour is logarithmic: without it the diagonal drowns everything else. Numbers stand in the
    cells up to 20 classes.
    """
    counts = np.asarray(counts)
    shown = counts.astype(float) if cells == "Counts" else shares(counts, cells)
    if errors_only:
        shown = shown * ~np.eye(len(counts), dtype=bool)
    texts = counts.astype(str) if cells == "Counts" else np.char.mod("%.1f", shown)
    notes = np.dstack([counts, shares(counts, "Row share"), shares(counts, "Column share")])
    figure = _matrix(
        np.log10(1 + shown * (1 if cells == "Counts" else 10)),
        np.where(shown > 0, texts, ""),
        classes,
        notes,
        "%{customdata[0]:,} images: %{customdata[1]:.1f} % of true, %{customdata[2]:.1f} % of "
        "predicted",
    )
    if chosen:
        true, predicted = chosen
        ends = {"x0": predicted - 0.5, "x1": predicted + 0.5, "y0": true - 0.5, "y1": true + 0.5}
        figure.add_shape(type="rect", **ends, line={"width": 3, "color": GRAY})
    return figure


def difference(change: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """Counts of B minus counts of A in a diverging colour: more in B is gold, less is blue."""
    change = np.asarray(change)
    largest = max(1.0, float(np.log10(1 + np.abs(change)).max()))
    figure = _matrix(
        np.sign(change) * np.log10(1 + np.abs(change)),
        np.where(change != 0, np.char.mod("%+d", change), ""),
        classes,
        change[:, :, None],
        "%{customdata[0]:+} images",
    )
    figure.update_traces(
        colorscale=DIVERGING, zmin=-largest, zmax=largest, selector={"type": "heatmap"}
    )
    return figure


def _matrix(
    z: np.ndarray, texts: np.ndarray, classes: Sequence[str], notes: np.ndarray, hover: str
) -> go.Figure:
    """The heatmap and over it invisible markers, for a heatmap's cells cannot be clicked."""
    count = len(classes)
    names = [plain(name) for name in classes]
    places = np.arange(count)
    height = min(900, max(460, 24 * count + 140))
    figure = go.Figure(
        go.Heatmap(
            z=z,
            x=places,
            y=places,
            text=texts if count <= 20 else None,
            texttemplate="%{text}" if count <= 20 else None,
            textfont={"size": 13 if count <= 10 else 10},
            hoverinfo="skip",
            showscale=False,
            xgap=1 if count <= 40 else 0,
            ygap=1 if count <= 40 else 0,
        )
    )
    truths, predicted = np.divmod(np.arange(count * count), count)
    make_clickable(
        figure,
        x=predicted,
        y=truths,
        size=max(4, round(0.8 * (height - 110) / count)),
        customdata=notes.reshape(count * count, -1),
        hovertemplate=f"{hover}<br>true %{{y}}, predicted %{{x}}<extra></extra>",
        showlegend=False,
    )
    shown = named(count)
    ticks = {"tickvals": list(shown), "ticktext": [names[index] for index in shown]}
    common = {"showgrid": False, "zeroline": False, "fixedrange": True, **ticks}
    figure.update_xaxes(title="predicted", side="bottom", range=[-0.5, count - 0.5], **common)
    figure.update_yaxes(title="true", range=[count - 0.5, -0.5], **common)
    figure.update_layout(height=height, margin=MARGIN)
    return figure
