"""From a drawing, an upload or a photo to the image a network knows, with every stage kept for
showing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from core.reading import binarization, foreground, stroke_width
from core.reading.binarization import EmptyDrawing
from core.reading.picture import ImageError, open_array, open_image

__all__ = ["EmptyDrawing", "ImageError", "Prepared", "open_array", "open_image", "prepare"]

SIDE = 720  # pixels of the long side at which one drawing is worked on
BOX = 20 / 28  # share of the frame that MNIST's digits fill
SOFT = 0.3  # so are crops whose strokes are mostly edge
COARSE = 36  # crops of fewer pixels keep their grays
DOT = 0.15  # a filled mark smaller than that share of the picture is a dot


@dataclass(frozen=True)
class Prepared:
    """`image` is uint8 (C, H, W) for the network; `stages` are (name, image uint8 (H, W) or (H, W,
    3)).

    `variants` uint8 (N, C, H, W) are the same thing drawn with other pens, for a vote; the first is
    `image`. `steps` tells what was done, `box` is (x, y, width, height) on the picture.
    """

    image: np.ndarray
    stages: tuple[tuple[str, np.ndarray], ...]
    variants: np.ndarray
    steps: tuple[str, ...] = ()
    box: tuple[int, int, int, int] | None = None

    @property
    def sentence(self) -> str:
        """What was done, in one sentence; empty when the image was taken as it is."""
        whole = ", ".join(self.steps)
        return f"{whole[0].upper()}{whole[1:]}." if whole else ""


def prepare(image: Image.Image, shape: tuple[int, int, int], *, drawn: bool) -> Prepared:
    """An image as a network of input `shape` (C, H, W) saw its training data.

    `drawn` sets hold light strokes on black, as MNIST does: the ink is found, cropped, brought to
    the stroke width that the set has, scaled to 20/28 of the side and centred by mass. An image
    that has this form already is not moved. Of other sets the subject is cropped from its ground
    and fitted into the frame. Raises EmptyDrawing when a drawn image holds no strokes.
    """
    if not drawn:
        thing = foreground.find(image, shape)
        box = given(thing.place, 1.0) if thing.place else None
        return Prepared(thing.image, thing.stages, thing.image[None], thing.steps, box)
    if (as_it_is := _in_form(image, shape)) is not None:
        return as_it_is
    page = binarization.clean(image, SIDE)
    mask = chosen(page.mask, page.ink)
    place = stroke_width.box(mask)
    _refuse_a_dot(mask, place)
    return frame(crop(page.ink * mask, place), shape, page, place)


def frame(ink: np.ndarray, shape, page: binarization.Page, place) -> Prepared:
    """The crop of one thing's ink in the network's frame, with its variants."""
    channels, height, width = shape
    traced = stroke_width.trace(ink)
    main, others = drawings(ink, traced, (height, width))
    variants = np.repeat(np.stack([main, *others])[:, None], channels, 1)
    stages = (
        *page.stages,
        ("cropped", binarization.to_image(ink)),
        (f"{width}x{height}", main),
    )
    steps = (*page.steps, *_remarks(place, page, traced))
    return Prepared(variants[0], stages, variants, steps, given(place, page.scale))


def _remarks(place, page: binarization.Page, traced: stroke_width.Strokes) -> list[str]:
    """What scaling, centring and redrawing did to the thing."""
    (top, left), (tall, wide) = place
    height, width = page.mask.shape
    steps = []
    share = max(tall, wide) / min(height, width)
    if share < 0.35:
        steps.append(f"it fills {100 * share:.0f} % of the picture and was enlarged")
    off = max(abs((2 * top + tall) / height - 1), abs((2 * left + wide) / width - 1))
    if off > 0.25:
        steps.append("it lies off the middle and was centred")
    if traced.relative < stroke_width.THIN:
        steps.append("thin strokes were thickened")
    if traced.relative > stroke_width.THICK:
        steps.append("thick strokes were thinned")
    return steps


def drawings(
    ink: np.ndarray, traced: stroke_width.Strokes, size: tuple[int, int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The thing in a frame of `size` as it is best drawn, and drawn otherwise for a vote."""
    gray = stroke_width.centre(binarization.to_image(ink), size, BOX)
    if max(ink.shape) < COARSE or softness(ink) > SOFT:  # gray tells more than edges can
        return gray, [
            stroke_width.centre(binarization.to_image(ink**power), size, BOX)
            for power in (0.6, 1.5)
        ]
    thin, thick = stroke_width.THIN, stroke_width.THICK
    target = float(np.clip(traced.relative, thin + 0.3, thick - 0.6))
    redrawn = stroke_width.with_width(traced, target)
    fits = thin <= traced.relative <= thick
    return gray if fits else stroke_width.draw(redrawn, size, BOX), [
        stroke_width.draw(stroke_width.with_width(traced, stroke_width.WIDTH), size, BOX),
        stroke_width.draw(stroke_width.upright(redrawn, 0.6), size, BOX),
    ]


def softness(ink: np.ndarray) -> float:
    """How much of the ink is neither full nor absent: 0 crisp, to 1 all of it half-tone."""
    marked = ink[ink > 0.1]
    return float((4 * marked * (1 - marked)).mean()) if len(marked) else 1.0


def crop(ink: np.ndarray, place) -> np.ndarray:
    (top, left), (tall, wide) = place
    return ink[top : top + tall, left : left + wide]


def given(place, scale: float) -> tuple[int, int, int, int]:
    """(x, y, width, height) in pixels of the given picture."""
    (top, left), (tall, wide) = place
    return tuple(round(value / scale) for value in (left, top, wide, tall))


def chosen(mask: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """The parts of the mask that make up the one thing drawn: the weightiest and what is near it.

    What runs off the picture counts less than what lies whole in it, and so does the rim.
    """
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask
    boxes = ndimage.find_objects(labels)
    areas = np.bincount(labels.ravel(), ink.ravel() ** 2)[1:]  # full ink counts for more
    height, width = mask.shape
    weights = []
    for (rows, columns), area in zip(boxes, areas, strict=True):
        off = rows.start == 0 or columns.start == 0 or rows.stop == height or columns.stop == width
        aside = max(
            abs((rows.start + rows.stop) / height - 1),
            abs((columns.start + columns.stop) / width - 1),
        )
        weights.append(area * (0.3 if off else 1.0) * (1 - 0.6 * aside))
    main = int(np.argmax(weights))
    kept = _with_neighbours(boxes, areas, main, mask.shape)
    return np.isin(labels, kept + 1)


def _with_neighbours(boxes, areas, main: int, shape) -> np.ndarray:
    """Indices of the main part and of the parts that hang together with it."""
    rows, columns = boxes[main]
    reach = 0.25 * max(rows.stop - rows.start, columns.stop - columns.start)
    kept = [main]
    for index, (other_rows, other_columns) in enumerate(boxes):
        gap_y = max(other_rows.start - rows.stop, rows.start - other_rows.stop, 0)
        gap_x = max(other_columns.start - columns.stop, columns.start - other_columns.stop, 0)
        off = (
            other_rows.start == 0
            or other_columns.start == 0
            or other_rows.stop == shape[0]
            or other_columns.stop == shape[1]
        )
        near = max(gap_y, gap_x) <= (0.02 * reach if off else reach)
        if index != main and near and areas[index] > 0.04 * areas[main]:
            kept.append(index)
    return np.array(kept)


def _refuse_a_dot(mask: np.ndarray, place) -> None:
    (_, _), (tall, wide) = place
    pad = np.pad(crop(mask, place), 1)
    compact = 2 * float(ndimage.distance_transform_edt(pad).max()) > 0.7 * max(tall, wide)
    if max(tall, wide) < DOT * max(mask.shape) and compact:
        raise EmptyDrawing("only a dot is drawn here: draw something larger")
    if max(tall, wide) < max(0.02 * max(mask.shape), 3):
        raise EmptyDrawing("nothing is drawn here but specks: draw something larger")


def _in_form(image: Image.Image, shape: tuple[int, int, int]) -> Prepared | None:
    """An image that is laid out as the set's own already, its ground taken to 0; else None."""
    channels, height, width = shape
    if image.size != (width, height):
        return None
    gray = np.asarray(image.convert("L"), np.float32)
    stages = [("as given", np.asarray(image))]
    rim = np.concatenate(
        [gray[:2].ravel(), gray[-2:].ravel(), gray[:, :2].ravel(), gray[:, -2:].ravel()]
    )
    ground = float(np.median(rim))
    steps = ()
    if ground > 127:
        gray, rim, ground = 255 - gray, 255 - rim, 255 - ground
        steps = ("light strokes on a dark ground were turned dark on light",)
        stages.append(("inverted", gray.astype(np.uint8)))
    strongest = float(gray.max()) - ground
    if strongest < 60 or float((np.abs(rim - ground) > 0.25 * strongest).mean()) > 0.06:
        return None
    ink = np.clip((gray - ground) / strongest, 0, 1)
    (_, _), (tall, wide) = stroke_width.box(ink > 0.2)
    if abs(max(tall, wide) - BOX * max(height, width)) > 1.5:
        return None
    mass = float(ink.sum())
    off_y = float(ink.sum(1) @ (np.arange(height) + 0.5)) / mass - height / 2
    off_x = float(ink.sum(0) @ (np.arange(width) + 0.5)) / mass - width / 2
    if not (-1 < off_y < 2 and -1 < off_x < 2):
        return None
    final = binarization.to_image(ink) if ground > 0 or strongest < 255 else gray.astype(np.uint8)
    stages.append((f"{width}x{height}", final))
    one = np.repeat(final[None], channels, 0)
    return Prepared(one, tuple(stages), one[None], steps)
