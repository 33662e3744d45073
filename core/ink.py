"""From a drawing, an upload or a photo to the image a network knows, with every stage kept for
showing.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
MAX_PIXELS = 50_000_000  # a 50-megapixel photo; the header is checked before anything is decoded
INK = 0.2  # share of the strongest ink at which a pixel counts as part of the drawing


class ImageError(ValueError):
    """Not an image that can be read here; the message names it and says why."""


class EmptyDrawing(ValueError):
    """There is nothing to read on the image."""


@dataclass(frozen=True)
class Prepared:
    """`image` is uint8 (C, H, W) for the network; `stages` are (name, image uint8 (H, W) or (H, W,
    3)).
    """

    image: np.ndarray
    stages: tuple[tuple[str, np.ndarray], ...]


def open_image(content: bytes | Path, name: str = "") -> Image.Image:
    """The first frame, turned as its EXIF says, as 8-bit gray or RGB on white. Raises
    ImageError.
    """
    name = name or (content.name if isinstance(content, Path) else "image")
    try:
        raw = content.read_bytes() if isinstance(content, Path) else content
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(raw), formats=FORMATS)
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
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
    ) as error:
        raise ImageError(
            f"{name}: not an image we can read ({', '.join(FORMATS)}): {error}"
        ) from error


def _flatten(image: Image.Image) -> Image.Image:
    """8-bit gray ("L") or "RGB", 16-bit scaled down, transparency laid on white."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float64)
        top = 65535.0 if image.mode.startswith("I;16") or values.max() > 255 else 255.0
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def prepare(image: Image.Image, shape: tuple[int, int, int], *, drawn: bool) -> Prepared:
    """An image as a network of input `shape` (C, H, W) saw its training data.

    `drawn` sets hold light strokes on black: polarity is found from the border, the strokes are
    cropped, scaled to 20/28 of the side and centred by mass (LeCun's steps for MNIST). Other sets
    are fitted into the frame, and gray ones on a light ground inverted. An image that has the
    network's size already is not moved. Raises EmptyDrawing when a drawn image holds no strokes.
    """
    channels, height, width = shape
    stages = [("as given", np.asarray(image))]
    if channels == 3:
        fitted = np.asarray(
            ImageOps.pad(image.convert("RGB"), (width, height), color=_border(image))
        )
        return Prepared(
            np.ascontiguousarray(np.moveaxis(fitted, 2, 0)), (*stages, ("fitted", fitted))
        )
    gray = np.asarray(image.convert("L"))
    if _edge(gray) > 127:
        gray = 255 - gray
        stages.append(("inverted", gray))
    if gray.shape == (height, width):
        final = clean(gray) if drawn else gray  # already in the set's own form
    elif drawn:
        ink = crop(clean(gray))
        stages.append(("cropped", ink))
        final = centre(ink, (height, width))
    else:
        ground = int(_edge(gray))
        final = np.asarray(ImageOps.pad(Image.fromarray(gray), (width, height), color=ground))
    stages.append((f"{width}x{height}", final))
    return Prepared(np.repeat(final[None], channels, 0), tuple(stages))


def clean(gray: np.ndarray) -> np.ndarray:
    """Light ink on black (H, W) with the ground taken to 0 and the strongest ink to 255."""
    values = gray.astype(np.float32) - float(_edge(gray))
    strongest = float(values.max())
    if strongest < 40:
        raise EmptyDrawing(
            "nothing is drawn here: draw something, with more contrast to the ground"
        )
    return (np.clip(values / strongest, 0, 1) * 255).astype(np.uint8)


def crop(ink: np.ndarray) -> np.ndarray:
    """The box around the ink. Raises EmptyDrawing when it holds no more than a dot."""
    rows, columns = (np.flatnonzero((ink > 255 * INK).any(axis)) for axis in (1, 0))
    if not len(rows) or not len(columns):
        raise EmptyDrawing("nothing is drawn here: draw something")
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    filled = float((box > 255 * INK).mean())
    small = max(box.shape) < 0.15 * max(ink.shape)
    if small and filled > 0.6 and max(box.shape) < 2 * min(box.shape):
        raise EmptyDrawing("only a dot is drawn here: draw something larger")
    return box


def centre(ink: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The crop fitted into 20/28 of `size` (height, width), its centre of mass at the centre.
    uint8.
    """
    height, width = size
    factor = 20 / 28 * min(height / ink.shape[0], width / ink.shape[1])
    new_width, new_height = (max(1, round(side * factor)) for side in (ink.shape[1], ink.shape[0]))
    small = Image.fromarray(ink).resize(
        (new_width, new_height), Image.Resampling.BOX if factor < 1 else 1
    )
    values = np.asarray(small, np.float32)
    mass = values.sum()
    middle_y = (values.sum(1) @ np.arange(new_height)) / mass + 0.5
    middle_x = (values.sum(0) @ np.arange(new_width)) / mass + 0.5
    top = min(max(round(height / 2 - middle_y), 0), height - new_height)
    left = min(max(round(width / 2 - middle_x), 0), width - new_width)
    frame = np.zeros(size, np.uint8)
    frame[top : top + new_height, left : left + new_width] = values
    return frame


def _edge(gray: np.ndarray) -> float:
    """Median brightness of the outermost pixels: the ground that things are drawn on."""
    return float(np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])))


def _border(image: Image.Image) -> tuple[int, int, int]:
    return tuple(
        int(_edge(channel)) for channel in np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)
    )


def open_array(pixels: np.ndarray) -> Image.Image:
    """An image from uint8 (H, W, 1), (H, W, 3) or, as the canvas gives it, (H, W, 4) on white."""
    return _flatten(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels))
