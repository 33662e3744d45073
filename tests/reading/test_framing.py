"""Strokes thick enough for the network, put where MNIST has them."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.reading import framing


def bar(width: int, length: int = 160) -> np.ndarray:
    """An L of strokes of that width, float32 0 to 1, cropped."""
    image = Image.new("L", (length, length), 0)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width - 1, length - 1), fill=255)
    draw.rectangle((0, length - width, length - 1, length - 1), fill=255)
    return np.asarray(image, np.float32) / 255


def across(ink: np.ndarray) -> tuple[float, bool]:
    """Width of the upright stroke in the network's frame, and whether it was thickened."""
    image, thickened = framing.draw(ink, (28, 28))
    return image[12].astype(float).sum() / 255, thickened


@pytest.mark.parametrize("width", [2, 6, 12])
def test_thin_strokes_are_drawn_with_the_pen_that_the_set_has(width):
    wide, thickened = across(bar(width))
    assert wide == pytest.approx(framing.PEN, abs=0.5)
    assert thickened


@pytest.mark.parametrize("width", [20, 40])
def test_other_strokes_stay_as_they_are(width):
    wide, thickened = across(bar(width))
    assert wide == pytest.approx(20 * width / 160, abs=0.1)
    assert not thickened


def test_what_is_too_small_or_blurred_to_measure_stays_as_it_is():
    small, blurred = bar(1, 30), 0.5 * bar(2)
    assert not across(small)[1]
    assert not across(blurred)[1]


@pytest.mark.parametrize("shape", [(160, 40), (40, 160), (90, 90)])
def test_a_crop_fills_20_of_28_and_its_mass_lies_where_mnists_does(shape):
    rng = np.random.RandomState(0)
    ink = (255 * (rng.rand(*shape) > 0.3)).astype(np.uint8)
    frame = framing.centre(ink, (28, 28))
    rows, columns = np.flatnonzero(frame.any(1)), np.flatnonzero(frame.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    weight = frame.astype(float)
    middle = (weight.sum(1) @ (np.arange(28) + 0.5), weight.sum(0) @ (np.arange(28) + 0.5))
    assert np.array(middle) / weight.sum() == pytest.approx([14.5, 14.5], abs=0.51)


def test_the_box_of_nothing_is_everything():
    assert framing.box(np.zeros((4, 6), bool)) == ((0, 0), (4, 6))
