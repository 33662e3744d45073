"""Polarity and light are found, not assumed."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from core.reading import background


def page(width: int = 14, side: int = 300) -> np.ndarray:
    """A dark 7 on light paper, float32."""
    image = Image.new("L", (side, side), 225)
    ImageDraw.Draw(image).line([(90, 80), (210, 80), (130, 230)], 40, width)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1)), np.float32)


@pytest.mark.parametrize("width", [4, 14, 40])
def test_thin_and_fat_strokes_alike_tell_the_polarity(width):
    assert background.is_light(page(width))
    assert not background.is_light(255 - page(width))


def test_a_flat_ground_is_recognised_and_paper_is_not():
    flat = np.full((60, 80), 200.0, np.float32)
    flat[20:40, 30:34] = 10
    assert background.flat_ground(flat) == 200
    mostly_ink = np.full((60, 80), 200.0, np.float32)
    mostly_ink[8:52, 8:72] = 10
    assert background.flat_ground(mostly_ink) == 200
    slope = flat * np.linspace(0.5, 1, 80, dtype=np.float32)
    assert background.flat_ground(slope) is None


def test_ink_lies_under_a_flat_ground_and_what_is_lighter_does_not():
    gray = np.array([[200.0, 50.0, 0.0, 255.0]], np.float32)
    assert background.darkness(gray, 200)[0] == pytest.approx(np.array([[0, 0.75, 1, 0]]))


@pytest.mark.parametrize("dim", [0.4, 0.7])
def test_a_shadow_leaves_no_mark_and_ink_in_it_is_as_dark_as_outside(dim):
    gray = page()
    gray[:, 150:] *= dim
    depth, uneven = background.darkness(gray)
    away = np.ones(gray.shape, bool)
    away[60:250, 70:230] = away[:, 140:165] = False
    assert depth[away].max() < 0.1
    assert depth[80, 110] == pytest.approx(depth[80, 190], abs=0.12)
    assert uneven > 0.12


def test_a_sheet_on_a_table_is_told_from_a_shadow_and_from_a_blank_wall():
    table = np.full((400, 400), 60.0, np.float32)
    table[40:340, 60:360] = page()
    found = background.sheet_on_a_table(table)
    assert found is not None
    assert found[190, 200]
    assert not found[10, 10]
    assert background.sheet_on_a_table(page()) is None
    assert background.sheet_on_a_table(np.full((200, 200), 180.0, np.float32)) is None


def test_the_colour_channel_in_which_ink_shows_is_taken():
    pixels = np.full((80, 80, 3), 250, np.float32)
    pixels[20:60, 36:44] = (250, 250, 60)  # a yellow pen: dark in blue alone
    gray = background.best_channel(pixels)
    assert gray[40, 40] == 60


def test_otsu_parts_two_heaps():
    values = np.concatenate([np.linspace(0.1, 0.2, 50), np.linspace(0.7, 0.9, 20)])
    assert 0.2 < background.otsu(values) < 0.7
    assert background.otsu(np.array([0.3, 0.3])) == pytest.approx(0.3)
