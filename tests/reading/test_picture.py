"""Any file or array becomes an 8-bit picture, or is refused by name."""

import io
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.reading import picture
from tests.helpers import ROOT


def drawing(ground: int = 255, pen: int = 0) -> Image.Image:
    image = Image.new("L", (300, 300), ground)
    ImageDraw.Draw(image).rectangle((60, 40, 100, 240), fill=pen)
    return image


def encoded(image: Image.Image, kind: str = "PNG", **settings) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


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
    with pytest.raises(
        picture.ImageError, match=rf"^photo\.png: not an image we can read.*({reason})"
    ):
        picture.open_image(content, "photo.png")


def test_a_picture_of_too_many_pixels_is_refused_before_decoding():
    """Case 28."""
    bomb = encoded(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    with pytest.raises(
        picture.ImageError, match=r"^bomb\.png: too many pixels; at most 50 million"
    ):
        picture.open_image(bomb, "bomb.png")


@pytest.mark.slow
def test_a_bomb_and_a_text_file_cost_under_a_second_and_little_memory(tmp_path):
    """Case 28: measured in a process of its own, imports left out."""
    (tmp_path / "bomb.png").write_bytes(encoded(Image.new("1", (20_000, 20_000))))
    (tmp_path / "text.png").write_text("no picture at all\n" * 3_000_000)
    code = f"""
import resource, time
from pathlib import Path
from core.reading import picture
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
for name in ("bomb.png", "text.png"):
    try:
        picture.open_image(Path({str(tmp_path)!r}) / name)
    except picture.ImageError as error:
        assert str(error).startswith(name), error
    else:
        raise SystemExit(name)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(time.process_time() - start, grown / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 1
    assert megabytes < 40


def test_a_file_of_too_many_bytes_is_not_opened(tmp_path):
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.truncate(picture.MAX_BYTES + 1)
    with pytest.raises(picture.ImageError, match=r"^long\.png: 100 MB are too many"):
        picture.open_image(path)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    start = time.perf_counter()
    for path in (tmp_path, tmp_path / "pipe.png"):
        with pytest.raises(picture.ImageError, match="not a file"):
            picture.open_image(path)
    with pytest.raises(picture.ImageError, match=r"^nowhere\.png: no such file"):
        picture.open_image(tmp_path / "nowhere.png")
    assert time.perf_counter() - start < 1


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
def test_every_mode_gives_the_same_picture(content):
    """Case 28."""
    found = picture.open_image(content)
    assert found.mode in ("L", "RGB")
    assert np.abs(np.asarray(found.convert("L"), int) - np.asarray(drawing(), int)).mean() < 3


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    ImageDraw.Draw(clear).rectangle((60, 40, 100, 240), fill=(0, 0, 0, 255))
    assert np.array_equal(
        np.asarray(picture.open_image(encoded(clear)).convert("L")), np.asarray(drawing())
    )


def test_white_strokes_on_nothing_are_laid_on_black():
    clear = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
    ImageDraw.Draw(clear).rectangle((60, 40, 100, 240), fill=(255, 255, 255, 255))
    assert np.array_equal(
        np.asarray(picture.open_image(encoded(clear)).convert("L")), np.asarray(drawing(0, 255))
    )


def test_a_photo_is_turned_as_its_exif_says():
    """Case 28."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    wide = picture.open_image(encoded(Image.new("L", (40, 20)), "JPEG", exif=exif))
    assert wide.size == (20, 40)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
def test_arrays_of_every_depth_are_taken(shape):
    assert picture.open_array(np.zeros(shape, np.uint8)).size == (7, 5)
