"""Figures hold the numbers they were given, for any number of classes and runs."""

import numpy as np
import pytest

from core import charts

HISTORY = [
    {"epoch": epoch, "train_loss": 1 / epoch, "validation_loss": 2 / epoch, "test_accuracy": 0.9}
    for epoch in (1, 2, 3)
]


def test_curves_draw_one_line_a_part_and_leave_absent_parts_out():
    figure = charts.curves({"a": HISTORY}, "loss", colors={"a": "#123456"})
    assert [trace.name for trace in figure.data] == ["training", "validation"]
    assert list(figure.data[1].y) == [2, 1, pytest.approx(2 / 3)]
    without = [{**record, "validation_loss": None} for record in HISTORY]
    figure = charts.curves({"a": without}, "loss", colors={"a": "#123456"})
    assert [trace.name for trace in figure.data] == ["training"]


def test_several_runs_keep_their_colours_and_names():
    colors = {"a": "#111111", "b": "#222222"}
    figure = charts.curves({"a": HISTORY, "b": HISTORY}, "loss", colors=colors)
    assert [trace.name for trace in figure.data][::2] == ["a, training", "b, training"]
    assert {trace.line.color for trace in figure.data} == set(colors.values())


def test_the_test_curve_says_that_it_is_only_shown():
    figure = charts.curves({"a": HISTORY}, "accuracy", colors={"a": "#111"}, parts=("test",))
    assert "shown only" in figure.data[0].name


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_a_matrix_of_any_size_holds_counts_and_shares(classes):
    counts = np.full((classes, classes), 1) + 9 * np.eye(classes, dtype=int)
    figure = charts.confusion(counts, [f"c{i}" for i in range(classes)])
    heat = figure.data[0]
    assert heat.customdata[0, 0, 0] == 10
    assert heat.customdata[0, 0, 1] == pytest.approx(100 * 10 / (9 + classes))
    assert (heat.texttemplate is None) == (classes > 20)


def test_errors_only_takes_the_diagonal_out():
    counts = np.array([[5, 1], [2, 7]])
    heat = charts.confusion(counts, ["a", "b"], errors_only=True).data[0]
    assert heat.z[0, 0] == heat.z[1, 1] == 0
    assert heat.z[0, 1] > 0
    assert heat.text[0][0] == ""


def test_a_class_without_images_has_share_zero():
    heat = charts.confusion(np.array([[0, 0], [1, 3]]), ["a", "b"], share=True).data[0]
    assert heat.customdata[0, :, 1].tolist() == [0, 0]


def test_only_the_likeliest_of_many_classes_are_drawn():
    probs = np.linspace(0, 1, 100) / 50
    bars = charts.probabilities(probs, [f"c{i}" for i in range(100)]).data[0]
    assert list(bars.y) == [f"c{i}" for i in range(90, 100)]


def test_class_names_are_shown_as_text_not_as_markup():
    """Case 40."""
    figure = charts.probabilities(np.array([0.4, 0.6]), ["<b>bold</b>", "x" * 10_000])
    assert figure.data[0].y[0] == "&lt;b>bold&lt;/b>"
    assert len(figure.data[0].y[1]) == 60


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 200, 100)])
def test_tiles_enlarge_by_whole_pixels_and_frame_by_verdict(shape):
    image = np.full(shape, 128, np.uint8)
    bare = charts.tile(image)
    assert bare.shape[0] % shape[1] == 0
    assert bare.shape[2] == 4
    right, wrong = charts.tile(image, right=True), charts.tile(image, right=False)
    middle = right.shape[1] // 2
    edge = np.flatnonzero(right[:, middle, 3])[0]
    assert right[edge, middle, :3].tolist() == list(bytes.fromhex(charts.RIGHT[1:]))
    assert wrong[edge, middle, :3].tolist() == list(bytes.fromhex(charts.WRONG[1:]))
