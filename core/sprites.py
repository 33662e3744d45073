"""Many small images in one picture file, so that a page fetches a whole grid at once."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

OUTER, FRAME, GAP = 2, 3, 3  # pixels between frames, of a frame, and within it


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
    rows = -(-count // columns)
    whole = np.zeros((rows * columns, *tiles.shape[1:]), np.uint8)
    whole[:count] = tiles
    whole = whole.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    return whole.reshape(rows * tiles.shape[1], columns * tiles.shape[2], 4)


def encode(picture: np.ndarray) -> bytes:
    """A lossless WebP file of uint8 (H, W, 4): a third of the PNG's size for such sheets."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", lossless=True, quality=30, method=2, exact=False)
    return buffer.getvalue()


def data_uri(content: bytes, kind: str = "image/webp") -> str:
    """A file's content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
