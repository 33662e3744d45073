"""The ink of a picture: found, evenly dark, and nothing else."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from core.reading import preprocessing
from core.reading.picture import EmptyDrawing, Page


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
    page = preprocessing.clean(photo(), 720)
    rows, columns = np.flatnonzero(page.mask.any(1)), np.flatnonzero(page.mask.any(0))
    assert rows[0] == pytest.approx(72, abs=4)
    assert rows[-1] == pytest.approx(231, abs=6)
    assert columns[0] == pytest.approx(148, abs=6)
    assert "uneven light was removed" in page.steps
    assert [name for name, _ in page.stages] == ["as given", "even light", "ink"]
    assert page.ink.max() <= 1


def test_a_large_picture_is_worked_on_smaller_and_says_by_how_much():
    page = preprocessing.clean(photo().resize((1600, 1200)), 400)
    assert page.ink.shape == (300, 400)
    assert page.scale == 0.25


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_picture_is_said_to_be_empty(level):
    """Case 29."""
    with pytest.raises(EmptyDrawing, match="nothing is drawn"):
        preprocessing.clean(Image.new("RGB", (300, 200), (level, level, level)), 720)


def test_specks_are_left_out():
    values = np.asarray(photo()).copy()
    rng = np.random.RandomState(1)
    for y, x in rng.randint(5, 290, (40, 2)):
        values[y : y + 2, x : x + 2] = 20
    page = preprocessing.clean(Image.fromarray(values), 720)
    assert page.mask[:60].sum() == 0
    assert page.mask[110:].sum() > 500


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (3, 3), (900, 12)])
def test_pictures_of_odd_sizes_are_read_or_empty_and_never_crash(size):
    """Case 28."""
    rng = np.random.RandomState(0)
    noise = rng.randint(0, 255, (size[1], size[0]), np.uint8)
    for image in (Image.fromarray(noise), Image.new("L", size, 7)):
        try:
            page = preprocessing.clean(image, 720)
        except EmptyDrawing:
            continue
        assert page.ink.shape == page.mask.shape


def written(image: Image.Image, left: int, ink: int) -> None:
    draw = ImageDraw.Draw(image)
    for place in range(3):
        x = left + 60 * place
        draw.line([(x, 60), (x + 35, 60), (x + 10, 140)], ink, 9, joint="curve")


def noisy(image: Image.Image, shade: np.ndarray | float = 1.0) -> Image.Image:
    values = np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)), np.float32) * shade
    values += np.random.RandomState(0).normal(0, 3, values.shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def ink_columns(page: Page) -> tuple[int, int]:
    columns = np.flatnonzero(page.mask.any(0))
    return int(columns[0]), int(columns[-1])


@pytest.mark.parametrize("size", [(320, 200), (320, 90)])
def test_paper_lit_between_dark_strokes_is_not_taken_for_light_ink(size):
    """The lit half of the sheet is brighter than the half in shadow, strokes cross both."""
    image = Image.new("L", (320, 200), 220)
    written(image, 80, 40)
    shade = np.where(np.arange(200)[:, None] > 100, 0.55, 1.0)
    picture = noisy(image, shade).crop((0, 55, 320, 145)) if size[1] < 100 else noisy(image, shade)
    page = preprocessing.clean(picture, 720)
    assert "light strokes on a dark ground were turned dark on light" not in page.steps
    assert page.mask.mean() < 0.25


def test_chalk_on_a_board_is_light_ink():
    image = Image.new("L", (320, 200), 60)
    written(image, 80, 225)
    page = preprocessing.clean(noisy(image, np.linspace(0.8, 1.0, 320)), 720)
    assert "light strokes on a dark ground were turned dark on light" in page.steps
    assert ink_columns(page) == pytest.approx((76, 239), abs=6)


def test_a_shadow_with_writing_in_it_is_no_table():
    image = Image.new("L", (400, 200), 225)
    written(image, 30, 50)
    written(image, 220, 50)
    shade = np.where(np.arange(400) < 205, 0.5, 1.0)
    page = preprocessing.clean(noisy(image, shade), 720)
    assert "the table round the paper was left out" not in page.steps
    assert ink_columns(page) == pytest.approx((26, 379), abs=8)


def test_a_sheet_on_a_dark_table_is_read_alone():
    image = Image.new("L", (420, 300), 60)
    image.paste(230, (50, 50, 370, 250))
    sheet = Image.new("L", (320, 200), 230)
    written(sheet, 80, 40)
    image.paste(sheet, (50, 50))
    page = preprocessing.clean(noisy(image), 720)
    assert "the table round the paper was left out" in page.steps
    assert ink_columns(page) == pytest.approx((126, 289), abs=6)


def test_ruled_paper_without_writing_is_empty():
    """Case 29."""
    image = Image.new("L", (300, 240), 235)
    for y in range(30, 240, 50):
        ImageDraw.Draw(image).line((0, y, 299, y), 150, 3)
    with pytest.raises(EmptyDrawing, match="only ruled lines"):
        preprocessing.clean(noisy(image), 720)


def test_the_grain_of_the_paper_is_no_writing():
    """Case 29."""
    rng = np.random.RandomState(0)
    values = np.full((240, 240), 230.0)
    for y, x in rng.randint(100, 230, (60, 2)):
        values[y : y + 4, x : x + 4] = 120
    picture = Image.fromarray((values + rng.normal(0, 2, values.shape)).astype(np.uint8))
    with pytest.raises(EmptyDrawing, match="grain"):
        preprocessing.clean(picture, 720)
