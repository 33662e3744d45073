"""Pictures of every kind become what a network knows, or are refused by name."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import ink

GRAY = (1, 28, 28)


def drawing(
    ground: int = 255, pen: int = 0, box=(60, 40, 100, 240), size=(300, 300)
) -> Image.Image:
    image = Image.new("L", size, ground)
    ImageDraw.Draw(image).rectangle(box, fill=pen)
    return image


def encoded(image: Image.Image, kind: str = "PNG", **settings) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


@pytest.mark.parametrize(("ground", "pen"), [(255, 0), (0, 255), (200, 60), (30, 190)])
def test_polarity_is_found_not_assumed(ground, pen):
    final = ink.prepare(drawing(ground, pen), GRAY, drawn=True).image
    assert final[0, 14, 14] == 255
    assert final[0, 0].max() == 0


@pytest.mark.parametrize("box", [(5, 5, 25, 105), (200, 150, 280, 290), (0, 100, 40, 299)])
def test_a_drawing_is_cropped_scaled_to_20_and_centred_by_mass(box):
    final = ink.prepare(drawing(box=box), GRAY, drawn=True).image[0].astype(float)
    rows, columns = np.flatnonzero(final.any(1)), np.flatnonzero(final.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    middle = (final.sum(1) @ (np.arange(28) + 0.5), final.sum(0) @ (np.arange(28) + 0.5))
    assert np.array(middle) / final.sum() == pytest.approx([14, 14], abs=0.6)


@pytest.mark.real_data
def test_images_of_mnist_itself_are_not_moved(real_data):
    from core import data

    images, _, _ = data.load_test("mnist")
    for image in images[:100]:
        final = ink.prepare(Image.fromarray(image[0]), GRAY, drawn=True).image
        assert np.abs(final.astype(int) - image).max() <= 255 - image.max() + 1


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 20, 40), (1, 28, 28)])
def test_other_sets_get_the_whole_picture_in_their_own_shape(shape):
    image = Image.new("RGB", (200, 100), (200, 30, 30))
    prepared = ink.prepare(image, shape, drawn=False)
    assert prepared.image.shape == shape
    assert prepared.image.dtype == np.uint8


def test_every_stage_is_kept_for_showing():
    names = [name for name, _ in ink.prepare(drawing(), GRAY, drawn=True).stages]
    assert names == ["as given", "inverted", "cropped", "28x28"]


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (300, 300), 255),
        Image.new("L", (1, 1), 0),
        drawing(box=(150, 150, 153, 153)),
    ],
)
def test_an_empty_picture_or_a_dot_gets_no_made_up_answer(image):
    """Case 29."""
    with pytest.raises(ink.EmptyDrawing, match="draw something"):
        ink.prepare(image, GRAY, drawn=True)


def test_a_stroke_off_the_edge_is_read():
    """Case 29."""
    final = ink.prepare(drawing(box=(250, 0, 299, 299)), GRAY, drawn=True).image
    assert final.max() == 255


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot identify"),
        (b"plain text", "cannot identify"),
        (b"MZ\x90\0" + bytes(200), "cannot identify"),
        (encoded(drawing())[:200], "truncated|broken"),
    ],
)
def test_a_file_that_is_no_image_is_refused_by_name(content, reason):
    """Case 27."""
    with pytest.raises(ink.ImageError, match=rf"^photo\.png: not an image we can read.*({reason})"):
        ink.open_image(content, "photo.png")


def test_a_picture_of_too_many_pixels_is_refused_before_decoding():
    """Case 28."""
    bomb = encoded(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    with pytest.raises(ink.ImageError, match=r"^bomb\.png: too many pixels; at most 50 million"):
        ink.open_image(bomb, "bomb.png")


@pytest.mark.parametrize(
    "content",
    [
        encoded(drawing().convert("1")),
        encoded(drawing().convert("P")),
        encoded(drawing().convert("RGBA")),
        encoded(drawing().convert("LA")),
        encoded(drawing().convert("CMYK"), "JPEG"),
        encoded(Image.fromarray(np.asarray(drawing(), np.uint16) * 257)),
        encoded(drawing(), "TIFF"),
        encoded(drawing(), "GIF", save_all=True, append_images=[drawing(0, 255)]),
    ],
    ids=["bilevel", "palette", "RGBA", "LA", "CMYK", "16-bit", "TIFF", "animated"],
)
def test_every_mode_gives_the_same_digit(content):
    """Case 28."""
    expected = ink.prepare(drawing(), GRAY, drawn=True).image
    final = ink.prepare(ink.open_image(content), GRAY, drawn=True).image
    assert np.abs(final.astype(int) - expected).mean() < 3


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    ImageDraw.Draw(clear).rectangle((60, 40, 100, 240), fill=(0, 0, 0, 255))
    final = ink.prepare(ink.open_image(encoded(clear)), GRAY, drawn=True).image
    assert np.array_equal(final, ink.prepare(drawing(), GRAY, drawn=True).image)


def test_a_photo_is_turned_as_its_exif_says():
    """Case 28."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    wide = ink.open_image(encoded(Image.new("L", (40, 20)), "JPEG", exif=exif))
    assert wide.size == (20, 40)
