"""Figures for files: PNG, and SVG for a page."""

import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from core.figures import charts, static
from tests.helpers import ROOT

CLASSES = ["cat", "dog"]
HISTORY = [{"epoch": n, "train_loss": 0.9 / n, "train_accuracy": 1 - 0.5 / n} for n in range(1, 8)]
BINS = [
    {"low": 0.0, "high": 0.5, "count": 3, "confidence": 0.4, "accuracy": 0.3},
    {"low": 0.5, "high": 1.0, "count": 97, "confidence": 0.9, "accuracy": 0.95},
]


def size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return image.size


def matrix(counts=((1, 0), (0, 1)), title="made"):
    return static.confusion(static.blank(), np.array(counts), CLASSES, title)


def loss_curve(losses, **more):
    history = [{"epoch": n, "train_loss": loss} for n, loss in enumerate(losses, 1)]
    return static.curves(static.blank(), history, ["loss"], **more)


def test_each_figure_is_a_picture():
    images, labels = np.zeros((30, 1, 28, 28), np.uint8), np.zeros(30, int)
    for figure in (
        matrix(),
        static.curves(static.blank(), HISTORY, title="made"),
        static.reliability(static.blank(), BINS),
        static.samples(static.blank(), images, labels, labels, CLASSES, "made"),
    ):
        assert min(size(static.png(figure))) > 400


@pytest.mark.parametrize("title", [r"$\frac{x$ costs $5", "x" * 10_000, "\u202eRTL <b>"])
def test_a_title_with_a_formula_or_ten_thousand_signs_is_drawn_as_text(title):
    """Case 40: matplotlib would read what stands between dollars as a formula and fail."""
    images, labels = np.zeros((2, 1, 4, 4), np.uint8), np.zeros(2, int)
    for figure in (
        static.confusion(static.blank(), np.eye(2, dtype=int), [title, "dog"], title),
        static.curves(static.blank(), HISTORY, title=title),
        static.samples(static.blank(), images, labels, labels, [title, "dog"], title),
    ):
        assert max(size(static.png(figure))) < 3000


def test_the_matrix_has_true_classes_downwards_and_predicted_ones_across():
    """Seven cats taken for dogs, none the other way round."""
    (axes,) = matrix([[40, 7], [0, 50]]).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    cells = axes.images[0].get_array()
    assert cells[0, 1] > cells[1, 0] == 0
    assert {text.get_text(): text.get_position() for text in axes.texts} == {
        "40": (0, 0),
        "7": (1, 0),  # x is the column
        "50": (1, 1),
    }


def test_a_matrix_of_a_thousand_classes_names_some_and_can_be_written():
    classes = [f"c{index}" for index in range(1000)]
    figure = static.confusion(static.blank(), np.eye(1000, dtype=int), classes)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == classes[::40]
    assert max(size(static.png(figure))) < 3000


def test_curves_go_by_epoch_from_left_to_right():
    losses = [0.9, 0.5, 0.4]
    history = [{"epoch": n, "train_loss": loss} for n, loss in enumerate(losses, 1)]
    loss, accuracy = static.curves(static.blank(), history).axes
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    assert accuracy.get_ylabel() == "accuracy"
    (line,) = loss.lines
    assert line.get_xdata().tolist() == [1, 2, 3]
    assert line.get_ydata().tolist() == losses
    assert not accuracy.lines


def test_a_gap_where_the_loss_was_not_finite():
    """Case 12."""
    drawn = static.svg(loss_curve([1, None, 2, 3]), "loss")
    path, *_ = (path for path in paths(drawn) if "var(--run)" in path.get("style"))
    assert re.findall("[ML]", path.get("d")) == ["M", "M", "L"]  # a line after the gap
    markers = [use for use in ET.fromstring(drawn).iter("use") if "--run" in use.get("style")]
    assert len(markers) == 3 + 1  # the legend's too
    assert "nan" not in drawn


def test_a_hundred_thousand_epochs_are_thinned_without_losing_a_peak():
    """Case 21: as on the page, by the same rule."""
    losses = np.ones(100_000)
    losses[70_000] = 9.0
    figure = loss_curve(losses)
    (line,) = figure.axes[0].lines
    kept = charts.telling(losses, 800)
    assert line.get_xdata().tolist() == (kept + 1).tolist()
    assert line.get_ydata().max() == 9.0
    assert len(static.svg(figure, "loss")) < 30_000


@pytest.mark.parametrize("epochs", [1, 2, 7])
def test_epochs_are_whole(epochs):
    figure = loss_curve([1 / n for n in range(1, epochs + 1)])
    figure.canvas.draw()
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks
    assert all(text.lstrip("\N{MINUS SIGN}").isdigit() for text in ticks)


def test_the_reliability_diagram_has_a_point_a_bin_and_the_diagonal():
    (axes,) = static.reliability(static.blank(), BINS).axes
    diagonal, line = axes.lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert np.array(line.get_xydata()).tolist() == [[0.4, 0.3], [0.9, 0.95]]
    _, points = axes.collections  # the first are intervals
    assert points.get_offsets().tolist() == [[0.4, 0.3], [0.9, 0.95]]
    assert points.get_sizes()[0] < points.get_sizes()[1]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("mean confidence", "accuracy")


def test_intervals_are_drawn_where_bins_have_them():
    with_one = [BINS[0], BINS[1] | {"accuracy_low": 0.88, "accuracy_high": 0.98}]
    (axes,) = static.reliability(static.blank(), with_one).axes
    ends = [segment[:, 1].tolist() for segment in axes.collections[0].get_segments()]
    assert ends == [[0.3, 0.3], pytest.approx([0.88, 0.98])]
    assert static.reliability(static.blank(), []).axes


def test_right_and_wrong_samples_differ_by_colour_sign_and_text():
    images, labels, predicted = np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 1]), np.array([0, 0])
    drawn = static.samples(static.blank(), images, labels, predicted, CLASSES, "made")
    first, second, *_ = drawn.axes
    assert (first.get_title(), second.get_title()) == ("✓ cat", "✗ said cat, is dog")
    colors = [to_hex(axis.title.get_color()).upper() for axis in (first, second)]
    assert colors == [charts.RIGHT, charts.WRONG]


def paths(drawn: str) -> list[ET.Element]:
    return [path for path in ET.fromstring(drawn).iter("path") if path.get("style")]


def test_an_svg_takes_width_font_and_colours_from_its_page():
    drawn = static.svg(static.curves(static.blank(), HISTORY), 'loss & "accuracy"')
    root = ET.fromstring(drawn)
    assert set(root.attrib) == {"viewBox", "role", "aria-label"}
    assert root.get("aria-label") == 'loss & "accuracy"'
    assert {text.text for text in root.iter("text")} >= {"epoch", "loss", "accuracy", "training"}
    assert "font-family" not in drawn
    named = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", drawn))
    assert named == {"none", "var(--run)", "var(--soft)", "var(--line)"}


def test_an_svg_is_the_same_text_each_time_and_shares_no_id_with_its_page():
    first, second = (static.svg(loss_curve([2, 1]), "loss") for _ in range(2))
    assert first == second
    assert "<style" not in first
    assert not re.findall(r' id="(?![mp][0-9a-f]{10}")', first)
    assert set(re.findall(r"#(\w+)", first)) <= set(re.findall(r' id="(\w+)"', first))


def test_matplotlib_is_imported_when_something_is_drawn_not_before():
    code = "import sys; import core.reports.package; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
