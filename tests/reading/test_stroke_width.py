"""Strokes measured, redrawn with another pen, and put where MNIST has them."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.reading import stroke_width


def bar(width: int, length: int = 160) -> np.ndarray:
    """An L of strokes of that width, float32 0 to 1, cropped."""
    image = Image.new("L", (length, length), 0)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width - 1, length - 1), fill=255)
    draw.rectangle((0, length - width, length - 1, length - 1), fill=255)
    return np.asarray(image, np.float32) / 255


@pytest.mark.parametrize("width", [8, 16, 32])
def test_the_stroke_width_is_measured(width):
    expected = 20 * width / 160
    assert stroke_width.trace(bar(width)).relative == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("width", [6, 40])
def test_thin_and_fat_strokes_come_to_the_pen_that_is_asked_for(width):
    redrawn = stroke_width.with_width(stroke_width.trace(bar(width)), 2.6)
    drawn = stroke_width.draw(redrawn, (28, 28))
    column = drawn[8].astype(float).sum() / 255  # across the upright stroke
    assert column == pytest.approx(2.6, abs=0.7)


def test_thinning_breaks_nothing():
    from scipy import ndimage

    ink = bar(40)
    ink[60:100, :120] = 1  # now an F turned over
    redrawn = stroke_width.with_width(stroke_width.trace(ink), 1.2)
    assert ndimage.label(redrawn.field > -0.5, np.ones((3, 3)))[1] == 1


@pytest.mark.parametrize("shape", [(160, 40), (40, 160), (90, 90)])
def test_a_crop_fills_20_of_28_and_its_mass_lies_where_mnists_does(shape):
    rng = np.random.RandomState(0)
    ink = (255 * (rng.rand(*shape) > 0.3)).astype(np.uint8)
    frame = stroke_width.centre(ink, (28, 28))
    rows, columns = np.flatnonzero(frame.any(1)), np.flatnonzero(frame.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    weight = frame.astype(float)
    middle = (weight.sum(1) @ (np.arange(28) + 0.5), weight.sum(0) @ (np.arange(28) + 0.5))
    assert np.array(middle) / weight.sum() == pytest.approx([14.5, 14.5], abs=0.51)


def test_a_slanted_stroke_is_put_upright():
    image = Image.new("L", (160, 160), 0)
    ImageDraw.Draw(image).line([(110, 5), (50, 155)], 255, 14)
    traced = stroke_width.trace(np.asarray(image, np.float32) / 255)
    wide = [stroke_width.box(t.field > 0)[1][1] for t in (traced, stroke_width.upright(traced))]
    assert wide[1] < 0.5 * wide[0]


def test_the_box_of_nothing_is_everything():
    assert stroke_width.box(np.zeros((4, 6), bool)) == ((0, 0), (4, 6))
