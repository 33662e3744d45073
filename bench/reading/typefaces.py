"""Digits of other hands: handwriting fonts, as pictures of ink. Used by bench.reading.handwriting
--fonts.

Any folder of font files will do; those of Google Fonts' handwriting category come as npm packages
named @fontsource/NAME, one file NAME-latin-400-normal.woff each.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.reading import scenes

KINDS = (".ttf", ".otf", ".woff")


def files(folder: str) -> list[Path]:
    """The fonts of a folder. Raises ValueError when it holds none."""
    found = sorted(path for path in Path(folder).iterdir() if path.suffix in KINDS)
    if not found:
        raise ValueError(f"{folder} holds no font files ({', '.join(KINDS)})")
    return found


def digit(font: Path, label: int, height: int) -> np.ndarray:
    """One digit as ink, float32 (H, W) 0 to 1, cropped."""
    return scenes.sized(_written(font, str(label), 160), height)


def string(font: Path, text: str, height: int, rng: np.random.RandomState) -> np.ndarray:
    """Digits side by side at the font's own distances, a little up and down, turned by at most 3
    degrees; ink, float32 (H, W).
    """
    written = _written(font, text, height, rng)
    return scenes.turned(written, rng.uniform(-3, 3))


def _written(
    path: Path, text: str, size: int, rng: np.random.RandomState | None = None
) -> np.ndarray:
    font = ImageFont.truetype(str(path), size)
    sheet = Image.new("L", (int(size * (1.2 * len(text) + 2)), 3 * size), 0)
    x, draw = float(size), ImageDraw.Draw(sheet)
    for character in text:
        lift = rng.uniform(-0.05, 0.05) * size if rng else 0.0
        draw.text((x, size + lift), character, fill=255, font=font)
        x += font.getlength(character) + (rng.uniform(-0.02, 0.1) * size if rng else 0.0)
    ink = np.asarray(sheet, np.float32) / 255
    rows, columns = np.flatnonzero((ink > 0.2).any(1)), np.flatnonzero((ink > 0.2).any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
