"""Figures as PNG files."""

import io
import json

import numpy as np
from PIL import Image

from core.figures import png
from core.runs import store


def size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return image.size


def test_each_figure_is_a_picture(tiny):
    assert min(size(png.confusion(tiny))) > 400
    assert min(size(png.curves(tiny))) > 400
    images = np.zeros((360, 1, 28, 28), np.uint8)
    assert min(size(png.samples(tiny, images))) > 400


def test_a_title_with_a_formula_or_ten_thousand_signs_is_drawn_as_text(tiny):
    """Case 40: matplotlib would read what stands between dollars as a formula and fail."""
    info = json.loads((tiny.folder / store.INFO).read_text())
    for name in (r"$\frac{x$ costs $5", "x" * 10_000, "\u202eRTL <b>"):
        (tiny.folder / store.INFO).write_text(json.dumps(info | {"name": name}))
        width, height = size(png.confusion(store.load(tiny.id)))
        assert max(width, height) < 3000
