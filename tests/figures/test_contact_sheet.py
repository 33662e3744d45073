"""Many images as one PNG within a limit."""

import io

import numpy as np
from PIL import Image

from core.figures import contact_sheet


def noise(count: int, channels: int = 1) -> np.ndarray:
    rng = np.random.RandomState(0)
    return rng.randint(0, 256, (count, channels, 8, 8)).astype(np.uint8)


def tile(content: bytes, place: int) -> np.ndarray:
    picture = np.array(Image.open(io.BytesIO(content)))
    row, column = divmod(place, contact_sheet.COLUMNS)
    return picture[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]


def test_all_images_stand_in_their_order_when_they_fit():
    images, labels = noise(230), np.zeros(230, int)
    shown, content = contact_sheet.sheet(images, labels, labels)
    assert shown.tolist() == list(range(230))
    assert (tile(content, 207) == images[207, 0]).all()


def test_colour_images_stay_in_colour():
    images, labels = noise(5, channels=3), np.zeros(5, int)
    _, content = contact_sheet.sheet(images, labels, labels)
    assert (tile(content, 3) == np.moveaxis(images[3], 0, 2)).all()


def test_grays_are_made_fewer_before_images_are_left_out():
    images, labels = noise(300), np.zeros(300, int)
    _, whole = contact_sheet.sheet(images, labels, labels)
    shown, content = contact_sheet.sheet(images, labels, labels, limit=len(whole) - 1000)
    assert len(shown) == 300
    assert np.abs(tile(content, 9).astype(int) - images[9, 0]).max() <= 8
    assert {0, 255} <= set(np.unique(tile(content, 9) // 1)) | {0, 255}


def test_mistakes_stay_when_right_answers_have_to_go():
    images, labels = noise(600), np.arange(600) % 3
    predicted = labels.copy()
    predicted[::50] = (predicted[::50] + 1) % 3
    shown, content = contact_sheet.sheet(images, labels, predicted, limit=9000)
    assert len(content) <= 9000
    assert set(np.flatnonzero(labels != predicted)) <= set(shown)
    assert len(shown) < 600
    assert (np.diff(shown) > 0).all()
