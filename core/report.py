"""What a run gives away: the files that the original projects handed in, drawn with matplotlib."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from core import data, files, scoring
from core.charts import RIGHT, RUN_COLORS, WRONG
from core.runs import Run
from core.summary import accuracy_text, report_text

GRID = 5  # samples a side


def export(run: Run, folder: Path) -> list[Path]:
    """Write a finished run's files into `folder` and return their paths.

    Without the data set's test images there is no sample grid; all else is written. Raises
    BrokenRun, or ValueError for a run that is not finished.
    """
    model = scoring.load_model(run)
    stored = run.predictions()
    labels, probs = stored["labels"], stored["probs"].astype(np.float32)
    made = {
        "model_accuracy.txt": accuracy_text(run).encode(),
        "classification_report.txt": report_text(run).encode(),
        "output_graph.png": _png(_draw_confusion(run)),
        "curves.png": _png(_draw_curves(run)),
    }
    try:
        images, _, digest = data.load_test(run.info["dataset"])
        if digest == run.info["test_sha256"]:
            made["output_sample.png"] = _png(_draw_samples(run, images, labels, probs))
    except (data.DatasetError, ValueError):
        pass  # the caller names what is missing: see `missing_reason`
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_tensors(folder / "model.pth", model.state_dict())
        for name, content in made.items():
            files.write_bytes(folder / name, content)
    except (NotADirectoryError, FileExistsError, PermissionError) as error:
        raise ValueError(f"{folder} cannot be written: {error.strerror}") from error
    return [folder / name for name in ("model.pth", *made)]


def _draw_confusion(run: Run):
    counts, classes = np.array(run.metrics["confusion"]), run.info["classes"]
    side = max(6.0, 0.45 * len(classes) + 2)
    figure, axes = _subplots(1, (side, side))
    axes.imshow(np.log10(1 + counts), cmap="Blues")
    if len(classes) <= 25:
        dark = np.log10(1 + counts) > 0.6 * np.log10(1 + counts.max())
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if dark[row, column] else "black"
                axes.text(column, row, count, ha="center", va="center", color=color, fontsize=9)
    ticks = np.arange(len(classes))
    axes.set_xticks(ticks, classes, rotation=45, ha="right")
    axes.set_yticks(ticks, classes)
    axes.set(xlabel="predicted", ylabel="true", title=f"{run.title}: confusion matrix, test images")
    return figure


def _draw_curves(run: Run):
    history, _ = run.history()
    figure, axes = _subplots(2, (11, 4.2))
    epochs = [record["epoch"] for record in history]
    for place, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for part, style in (("train", ":"), ("validation", "-"), ("test", "--")):
            values = [record.get(f"{part}_{quantity}") for record in history]
            if any(value is not None for value in values):
                label = part if part != "test" else "test (shown only)"
                place.plot(epochs, values, style, marker=".", color=RUN_COLORS[0], label=label)
        place.set(xlabel="epoch", ylabel=quantity)
        place.legend(frameon=False)
        place.spines[["top", "right"]].set_visible(False)
    figure.suptitle(run.title)
    return figure


def _draw_samples(run: Run, images: np.ndarray, labels: np.ndarray, probs: np.ndarray):
    """The first 25 test images, captioned in green when right and in vermilion when wrong."""
    classes = run.info["classes"]
    predicted = probs.argmax(1)
    figure, axes = _subplots(GRID * GRID, (9, 10.5), rows=GRID)
    for axis in axes:
        axis.axis("off")
    for index, axis in zip(range(min(len(images), GRID * GRID)), axes, strict=False):
        picture = np.moveaxis(images[index], 0, 2)
        axis.imshow(picture[..., 0] if picture.shape[2] == 1 else picture, cmap="gray")
        right = predicted[index] == labels[index]
        said, true = classes[predicted[index]], classes[labels[index]]
        caption = f"✓ {said}" if right else f"✗ said {said}, is {true}"
        axis.set_title(caption, color=RIGHT if right else WRONG, fontsize=9)
    figure.suptitle(f"{run.title}: the first {GRID * GRID} test images")
    return figure


def _subplots(count: int, size: tuple[float, float], rows: int = 1):
    """A figure of its own, apart from pyplot's global state, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, count // rows)
    return figure, axes if count == 1 else axes.ravel()


def _png(figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
