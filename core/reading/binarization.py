"""What stands out from the ground of a picture: `look` finds the ways in which its ink may be seen,
`choose` takes the one in which it is clear. Called by preprocessing.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from scipy import ndimage

from core.reading import artifact_removal, background
from core.reading.artifact_removal import Marks
from core.reading.picture import EmptyDrawing, Page

CONTRAST = 0.06  # share of the paper's brightness below which a mark is no ink
CLEAR = 25  # times the ground's noise: ink as clear as that needs no second look
THICK = 0.35  # of the writing's height: thicker strokes may be the paper between strokes
BETTER = (2.5, 1.5)  # times likelier the other polarity must be, in large and in small pictures
LITTLE = 24  # pixels under which only the border tells the polarity
SMALL = 100  # pixels of the short side under which whatever is found is read
SHADE = 2.0  # times likelier the whole picture must be than a sheet that seems to lie in it
UNCLEAR = 10  # times the ground's noise: less than that is no ink but the paper itself
FAINT = 0.09  # nor is what is lighter than that, unless it is clear
LEVEL = 80  # percentile of the ink's darkness that counts as full ink
UNEVEN = 0.12  # spread of the light over its mean that is worth a word
TURNED = "light strokes on a dark ground were turned dark on light"
NO_CONTRAST = "nothing is drawn here: draw something, with more contrast to the ground"


@dataclass(frozen=True)
class Light:
    """One way to see a page, as dark ink on a lighter ground: `gray` float32 (H, W), turned where
    the ink is light. `flat` is the ground's brightness where it is the same everywhere; `sheet`
    bool (H, W) is paper on a table, the only place to look; `steps` says what was done. `depth`
    holds what background.darkness finds, once it was asked.
    """

    gray: np.ndarray
    steps: tuple[str, ...] = ()
    flat: float | None = None
    sheet: np.ndarray | None = None
    depth: tuple[np.ndarray, float] | None = None


@dataclass(frozen=True)
class Look:
    """A picture as `given` and as `gray` at working size, `scale` working pixels a given pixel, and
    the `lights` in which to see it, the likeliest first. When the first is `sure` the others are
    not needed.
    """

    given: np.ndarray
    gray: np.ndarray
    scale: float
    lights: tuple[Light, ...]
    sure: bool


def look(image: Image.Image, side: int) -> Look:
    """A picture whose long side is brought to at most `side` pixels, and how its ink may be seen.

    Raises EmptyDrawing when it has no contrast at all.
    """
    small, scale = shrink(image, side)
    gray = background.best_channel(np.asarray(small, np.float32))
    if float(np.ptp(gray)) < 8:
        raise EmptyDrawing(NO_CONTRAST)
    flat, sheet, lights = background.flat_ground(gray), None, []
    away = np.ones_like(gray, bool) if flat is None else np.abs(gray - flat) > background.FLAT
    if away.mean() >= 0.4:
        sheet = background.sheet_on_a_table(gray)
    if sheet is not None:
        lifted = np.where(sheet, gray, np.median(gray[sheet]))
        inner = ndimage.binary_erosion(sheet, iterations=3 + max(gray.shape) // 120, border_value=1)
        lights.append(Light(lifted, ("the table round the paper was left out",), sheet=inner))
    if flat is None:
        ways, light_ground = [Light(gray), Light(255 - gray, (TURNED,))], background.is_light(gray)
    else:
        ways = [Light(gray, (), flat), Light(255 - gray, (TURNED,), 255 - flat)]
        light_ground = not away.any() or flat >= gray[away].mean()
    lights += ways if light_ground else ways[::-1]
    sure = flat is not None or min(gray.shape) < LITTLE
    first = replace(lights[0], depth=background.darkness(lights[0].gray, lights[0].flat))
    return Look(np.asarray(image), gray, scale, (first, *lights[1:]), sure)


def choose(seen: Look) -> Page:
    """The marks in the light in which they are clear. Raises EmptyDrawing when in none."""
    lights, best = seen.lights, None
    if (sheet := lights[0].sheet) is not None:
        best, lights = _on_sheet(seen, sheet), lights[1:]
    if best is None:
        found: list[Marks] = []
        for light in lights[:1] if seen.sure else lights:
            found += filter(None, [_marks(light)])
            if found and found[0].clear > CLEAR and found[0].thick < THICK:
                break
        small = min(seen.gray.shape) < SMALL
        best = max(found[1:], key=lambda marks: marks.likely, default=None)
        if best is None or best.likely <= BETTER[small] * found[0].likely:
            best = found[0] if found else None
        if best is None and seen.sure:
            raise EmptyDrawing(NO_CONTRAST)
        unclear = best and (best.clear < UNCLEAR or best.level < FAINT)
        if best is None or (unclear and not (seen.sure or small)):
            raise EmptyDrawing(
                "nothing stands out from the paper here: draw something, or come closer to it"
            )
    lit = 1 - best.depth / max(float(best.depth.max()), 1e-6)
    stages = (("as given", seen.given), ("even light", lit))
    return Page(best.mask, best.depth, best.level, seen.scale, stages, best.steps)


def _on_sheet(seen: Look, sheet: np.ndarray) -> Marks | None:
    """What is written on a sheet that lies on a table; None when what lies round it is written on
    too and so is paper in a shadow.
    """
    marks, whole = _marks(seen.lights[0]), _marks(Light(seen.gray))
    if marks is None or whole is None:
        return marks
    shaded = whole.likely > SHADE * marks.likely
    return None if shaded or artifact_removal.written_outside(whole, ~sheet, marks) else marks


def _marks(light: Light) -> Marks | None:
    """What stands out in one light; None when nothing does."""
    depth, uneven = light.depth or background.darkness(light.gray, light.flat)
    steps = (*light.steps, *["uneven light was removed"] * (uneven > UNEVEN))
    found = threshold(depth)
    return found and artifact_removal.marks(depth, *found, light.sheet, steps)


def shrink(image: Image.Image, side: int) -> tuple[Image.Image, float]:
    """The picture with its long side at most `side`, and by how much it was scaled."""
    longest = max(image.size)
    if longest <= side:
        return image, 1.0
    width, height = (max(1, round(length * side / longest)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0), side / longest


def threshold(depth: np.ndarray) -> tuple[np.ndarray, float] | None:
    """(mask, level): where ink is, and how dark it is there; None when there is none.

    Otsu's threshold among the pixels above the noise, with hysteresis: fainter pixels count where
    they hang on clear ink.
    """
    tiny = min(depth.shape) < 40
    rest = np.abs(depth - ndimage.uniform_filter(depth, 3))
    noise = 0.0 if tiny else 1.4826 * float(np.median(rest))
    floor = max(CONTRAST, 4 * noise)
    marks = depth[depth > floor]
    if not len(marks):
        return None
    split = max(floor, background.otsu(marks))
    level = float(np.percentile(depth[depth >= split], LEVEL))
    strong = depth > 0.5 * level
    weak = depth > max(floor, 0.25 * level)
    return ndimage.binary_propagation(strong, mask=weak), level
