"""A grid of images as one figure: what is clicked is what is seen."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from core.figures import charts, image_grid


def drawn(count: int, columns: int, *, shape=(1, 28, 28), **more):
    images = np.full((count, *shape), 100, np.uint8)
    right = np.arange(count) % 3 > 0
    texts = [f"text {index}" for index in range(count)]
    return image_grid.figure(images, texts, right, columns=columns, **more)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (25, 5), (7, 5), (100, 10)])
def test_every_image_has_one_place_to_click_with_its_text_below(count, columns):
    figure = drawn(count, columns)
    clickable, written = figure.data
    assert len(clickable.x) == len(written.x) == count
    for place in range(count):
        row, column = divmod(place, columns)
        assert clickable.x[place] == column
        assert clickable.y[place] == pytest.approx(row * (1 + image_grid.LINE))
        assert written.x[place] == column
        assert 0.5 < written.y[place] - clickable.y[place] < 0.5 + image_grid.LINE
        assert written.text[place] == f"text {place}"
    assert clickable.opacity == 0
    assert figure.layout.clickmode == "event+select"


def test_right_and_wrong_differ_in_the_colour_of_frame_and_text():
    figure = drawn(2, 2)
    colors = [charts.WRONG, charts.RIGHT]
    assert list(figure.data[1].textfont.color) == colors
    _, _, encoded = figure.layout.images[0].source.partition(",")
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))
    for half, color in zip(np.split(picture, 2, axis=1), colors, strict=True):
        frame = half[:, half.shape[1] // 2]
        top = frame[np.flatnonzero(frame[:, 3])[0]]
        assert top[:3].tolist() == list(bytes.fromhex(color[1:]))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 28), (3, 64, 64)])
def test_the_picture_has_the_shape_of_the_place_that_it_fills(shape):
    """Otherwise the frames would not lie where the clicks land."""
    figure = drawn(7, 5, shape=shape)
    image = figure.layout.images[0]
    _, _, encoded = image.source.partition(",")
    width, height = Image.open(io.BytesIO(base64.b64decode(encoded))).size
    assert (image.x, image.y) == (-0.5, -0.5)
    assert width / height == pytest.approx(image.sizex / image.sizey, rel=0.02)
    assert figure.layout.xaxis.range == (-0.5, 4.5)
    assert figure.layout.yaxis.range == (image.sizey - 0.5, -0.5)


def test_hovering_tells_more_than_the_text_below():
    assert list(drawn(1, 1).data[0].text) == ["text 0"]
    assert list(drawn(1, 1, hover=["all of it"]).data[0].text) == ["all of it"]


def test_a_grid_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one image"):
        drawn(0, 5)


def test_a_hundred_images_stay_small():
    noise = np.random.RandomState(0).randint(0, 256, (100, 1, 28, 28), np.uint8)
    noise[:, :, :6] = noise[:, :, -6:] = noise[..., :6] = noise[..., -6:] = 0  # as a digit's margin
    figure = image_grid.figure(noise, ["✓ 5"] * 100, np.ones(100, bool), columns=10)
    assert len(figure.to_json()) < 100_000


def test_what_is_neither_right_nor_wrong_is_gray():
    images = np.zeros((3, 1, 28, 28), np.uint8)
    figure = image_grid.figure(images, ["a", "b", "c"], [True, None, False], columns=3)
    colors = [charts.RIGHT, image_grid.NEUTRAL, charts.WRONG]
    assert list(figure.data[1].textfont.color) == colors
    _, _, encoded = figure.layout.images[0].source.partition(",")
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))
    frames = [part[:, part.shape[1] // 2] for part in np.split(picture, 3, axis=1)]
    tops = [frame[np.flatnonzero(frame[:, 3])[0], :3].tolist() for frame in frames]
    assert tops == [list(charts.rgb(color)) for color in colors]
