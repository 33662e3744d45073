"""Many images as one PNG, made to fit into a page. Arrays in, bytes out."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from core.figures import thumbnails

COLUMNS = 100  # images a row of the PNG
MAX_BYTES = 4_250_000  # with what base64 adds, the page around it stays under 6 MB


def sheet(
    images: np.ndarray, labels: np.ndarray, predicted: np.ndarray, limit: int = MAX_BYTES
) -> tuple[np.ndarray, bytes]:
    """(indices (M,) of the images on it, PNG) of images uint8 (N, C, H, W).

    All of them, if need be in 32 grays a channel; only if that is too large every mistake and the
    first images of each class read right.
    """
    everything = np.arange(len(labels))
    if len(content := _png(images)) <= limit:
        return everything, content
    coarse = (images >> 3 << 3) | (images >> 5)
    if len(content := _png(coarse)) <= limit:
        return everything, content
    for most in (100, 50, 20, 5, 0):
        chosen = _first_of_each(labels, predicted, most)
        if len(content := _png(coarse[chosen])) <= limit:
            return chosen, content
    chosen = chosen[: len(chosen) * limit // max(1, len(content)) * 9 // 10]
    return chosen, _png(coarse[chosen])


def _first_of_each(labels: np.ndarray, predicted: np.ndarray, most: int) -> np.ndarray:
    """Indices of all mistakes and of the first `most` right answers of each class."""
    kept = labels != predicted
    for label in np.unique(labels):
        kept[np.flatnonzero((labels == label) & (predicted == label))[:most]] = True
    return np.flatnonzero(kept)


def _png(images: np.ndarray) -> bytes:
    depth = 3 if images.shape[1] == 3 else 1
    laid = thumbnails.tiled(np.moveaxis(images[:, :depth], 1, 3), COLUMNS)
    buffer = io.BytesIO()
    Image.fromarray(laid if depth == 3 else laid[..., 0]).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()
