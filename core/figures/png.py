"""The figures that the original projects handed in, as PNG files drawn with matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.charts import RIGHT, RUN_COLORS, WRONG

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRID = 5  # samples a side


def confusion(counts: np.ndarray, classes: Sequence[str], title: str) -> bytes:
    """A confusion matrix of test images (classes, classes), coloured by the logarithm of its
    counts.
    """
    side = max(6.0, 0.45 * len(classes) + 2)
    figure, (axes,) = _subplots(1, (side, side))
    axes.imshow(np.log10(1 + counts), cmap="Blues")
    if len(classes) <= 25:
        dark = np.log10(1 + counts) > 0.6 * np.log10(1 + counts.max())
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if dark[row, column] else "black"
                axes.text(column, row, count, ha="center", va="center", color=color, fontsize=9)
    ticks = np.arange(len(classes))
    names = [_literal(name) for name in classes]
    axes.set_xticks(ticks, names, rotation=45, ha="right")
    axes.set_yticks(ticks, names)
    title = _literal(f"{title}: confusion matrix, test images")
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return _png(figure)


def curves(history: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Loss and accuracy by epoch of each part that the records of `history` have."""
    figure, axes = _subplots(2, (11, 4.2))
    epochs = [record["epoch"] for record in history]
    for place, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for part, style in (("train", ":"), ("validation", "-"), ("test", "--")):
            values = [record.get(f"{part}_{quantity}") for record in history]
            if any(value is not None for value in values):
                label = part if part != "test" else "test (shown only)"
                place.plot(epochs, values, style, marker=".", color=RUN_COLORS[0], label=label)
        place.set(xlabel="epoch", ylabel=quantity)
        if place.lines:
            place.legend(frameon=False)
        place.spines[["top", "right"]].set_visible(False)
    figure.suptitle(_literal(title))
    return _png(figure)


def samples(
    images: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    classes: Sequence[str],
    title: str,
) -> bytes:
    """The first 25 of `images` uint8 (N, C, H, W), captioned in green when right and in vermilion
    when wrong.
    """
    figure, axes = _subplots(GRID * GRID, (9, 10.5), rows=GRID)
    for axis in axes:
        axis.axis("off")
    for index, axis in zip(range(min(len(images), GRID * GRID)), axes, strict=False):
        picture = np.moveaxis(images[index], 0, 2)
        axis.imshow(picture[..., 0] if picture.shape[2] == 1 else picture, cmap="gray")
        right = predicted[index] == labels[index]
        answer, true = classes[predicted[index]], classes[labels[index]]
        caption = f"✓ {answer}" if right else f"✗ said {answer}, is {true}"
        axis.set_title(_literal(caption), color=RIGHT if right else WRONG, fontsize=9)
    figure.suptitle(_literal(f"{title}: the first {GRID * GRID} test images"))
    return _png(figure)


def _subplots(count: int, size: tuple[float, float], rows: int = 1) -> tuple[Figure, np.ndarray]:
    """A figure of its own, apart from pyplot's global state, and its axes (count,)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, count // rows, squeeze=False).ravel()


def _literal(text: str) -> str:
    """Text from outside as it is, cut: a dollar sign would begin a formula."""
    return str(text)[:120].replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
