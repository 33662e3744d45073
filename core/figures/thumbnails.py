"""Images as pictures for the screen: one with its frame or its map of attributions, and many in one
file, so that a page fetches a whole grid at once.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from core.figures.charts import RIGHT, WRONG, rgb

OUTER, FRAME, GAP = 2, 3, 3  # pixels between frames, of a frame, and within it
HEAT_COLORS = ((255, 178, 36), (84, 148, 255))  # for the class, against it
HEAT_SHARE, QUIET = 0.85, 0.7  # how far a tint covers, how bright the image stays below it


def tile(image: np.ndarray, *, right: bool | None = None, size: int = 112) -> np.ndarray:
    """A picture uint8 (H, W, 4) about `size` pixels wide from an image uint8 (C, H, W).

    Pixels stay sharp. A green or vermilion frame tells right from wrong; with None there is none.
    """
    picture = np.moveaxis(image if len(image) == 3 else np.repeat(image[:1], 3, 0), 0, 2)
    factor = max(1, size // max(picture.shape[:2]))
    picture = picture.repeat(factor, 0).repeat(factor, 1)
    picture = np.pad(picture, ((0, 0), (0, 0), (0, 1)), constant_values=255)
    if right is None:
        return picture
    color = rgb(RIGHT if right else WRONG)
    frame, gap = max(4, size // 28), max(6, size // 18)
    height, width = (side + 2 * (frame + gap) for side in picture.shape[:2])
    framed = np.zeros((height, width, 4), np.uint8)
    framed[gap:-gap, gap:-gap] = (*color, 255)
    framed[frame + gap : -frame - gap, frame + gap : -frame - gap] = picture
    return framed


def heat(image: np.ndarray, values: np.ndarray, *, size: int = 112) -> np.ndarray:
    """A picture uint8 (H, W, 4) about `size` pixels wide: `image` uint8 (C, H, W) in quiet greys,
    tinted by `values` (H, W) in -1 to 1.

    Amber speaks for the class, blue against it; where a value is 0 only the image is seen.
    """
    strength = np.abs(values)[..., None] * HEAT_SHARE
    tint = np.where(values[..., None] >= 0, *(np.array(color) for color in HEAT_COLORS))
    grey = np.repeat(image.mean(0, keepdims=True) * QUIET, 3, 0)
    blended = np.moveaxis(grey, 0, 2) * (1 - strength) + tint * strength
    return tile(np.moveaxis(blended, 2, 0).round().astype(np.uint8), size=size)


def sheet(
    images: np.ndarray,
    frames: np.ndarray | None = None,
    *,
    columns: int,
    scale: int = 2,
    line: float = 0.0,
) -> np.ndarray:
    """One picture uint8 (rows * side, columns * side, 4) of images uint8 (M, C, H, W), row by row.

    Pixels are enlarged `scale` times and stay sharp; `frames` uint8 (M, 3) colours a frame around
    each; `line` leaves room under each, as a share of its side; what lies between is transparent.
    Raises ValueError without images.
    """
    if not len(images):
        raise ValueError("a sheet needs at least one image")
    count, channels, height, width = images.shape
    large = np.moveaxis(images if channels == 3 else np.repeat(images[:, :1], 3, 1), 1, 3)
    large = large.repeat(scale, 1).repeat(scale, 2)
    edge = OUTER + (FRAME + GAP if frames is not None else 0)
    tiles = np.zeros((count, height * scale + 2 * edge, width * scale + 2 * edge, 4), np.uint8)
    if frames is not None:
        tiles[:, OUTER:-OUTER, OUTER:-OUTER, :3] = frames[:, None, None, :]
        tiles[:, OUTER:-OUTER, OUTER:-OUTER, 3] = 255
        inner = OUTER + FRAME
        tiles[:, inner:-inner, inner:-inner] = 0
    tiles[:, edge:-edge, edge:-edge, :3] = large
    tiles[:, edge:-edge, edge:-edge, 3] = 255
    tiles = np.pad(tiles, ((0, 0), (0, round(line * tiles.shape[1])), (0, 0), (0, 0)))
    return tiled(tiles, columns)


def tiled(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Pictures uint8 (M, H, W, depth) side by side, `columns` a row; zeros where there is none."""
    count, height, width, depth = tiles.shape
    rows = -(-max(1, count) // columns)
    whole = np.zeros((rows * columns, height, width, depth), np.uint8)
    whole[:count] = tiles
    whole = whole.reshape(rows, columns, height, width, depth).swapaxes(1, 2)
    return whole.reshape(rows * height, columns * width, depth)


def encode(picture: np.ndarray) -> bytes:
    """A lossless WebP file of uint8 (H, W, 4): a third of the PNG's size for such sheets."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", lossless=True, quality=30, method=2, exact=False)
    return buffer.getvalue()


def data_uri(content: bytes, kind: str = "image/webp") -> str:
    """A file's content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
