"""Loops and islands of drawings that were made by hand for it, and of real digits."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.data import datasets
from core.reading import topology


def drawing(*shapes) -> np.ndarray:
    """A drawing on 28x28 from (kind, box) shapes in the units of a 280x280 canvas."""
    image = Image.new("L", (280, 280))
    draw = ImageDraw.Draw(image)
    for kind, box in shapes:
        if kind == "ring":
            draw.ellipse(box, outline=255, width=24)
        elif kind == "dot":
            draw.ellipse(box, fill=255)
        else:
            draw.line(box, fill=255, width=24)
    return np.array(image.resize((28, 28), Image.Resampling.BOX))


ZERO = ("ring", (30, 20, 250, 260))
EYES = (("dot", (90, 100, 124, 134)), ("dot", (156, 100, 190, 134)))


def test_a_one_a_zero_and_an_eight_have_no_loop_one_and_two():
    assert topology.count(drawing(("line", (140, 40, 140, 240)))) == (0, 0)
    assert topology.count(drawing(ZERO)) == (1, 0)
    eight = drawing(("ring", (80, 30, 200, 145)), ("ring", (70, 125, 210, 250)))
    assert topology.count(eight) == (2, 0)
    assert not topology.why_no_digit(eight)


def test_a_face_has_marks_inside_a_loop():
    face = drawing(ZERO, *EYES)
    assert topology.count(face) == (1, 2)
    assert "alone inside a loop" in topology.why_no_digit(face)


def test_three_loops_are_one_too_many():
    three = drawing(*(("ring", (90, 20 + 75 * k, 180, 110 + 75 * k)) for k in range(3)))
    assert topology.count(three) == (3, 0)
    assert "3 loops" in topology.why_no_digit(three)


def test_specks_and_what_stands_outside_do_not_count():
    beside = drawing(("ring", (20, 60, 140, 220)), ("dot", (200, 120, 240, 160)))
    assert topology.count(beside) == (1, 0)
    speck = drawing(ZERO)
    speck[14, 14] = 255
    assert topology.count(speck)[1] == 0


def test_nothing_has_neither():
    assert topology.count(np.zeros((28, 28), np.uint8)) == (0, 0)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_few_held_out_digits_are_called_odd(name, request):
    if name == "mnist":
        request.getfixturevalue("real_data")
    _, validation = datasets.load(name).holdout()
    odd = [bool(topology.why_no_digit(image)) for image in validation.images.numpy()[:, 0]]
    assert np.mean(odd) <= 0.002
