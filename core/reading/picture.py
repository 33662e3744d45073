"""Any picture file or array as an 8-bit image, or a refusal by name; and the page that the stages
of reading hand on. The first step of reading.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
MAX_PIXELS = 50_000_000  # a 50-megapixel photo; the header is checked before anything is decoded
MAX_BYTES = 100_000_000  # larger files are not even opened


class ImageError(ValueError):
    """Not an image that can be read here; the message names it and says why."""


class EmptyDrawing(ValueError):
    """There is nothing to read on the image."""


Place = tuple[slice, slice]  # rows and columns
Stages = tuple[tuple[str, np.ndarray], ...]  # (name, image), uint8 or float 0 to 1


@dataclass(frozen=True)
class Page:
    """A picture at working size on its way to the network, as each stage hands it on.

    `depth` float32 (H, W) is how much darker than the ground each pixel is, as a share of the
    ground, and `level` what counts as full ink; `mask` bool (H, W) says where there is ink, `ink`
    float32 (H, W) how much, 0 to 1, once it is known; `scale` is working pixels a given pixel;
    `place` is where the one thing lies that is read. `stages` are for showing, `steps` says what
    was done.
    """

    mask: np.ndarray
    depth: np.ndarray
    level: float
    scale: float
    stages: Stages = ()
    steps: tuple[str, ...] = ()
    ink: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    place: Place = (slice(None), slice(None))


def open_image(content: bytes | Path, name: str = "") -> Image.Image:
    """The first frame, turned as its EXIF says, as 8-bit gray or RGB, transparency laid on paper.

    A path's file is decoded as it is read, never loaded whole. Raises ImageError.
    """
    name = name or (content.name if isinstance(content, Path) else "image")
    try:
        with _stream(content, name) as stream, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(stream, formats=FORMATS)
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ImageError(
                    f"{name}: {width}x{height} pixels are too many; "
                    f"at most {MAX_PIXELS // 1_000_000} million are read"
                )
            return _flatten(ImageOps.exif_transpose(image))
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(
            f"{name}: too many pixels; at most {MAX_PIXELS // 1_000_000} million are read"
        ) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        reason = "cannot identify the format" if _unknown(error) else error
        raise ImageError(
            f"{name}: not an image we can read ({', '.join(FORMATS)}): {reason}"
        ) from error


def open_array(pixels: np.ndarray) -> Image.Image:
    """An image from uint8 (H, W), (H, W, 1), (H, W, 3) or, as a canvas gives it, (H, W, 4)."""
    flat = pixels.squeeze(2) if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    return _flatten(Image.fromarray(flat))


@contextmanager
def _stream(content: bytes | Path, name: str) -> Iterator[BinaryIO]:
    """What the decoder reads from. Raises ImageError for what is no file or too long."""
    if isinstance(content, Path):
        if content.exists() and not content.is_file():
            raise ImageError(f"{name}: not a file")
        size = content.stat().st_size
    else:
        size = len(content)
    if size > MAX_BYTES:
        raise ImageError(
            f"{name}: {size / 1e6:.0f} MB are too many; at most {MAX_BYTES // 1_000_000} are read"
        )
    with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as stream:
        yield stream


def _unknown(error: Exception) -> bool:
    return isinstance(error, UnidentifiedImageError)


def _flatten(image: Image.Image) -> Image.Image:
    """8-bit gray ("L") or "RGB", 16-bit scaled down, transparency laid on white."""
    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(image, np.float64))
        top = 65535.0 if image.mode.startswith("I;16") or values.max() > 255 else 255.0
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return _on_paper(image.convert("RGBA"))
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _on_paper(image: Image.Image) -> Image.Image:
    """Laid on white, or on black where white would swallow what is drawn."""
    laid = []
    for paper in ("white", "black"):
        whole = Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("RGB")
        laid.append(whole)
        if np.ptp(np.asarray(whole.convert("L"))) > 30:
            return whole
    return laid[0]


def clean_png(image: Image.Image, side: int) -> bytes:
    """A picture as PNG, its long side at most `side`, without whatever came with the file."""
    small = image.convert("L" if image.mode == "L" else "RGB")
    small.thumbnail((side, side))
    return _encoded(small)


def to_png(images: np.ndarray) -> bytes:
    """Frames uint8 (N, C, H, W) of one or three channels as one PNG, one under the other."""
    count, channels, height, width = images.shape
    if channels not in (1, 3):
        raise ValueError(f"images of {channels} channels are no picture")
    rows = np.moveaxis(images, 1, 3).reshape(count * height, width, channels)
    return _encoded(Image.fromarray(rows.squeeze(2) if channels == 1 else rows))


def to_frames(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """The reverse of `to_png`: uint8 (N, C, H, W). Raises ValueError when the sizes do not fit."""
    channels, height, width = shape
    if image.mode != ("L" if channels == 1 else "RGB"):
        raise ValueError(f"colours are {image.mode}, not those of {channels} channels")
    if image.width != width or not image.height or image.height % height:
        raise ValueError(f"{image.width}x{image.height} pixels are not frames of {width}x{height}")
    return np.moveaxis(np.asarray(image).reshape(-1, height, width, channels), 3, 1).copy()


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
