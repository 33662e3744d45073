"""Figures for files, drawn with matplotlib: PNG, and SVG that stands in a page.

What draws is pasted into notebook and script by code_export.py, which brings along what a function
takes from elsewhere.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.charts import PART_NAMES, RIGHT, RUN_COLORS, WRONG, spans, telling
from core.figures.confusion_matrix import named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACCENT = RUN_COLORS[0]
VARIABLES = {ACCENT: "run", "#000000": "soft", "#808080": "soft", "#D3D3D3": "line"}


def confusion(
    figure: Figure, counts: np.ndarray, classes: Sequence[str], title: str = ""
) -> Figure:
    """A confusion matrix (classes, classes), coloured by the logarithm of its counts."""
    side = min(max(6.0, 0.45 * len(classes) + 2), 20)
    figure.set_size_inches(side, side)
    axes = figure.subplots()
    axes.imshow(np.log10(1 + counts), cmap="Blues")
    if len(classes) <= 25:
        dark = np.log10(1 + counts) > 0.6 * np.log10(1 + counts.max())
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if dark[row, column] else "black"
                axes.text(column, row, count, ha="center", va="center", color=color, fontsize=9)
    ticks = named(len(classes))
    names = [str(classes[index])[:40] for index in ticks]
    axes.set_xticks(ticks, names, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title(title[:120], parse_math=False)
    return figure


def curves(
    figure: Figure,
    history: Sequence[Mapping[str, Any]],
    quantities: Sequence[str] = ("loss", "accuracy"),
    title: str = "",
) -> Figure:
    """Loss, accuracy or both by epoch, of each part that the records of `history` have."""
    figure.set_size_inches(5 * len(quantities), 3.6)
    if title:
        figure.suptitle(title[:120], parse_math=False)
    epochs = np.array([record["epoch"] for record in history])
    places = figure.subplots(1, len(quantities), squeeze=False)[0]
    for axes, quantity in zip(places, quantities, strict=True):
        for part, style in (("train", ":"), ("validation", "-"), ("test", "--")):
            values = np.array([record.get(f"{part}_{quantity}") for record in history], float)
            if np.isfinite(values).any():
                kept = telling(values, 800)
                more = {"marker": "." if len(values) <= 60 else "", "label": PART_NAMES[part]}
                axes.plot(epochs[kept], values[kept], style, color=ACCENT, markersize=5, **more)
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.locator_params("x", integer=True, min_n_ticks=1)
        axes.ticklabel_format(useOffset=False)
        if quantity == "accuracy":
            axes.yaxis.set_major_formatter(lambda share, place: f"{100 * share:.10g}%")
        axes.grid(axis="y", color="lightgray")
        axes.spines[["top", "right"]].set_visible(False)
        if axes.lines:
            place = {"loc": "lower left", "bbox_to_anchor": (0, 1.02), "borderaxespad": 0}
            axes.legend(frameon=False, ncols=3, fontsize=9, columnspacing=1, borderpad=0, **place)
    return figure


def reliability(figure: Figure, bins: Sequence[Mapping[str, float]], title: str = "") -> Figure:
    """Accuracy by confidence, each bin a point as large as its share of images, with its interval
    where it has one; on the diagonal they agree.
    """
    figure.set_size_inches(5, 3.6)
    axes = figure.subplots()
    confidence, accuracy = ([row[name] for row in bins] for name in ("confidence", "accuracy"))
    counts = np.array([row["count"] for row in bins], float)
    sizes = (4 + 12 * np.sqrt(counts / max(counts.sum(), 1))) ** 2
    axes.plot([0, 1], [0, 1], ":", color="gray", linewidth=1)
    axes.errorbar(confidence, accuracy, yerr=spans(bins), color=ACCENT, clip_on=False)
    axes.scatter(confidence, accuracy, s=sizes, color=ACCENT, clip_on=False, zorder=3)
    axes.set(xlabel="mean confidence", ylabel="accuracy", xlim=(0, 1.05), ylim=(0, 1.05))
    axes.set_title(title)
    axes.grid(axis="y", color="lightgray")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def samples(
    figure: Figure,
    images: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    classes: Sequence[str],
    title: str = "",
) -> Figure:
    """The first 25 of `images` uint8 (N, C, H, W), captioned green when right, else vermilion."""
    figure.set_size_inches(9, 10.5)
    figure.suptitle(title[:120], parse_math=False)
    for index, axes in enumerate(figure.subplots(5, 5).flat):
        axes.axis("off")
        if index < len(images):
            picture = np.moveaxis(images[index], 0, 2)
            axes.imshow(picture[..., 0] if picture.shape[2] == 1 else picture, cmap="gray")
            right = predicted[index] == labels[index]
            answer, true = classes[predicted[index]], classes[labels[index]]
            caption = f"✓ {answer}" if right else f"✗ said {answer}, is {true}"
            color = RIGHT if right else WRONG
            axes.set_title(caption[:120], color=color, fontsize=9, parse_math=False)
    return figure


def blank() -> Figure:
    """A figure of its own, apart from pyplot's global state, to be drawn on."""
    from matplotlib.figure import Figure

    return Figure(layout="constrained")


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def svg(figure: Figure, label: str) -> str:
    """The figure for a page: as wide as its place, its text text, its colours the page's variables
    (--run, --soft, --line); the same figure is the same text. `label` says what it shows.
    """
    import matplotlib

    # once for all: a setting that is put back would be put back under another thread's drawing
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "lightbox"})
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawn = " ".join(buffer.getvalue().split())
    box = re.search(r'viewBox="[^"]*"', drawn)
    assert box  # matplotlib writes one
    inside = drawn[drawn.index("</style> </defs>") + 16 :].replace("xlink:href", "href")
    inside = re.sub(r' id="[\w.]+_\d+"| font-family: [^;]*;', "", inside)
    for color, name in VARIABLES.items():
        inside = inside.replace(color.lower(), f"var(--{name})")
    return f'<svg {box[0]} role="img" aria-label="{escape(label)}">{inside}'
