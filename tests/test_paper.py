"""The ink of a picture: found, evenly dark, and nothing else."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from core import paper


def photo(seed: int = 0) -> Image.Image:
    rng = np.random.RandomState(seed)
    image = Image.new("L", (400, 300), 220)
    ImageDraw.Draw(image).line([(150, 80), (240, 80), (180, 230)], 50, 16, joint="curve")
    values = np.asarray(image.filter(ImageFilter.GaussianBlur(1)), np.float32)
    values *= np.linspace(0.6, 1.0, 400)
    return Image.fromarray(
        np.clip(values + rng.normal(0, 4, values.shape), 0, 255).astype(np.uint8)
    )


def test_a_photo_gives_its_ink_and_says_what_was_done():
    page = paper.clean(photo(), 720)
    rows, columns = np.flatnonzero(page.mask.any(1)), np.flatnonzero(page.mask.any(0))
    assert rows[0] == pytest.approx(72, abs=4)
    assert rows[-1] == pytest.approx(231, abs=6)
    assert columns[0] == pytest.approx(148, abs=6)
    assert "uneven light was removed" in page.said
    assert [name for name, _ in page.stages] == ["as given", "even light", "ink"]
    assert page.ink.max() <= 1


def test_a_large_picture_is_worked_on_smaller_and_says_by_how_much():
    page = paper.clean(photo().resize((1600, 1200)), 400)
    assert page.ink.shape == (300, 400)
    assert page.scale == 0.25


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_picture_is_said_to_be_empty(level):
    """Case 29."""
    with pytest.raises(paper.EmptyDrawing, match="nothing is drawn"):
        paper.clean(Image.new("RGB", (300, 200), (level, level, level)), 720)


def test_parts_far_smaller_than_the_largest_are_counted_and_dropped():
    mask = np.zeros((120, 120), bool)
    mask[20:100, 50:60] = True
    mask[::30, ::40] = True
    kept, count = paper.without_specks(mask)
    assert count == 12
    assert kept.sum() == 800


def test_specks_are_left_out():
    values = np.asarray(photo()).copy()
    rng = np.random.RandomState(1)
    for y, x in rng.randint(5, 290, (40, 2)):
        values[y : y + 2, x : x + 2] = 20
    page = paper.clean(Image.fromarray(values), 720)
    assert page.mask[:60].sum() == 0
    assert page.mask[110:].sum() > 500


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (3, 3), (900, 12)])
def test_pictures_of_odd_sizes_are_read_or_empty_and_never_crash(size):
    """Case 28."""
    rng = np.random.RandomState(0)
    noise = rng.randint(0, 255, (size[1], size[0]), np.uint8)
    for image in (Image.fromarray(noise), Image.new("L", size, 7)):
        try:
            page = paper.clean(image, 720)
        except paper.EmptyDrawing:
            continue
        assert page.ink.shape == page.mask.shape
