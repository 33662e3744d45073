"""Ruled and squared lines go, strokes stay."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.reading import ruled_lines


def strokes() -> Image.Image:
    image = Image.new("1", (300, 240), 0)
    draw = ImageDraw.Draw(image)
    draw.line([(100, 60), (190, 60), (130, 190)], 1, 14)
    return image


@pytest.mark.parametrize("slope", [-12, 0, 9])
def test_ruled_lines_go_and_the_digit_they_cross_stays_whole(slope):
    clean, ruled = strokes(), strokes()
    draw = ImageDraw.Draw(ruled)
    for y in (40, 110, 180):
        draw.line([(0, y), (299, y + slope)], 1, 3)
    mask, count = ruled_lines.without_lines(np.asarray(ruled))
    digit = np.asarray(clean)
    assert count == 3
    assert (mask & digit).sum() > 0.97 * digit.sum()
    assert (mask & ~digit).sum() < 0.03 * digit.sum()


def test_squares_go_too():
    squared = strokes()
    draw = ImageDraw.Draw(squared)
    for place in range(15, 300, 40):
        draw.line([(0, place), (299, place)], 1, 2)
        draw.line([(place, 0), (place, 239)], 1, 2)
    mask, count = ruled_lines.without_lines(np.asarray(squared))
    digit = np.asarray(strokes())
    assert count >= 12
    assert (mask & ~digit).sum() < 0.08 * digit.sum()


def test_the_bar_of_a_7_and_a_1_that_fills_the_picture_are_no_lines():
    for points in ([(20, 20), (280, 20), (120, 220)], [(150, 0), (150, 239)]):
        image = Image.new("1", (300, 240), 0)
        ImageDraw.Draw(image).line(points, 1, 16)
        mask = np.asarray(image)
        assert np.array_equal(ruled_lines.without_lines(mask)[0], mask)


def test_squared_paper_alone_leaves_nothing_behind():
    mask = np.zeros((300, 300), bool)
    for place in range(20, 300, 60):
        mask[place : place + 3] = True
        mask[:, place : place + 3] = True
    mask[40:42, :30] = True  # the end of a line that was lost in the light
    rest, count = ruled_lines.without_lines(mask)
    assert count == 10
    assert not rest.any()


def test_a_lone_level_line_is_a_rule_and_a_lone_upright_one_a_1():
    mask = np.zeros((300, 300), bool)
    mask[150:154] = True
    assert not ruled_lines.without_lines(mask)[0].any()
    assert np.array_equal(ruled_lines.without_lines(mask.T)[0], mask.T)


def test_a_stroke_through_a_crossing_stays():
    mask = np.zeros((300, 300), bool)
    for place in range(20, 300, 60):
        mask[place : place + 3] = True
        mask[:, place : place + 3] = True
    mask[90:190, 75:90] = True
    rest, _ = ruled_lines.without_lines(mask)
    assert rest[100:180, 77:88].all()
