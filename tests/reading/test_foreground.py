"""Things on a plain ground: found, cropped and laid on black, or taken whole and said so."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.reading import foreground
from core.reading.picture import EmptyDrawing

GRAY = (1, 28, 28)


def corner_and_size(place) -> tuple[tuple[int, int], tuple[int, int]]:
    return tuple(part.start for part in place), tuple(part.stop - part.start for part in place)


def shop_photo(
    ground=255, thing=60, box=(120, 40, 180, 160), size=(400, 240), slope=0.0
) -> Image.Image:
    """A dark box, half as wide as tall, on a light ground whose light may slope to the right."""
    image = Image.new("L", size, ground)
    ImageDraw.Draw(image).rectangle(box, fill=thing)
    fall = 1 + slope * np.linspace(-0.5, 0.5, size[0])
    return Image.fromarray(np.clip(np.asarray(image) * fall, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("ground", [255, 225, 170])
def test_a_dark_thing_on_a_light_ground_fills_the_frame_light_on_black(ground):
    found = foreground.find(shop_photo(ground, thing=ground // 4), GRAY)
    (top, left), (tall, wide) = corner_and_size(found.place)
    assert (abs(top - 40) < 4, abs(left - 120) < 4) == (True, True)
    assert (abs(tall - 121) < 8, abs(wide - 61) < 8) == (True, True)
    image = found.image[0]
    assert image[1:-1, 12:16].min() > 150  # from top to bottom
    assert image[:, :5].max() == image[:, -5:].max() == 0
    assert any("cropped" in steps for steps in found.steps)
    assert any("made black" in steps for steps in found.steps)


def test_a_light_thing_on_a_dark_ground_keeps_its_polarity():
    found = foreground.find(shop_photo(ground=20, thing=200), GRAY)
    assert found.image[0, 14, 14] > 150
    assert found.image[0, :, 0].max() == 0
    assert not any("black" in steps for steps in found.steps)


def test_a_white_thing_on_a_gray_ground_is_seen():
    found = foreground.find(shop_photo(ground=190, thing=255), GRAY)
    assert found.image[0, 14, 14] > 150


def test_light_that_falls_off_is_not_taken_for_the_thing():
    found = foreground.find(shop_photo(ground=210, slope=0.5), GRAY)
    (_, left), (_, wide) = corner_and_size(found.place)
    assert abs(left - 120) < 6
    assert abs(wide - 61) < 12


def test_both_shoes_of_a_pair_are_kept_and_specks_are_not():
    image = shop_photo()
    draw = ImageDraw.Draw(image)
    draw.rectangle((220, 40, 280, 160), fill=60)
    draw.rectangle((380, 20, 383, 23), fill=60)
    (_, left), (_, wide) = corner_and_size(foreground.find(image, GRAY).place)
    assert abs(left - 120) < 4
    assert abs(wide - 161) < 8


def test_a_picture_of_the_sets_own_size_is_not_cropped():
    pixels = np.zeros((28, 28), np.uint8)
    pixels[10:18, 4:10] = 200
    found = foreground.find(Image.fromarray(pixels), GRAY)
    assert np.array_equal(found.image[0], pixels)
    assert found.place is None
    assert found.steps == ()


def test_a_busy_ground_is_taken_whole_and_said_so():
    noise = np.random.default_rng(0).integers(0, 256, (120, 90), np.uint8)
    found = foreground.find(Image.fromarray(noise), GRAY)
    assert found.place is None
    assert found.steps[0].startswith("no plain ground")
    assert found.image.shape == GRAY


def test_one_plain_ground_gets_no_made_up_answer():
    """Case 29."""
    with pytest.raises(EmptyDrawing, match="stands out"):
        foreground.find(Image.new("RGB", (200, 100), (200, 30, 30)), GRAY)


def test_a_colour_set_gets_the_crop_in_its_colours():
    image = Image.new("RGB", (200, 100), (250, 250, 250))
    ImageDraw.Draw(image).rectangle((20, 30, 59, 69), fill=(200, 30, 30))
    found = foreground.find(image, (3, 32, 32))
    assert found.image.shape == (3, 32, 32)
    assert np.abs(found.image[:, 16, 16].astype(int) - [200, 30, 30]).max() < 5


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (11, 11)])
def test_pictures_too_small_to_judge_are_taken_whole(size):
    found = foreground.find(Image.new("L", size, 90), GRAY)
    assert found.image.shape == GRAY


def test_the_place_in_a_large_photo_is_told_in_its_own_pixels():
    photo = shop_photo().resize((3200, 1920), Image.Resampling.BICUBIC)
    found = foreground.find(photo, GRAY)
    (top, left), (tall, wide) = corner_and_size(found.place)
    assert (top, left) == pytest.approx((320, 960), abs=40)
    assert (tall, wide) == pytest.approx((968, 488), abs=80)
    assert max(max(stage.shape) for _, stage in found.stages[1:]) <= foreground.SIDE
    assert found.image[0, 1:-1, 12:16].min() > 150
