"""Figures as PNG files."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from core.figures import charts, png


def size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return image.size


CLASSES = ["cat", "dog"]


def test_each_figure_is_a_picture():
    assert min(size(png.confusion(np.eye(2, dtype=int), CLASSES, "made"))) > 400
    assert min(size(png.curves([{"epoch": 1, "train_loss": 0.5}], "made"))) > 400
    images, labels = np.zeros((30, 1, 28, 28), np.uint8), np.zeros(30, int)
    assert min(size(png.samples(images, labels, labels, CLASSES, "made"))) > 400


@pytest.mark.parametrize("title", [r"$\frac{x$ costs $5", "x" * 10_000, "\u202eRTL <b>"])
def test_a_title_with_a_formula_or_ten_thousand_signs_is_drawn_as_text(title):
    """Case 40: matplotlib would read what stands between dollars as a formula and fail."""
    width, height = size(png.confusion(np.eye(2, dtype=int), CLASSES, title))
    assert max(width, height) < 3000


@pytest.fixture
def kept(monkeypatch):
    """Figures as they are before they become files."""
    monkeypatch.setattr(png, "_png", lambda figure: figure)


def test_the_matrix_has_true_classes_downwards_and_predicted_ones_across(kept):
    """Seven cats taken for dogs, none the other way round."""
    (axes,) = png.confusion(np.array([[40, 7], [0, 50]]), CLASSES, "made").axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    cells = axes.images[0].get_array()
    assert cells[0, 1] > cells[1, 0] == 0
    assert {text.get_text(): text.get_position() for text in axes.texts} == {
        "40": (0, 0),
        "7": (1, 0),  # x is the column
        "50": (1, 1),
    }


def test_curves_go_by_epoch_from_left_to_right(kept):
    losses = [0.9, 0.5, 0.4]
    history = [{"epoch": n, "train_loss": loss} for n, loss in enumerate(losses, 1)]
    loss, accuracy = png.curves(history, "made").axes
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    assert accuracy.get_ylabel() == "accuracy"
    (line,) = loss.lines
    assert line.get_xdata().tolist() == [1, 2, 3]
    assert line.get_ydata().tolist() == losses
    assert not accuracy.lines


def test_right_and_wrong_samples_differ_by_colour_sign_and_text(kept):
    images, labels, predicted = np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 1]), np.array([0, 0])
    first, second, *_ = png.samples(images, labels, predicted, CLASSES, "made").axes
    assert (first.get_title(), second.get_title()) == ("✓ cat", "✗ said cat, is dog")
    colors = [to_hex(axis.title.get_color()).upper() for axis in (first, second)]
    assert colors == [charts.RIGHT, charts.WRONG]
