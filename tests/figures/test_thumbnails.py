"""Many images in one picture: each pixel where it belongs."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from core.figures import charts, thumbnails

GREEN, RED = (0, 200, 0), (200, 0, 0)


def pictures(count: int, channels: int = 1, height: int = 4, width: int = 4) -> np.ndarray:
    """Images of one brightness each, no two alike."""
    images = np.zeros((count, channels, height, width), np.uint8)
    images += (10 + 7 * np.arange(count, dtype=np.uint8))[:, None, None, None]
    images += np.arange(channels, dtype=np.uint8)[:, None, None]
    return images


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (5, 3), (6, 3), (100, 10), (2, 5)])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_row_by_row_and_the_rest_is_transparent(count, columns, channels):
    images = pictures(count, channels)
    sheet = thumbnails.sheet(images, columns=columns, scale=2)
    rows = -(-count // columns)
    side = sheet.shape[0] // rows
    assert sheet.shape == (rows * side, columns * side, 4)
    for place in range(rows * columns):
        row, column = divmod(place, columns)
        tile = sheet[row * side : (row + 1) * side, column * side : (column + 1) * side]
        if place >= count:
            assert not tile.any()
            continue
        shown = tile[tile[..., 3] == 255]
        assert len(shown) == 8 * 8
        expected = images[place, :, 0, 0] if channels == 3 else images[place, 0, 0, 0].repeat(3)
        assert (shown[:, :3] == expected).all()


def test_pixels_are_enlarged_and_stay_sharp():
    image = np.random.RandomState(0).randint(0, 256, (1, 3, 5, 7), np.uint8)
    sheet = thumbnails.sheet(image, columns=1, scale=3)
    edge = thumbnails.OUTER
    inner = sheet[edge:-edge, edge:-edge, :3]
    assert inner.shape == (15, 21, 3)
    for row, column in np.ndindex(15, 21):
        assert (inner[row, column] == image[0, :, row // 3, column // 3]).all()


def test_each_image_has_the_frame_of_its_verdict():
    frames = np.array([GREEN, RED], np.uint8)
    sheet = thumbnails.sheet(pictures(2), frames, columns=2, scale=2)
    left, right = np.split(sheet, 2, axis=1)
    for tile, color in ((left, GREEN), (right, RED)):
        edge, inner = thumbnails.OUTER, thumbnails.OUTER + thumbnails.FRAME
        assert (tile[edge, edge:-edge] == (*color, 255)).all()
        assert (tile[edge:-edge, inner - 1] == (*color, 255)).all()
        assert not tile[:edge, :].any()
        assert not tile[inner, inner:-inner].any()  # the gap between frame and image


def test_a_line_leaves_room_under_each_image():
    plain = thumbnails.sheet(pictures(4), columns=2, scale=2)
    lined = thumbnails.sheet(pictures(4), columns=2, scale=2, line=0.5)
    side = plain.shape[0] // 2
    assert lined.shape == (3 * side, 2 * side, 4)
    assert (lined[:side] == plain[:side]).all()
    assert not lined[side : side + side // 2].any()


def test_a_sheet_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one image"):
        thumbnails.sheet(np.empty((0, 1, 4, 4), np.uint8), columns=3)


def test_the_file_loses_nothing():
    frames = np.array([GREEN] * 6, np.uint8)
    images = np.random.RandomState(1).randint(0, 256, (6, 3, 8, 8), np.uint8)
    sheet = thumbnails.sheet(images, frames, columns=3)
    opened = np.array(Image.open(io.BytesIO(thumbnails.encode(sheet))).convert("RGBA"))
    visible = sheet[..., 3] == 255
    assert (opened[..., 3] == sheet[..., 3]).all()
    assert (opened[visible] == sheet[visible]).all()


def test_an_address_holds_its_file():
    kind, _, text = thumbnails.data_uri(b"content").partition(",")
    assert kind == "data:image/webp;base64"
    assert base64.b64decode(text) == b"content"


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 200, 100)])
def test_tiles_enlarge_by_whole_pixels_and_frame_by_verdict(shape):
    image = np.full(shape, 128, np.uint8)
    bare = thumbnails.tile(image)
    assert bare.shape[0] % shape[1] == 0
    assert bare.shape[2] == 4
    right, wrong = thumbnails.tile(image, right=True), thumbnails.tile(image, right=False)
    middle = right.shape[1] // 2
    edge = np.flatnonzero(right[:, middle, 3])[0]
    assert right[edge, middle, :3].tolist() == list(bytes.fromhex(charts.RIGHT[1:]))
    assert wrong[edge, middle, :3].tolist() == list(bytes.fromhex(charts.WRONG[1:]))


def test_heat_shows_the_image_where_nothing_counts_and_two_colours_where_it_does():
    image = np.full((1, 4, 4), 200, np.uint8)
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[3, 3] = 1, -1
    shown = thumbnails.heat(image, values, size=4)
    assert shown.shape == (4, 4, 4)
    assert shown.dtype == np.uint8
    assert shown[1, 1].tolist() == [140, 140, 140, 255]
    assert shown[0, 0, 0] > shown[0, 0, 2]
    assert shown[3, 3, 2] > shown[3, 3, 0]
