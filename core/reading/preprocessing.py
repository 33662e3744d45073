"""From a drawing, an upload or a photo to the image a network knows, with every stage kept for
showing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from core.reading import (
    artifact_removal,
    binarization,
    components,
    foreground,
    framing,
    ruled_lines,
)
from core.reading.picture import Page, Place, Stages

SIDE = 720  # pixels of the long side at which one drawing is worked on
STAGES = (ruled_lines.remove, artifact_removal.clean)  # of any page, once it is one


@dataclass(frozen=True)
class Prepared:
    """`image` is uint8 (C, H, W) for the network; `stages` are (name, image uint8 (H, W) or (H, W,
    3)).

    `steps` tells what was done, `box` is (x, y, width, height) on the picture.
    """

    image: np.ndarray
    stages: Stages
    steps: tuple[str, ...] = ()
    box: tuple[int, int, int, int] | None = None

    @property
    def sentence(self) -> str:
        """What was done, in one sentence; empty when the image was taken as it is."""
        whole = ", ".join(self.steps)
        return f"{whole[0].upper()}{whole[1:]}." if whole else ""


def prepare(image: Image.Image, shape: tuple[int, int, int], *, drawn: bool) -> Prepared:
    """An image as a network of input `shape` (C, H, W) saw its training data.

    `drawn` sets hold light strokes on black, as MNIST does: the ink is found, cropped, thickened
    where it is thin, scaled to 20/28 of the side and centred by mass. An image that has this form
    already is not moved. Of other sets the subject is cropped from its ground and fitted into the
    frame. Raises EmptyDrawing when a drawn image holds no strokes.
    """
    channels, height, width = shape
    if not drawn:
        thing = foreground.find(image, shape)
        box = box_of(thing.place, 1.0) if thing.place else None
        return Prepared(thing.image, thing.stages, thing.steps, box)
    if image.size == (width, height) and (as_it_is := _in_form(image, channels)) is not None:
        return as_it_is
    page = components.choose(clean(image, SIDE))
    made, thickened = framing.draw(page.ink[page.place], (height, width))
    stages = framing.shown((*page.stages, (f"{width}x{height}", made)))
    steps = (*page.steps, *_remarks(page), *["thin strokes were thickened"] * thickened)
    framed = np.repeat(made[None], channels, 0)
    return Prepared(framed, stages, steps, box_of(page.place, page.scale))


def clean(image: Image.Image, side: int) -> Page:
    """The ink of a picture whose long side is brought to at most `side` pixels.

    Raises EmptyDrawing when nothing stands out from the ground.
    """
    page = binarization.choose(binarization.look(image, side))
    for stage in STAGES:
        page = stage(page)
    return page


def box_of(place: Place, scale: float) -> tuple[int, int, int, int]:
    """A place as (x, y, width, height) in pixels of the given picture."""
    rows, columns = place
    sides = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    x, y, width, height = (round(value / scale) for value in sides)
    return x, y, width, height


def _remarks(page: Page) -> list[str]:
    """What scaling and centring did to the thing."""
    rows, columns = page.place
    height, width = page.mask.shape
    share = max(rows.stop - rows.start, columns.stop - columns.start) / min(height, width)
    off_y, off_x = (rows.start + rows.stop) / height - 1, (columns.start + columns.stop) / width - 1
    steps = []
    if share < 0.35:
        steps.append(f"it fills {100 * share:.0f} % of the picture and was enlarged")
    if max(abs(off_y), abs(off_x)) > 0.25:
        steps.append("it lies off the middle and was centred")
    return steps


def _in_form(image: Image.Image, channels: int) -> Prepared | None:
    """An image that is laid out as the set's own already, its ground taken to 0; else None."""
    width, height = image.size
    gray = np.asarray(image.convert("L"), np.float32)
    stages = [("as given", np.asarray(image))]
    rim = np.concatenate(
        [gray[:2].ravel(), gray[-2:].ravel(), gray[:, :2].ravel(), gray[:, -2:].ravel()]
    )
    ground = float(np.median(rim))
    steps: tuple[str, ...] = ()
    if ground > 127:
        gray, rim, ground = 255 - gray, 255 - rim, 255 - ground
        steps = ("dark strokes on a light ground were turned light on dark",)
        stages.append(("inverted", gray.astype(np.uint8)))
    strongest = float(gray.max()) - ground
    if strongest < 60 or float((np.abs(rim - ground) > 0.25 * strongest).mean()) > 0.06:
        return None
    ink = np.clip((gray - ground) / strongest, 0, 1)
    rows, columns = ndimage.find_objects((ink > 0.2).view(np.int8))[0]
    longest = max(rows.stop - rows.start, columns.stop - columns.start)
    if abs(longest - framing.BOX * max(height, width)) > 1.5:
        return None
    mass = float(ink.sum())
    off_y = float(ink.sum(1) @ (np.arange(height) + 0.5)) / mass - height / 2
    off_x = float(ink.sum(0) @ (np.arange(width) + 0.5)) / mass - width / 2
    if not (-1 < off_y < 2 and -1 < off_x < 2):
        return None
    final = framing.to_image(ink) if ground > 0 or strongest < 255 else gray.astype(np.uint8)
    stages.append((f"{width}x{height}", final))
    if strongest < 240:
        steps = (*steps, "its contrast was stretched")
    return Prepared(np.repeat(final[None], channels, 0), tuple(stages), steps)
