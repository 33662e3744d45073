"""From a picture to the ink on it. The drawing page, `predict` and the number reader start here."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from core.reading import artifact_removal, background, ruled_lines

CONTRAST = 0.06  # share of the paper's brightness below which a mark is no ink
CLEAR = 25  # times the ground's unrest: ink as clear as that needs no second look
THICK = 0.35  # of the writing's height: thicker strokes may be the paper between strokes
BETTER = (2.5, 1.5)  # times likelier the other polarity must be, in large and in small pictures
SOFT, CRISP = 0.3, 0.7  # shares of parts with sharp edges: too few for ink, and enough
STRICT = 0.7  # of full ink: where ink is sought in a shadow
LITTLE = 24  # pixels under which only the border tells the polarity
SHADE = 2.0  # times likelier the whole picture must be than a sheet that seems to lie in it
SURE = 100  # times that unrest; beyond it nothing more is gained
UNCLEAR = 10  # less than that is no ink but the paper itself
FAINT = 0.09  # nor is what is lighter than that, unless it is clear
LEVEL = 80  # percentile of the ink's darkness that counts as full ink


class EmptyDrawing(ValueError):
    """There is nothing to read on the image."""


@dataclass(frozen=True)
class Page:
    """The ink of a picture at working size.

    `ink` float32 (H, W), 0 ground to 1 full ink; `mask` bool (H, W), where there is ink; `scale` is
    working pixels a given pixel; `stages` are (name, uint8 image); `steps` is what was done.
    """

    ink: np.ndarray
    mask: np.ndarray
    scale: float
    stages: tuple[tuple[str, np.ndarray], ...]
    steps: tuple[str, ...]


def clean(image: Image.Image, side: int) -> Page:
    """The ink of a picture whose long side is brought to at most `side` pixels.

    Raises EmptyDrawing when nothing stands out from the ground.
    """
    stages: list[tuple[str, np.ndarray]] = [("as given", np.asarray(image))]
    steps: list[str] = []
    small, scale = shrink(image, side)
    gray = background.best_channel(np.asarray(small, np.float32))
    if float(np.ptp(gray)) < 8:
        raise EmptyDrawing(
            "nothing is drawn here: draw something, with more contrast to the ground"
        )
    marks = _marks(gray)
    depth, mask, level = marks.depth, marks.mask, marks.level
    steps += marks.steps
    stages.append(("even light", to_image(1 - depth / max(float(depth.max()), 1e-6))))
    mask, lines = ruled_lines.without_lines(mask)
    if not mask.any():
        raise EmptyDrawing("only ruled lines are seen here: draw something")
    if lines:
        steps.append(f"{lines} ruled line{'s' if lines > 1 else ''} removed")
    mask = artifact_removal.without_shadows(mask, depth)
    mask, specks = artifact_removal.without_specks(mask)
    if specks > 3:
        steps.append("specks were removed")
    if artifact_removal.is_grain(mask):
        raise EmptyDrawing(
            "only the paper's own grain is seen here: draw something, or come closer"
        )
    near = ndimage.binary_dilation(mask, iterations=1)
    ink = np.clip(depth / level, 0, 1).astype(np.float32) * near
    stages.append(("ink", to_image(ink)))
    return Page(ink, mask, scale, tuple(stages), tuple(steps))


@dataclass(frozen=True)
class Marks:
    """What stands out from the ground: `depth` (H, W) as a share of the ground, `mask` where it
    is ink, `level` its darkness, `clear` how many times the ground's own unrest that is, `thick`
    its thickest place as a share of its height.
    """

    depth: np.ndarray
    mask: np.ndarray
    level: float
    clear: float
    thick: float
    steps: list[str]

    @property
    def likely(self) -> float:
        """Grows with how much these are strokes and not the ground between them: clear, dark, thin,
        and little of the picture.
        """
        clear = min(self.clear, SURE) * self.level / max(self.thick, 0.1)
        return clear * (1 - float(self.mask.mean())) ** 2


def _marks(gray: np.ndarray) -> Marks:
    """The ink in the polarity in which it is clear. Raises EmptyDrawing when in neither."""
    light_ink = ["light strokes on a dark ground were turned dark on light"]
    flat = background.flat_ground(gray)
    plain = flat is not None and (np.abs(gray - flat) <= background.FLAT).mean() > 0.6
    if not plain and (marks := _on_a_sheet(gray)):
        return marks
    if flat is not None:
        rest = gray[np.abs(gray - flat) > background.FLAT]
        if len(rest) and flat < float(rest.mean()):
            return _marked(background.under(255 - gray, 255 - flat), light_ink)
        return _marked(background.under(gray, flat), [])
    ways = [(gray, []), (255 - gray, light_ink)]
    if not background.is_light(gray):
        ways.reverse()
    if min(gray.shape) < LITTLE:
        return _in_light(*ways[0])
    tried = []
    for way in ways:
        with contextlib.suppress(EmptyDrawing):
            tried.append(_in_light(*way))
        if tried and tried[0].clear > CLEAR and tried[0].thick < THICK:
            break
    best = tried[0] if tried else None
    if len(tried) > 1 and tried[1].likely > BETTER[min(gray.shape) < 100] * best.likely:
        best = tried[1]
    if min(gray.shape) < 100 and best:
        return best
    if best is None or best.clear < UNCLEAR or best.level < FAINT:
        raise EmptyDrawing(
            "nothing stands out from the paper here: draw something, or come closer to it"
        )
    return best


def _on_a_sheet(gray: np.ndarray) -> Marks | None:
    """What is written on a sheet that lies on a table; None when no sheet is seen, or when what
    lies round it is written on too and so is paper in a shadow.
    """
    sheet = background.sheet_on_a_table(gray)
    if sheet is None:
        return None
    edge = 3 + max(gray.shape) // 120
    inner = ndimage.binary_erosion(sheet, iterations=edge, border_value=1)
    lifted = np.where(sheet, gray, np.median(gray[sheet]))
    try:
        marks = _in_light(lifted, ["the table round the paper was left out"], inner)
    except EmptyDrawing:
        return None
    with contextlib.suppress(EmptyDrawing):
        whole = _in_light(gray, [])
        if whole.likely > SHADE * marks.likely or _written(whole, ~inner, marks):
            return None
    return marks


def _written(whole: Marks, outside: np.ndarray, marks: Marks) -> bool:
    """Whether strokes about as tall as those found lie wholly outside, clear of the border."""
    labels, count = ndimage.label(whole.mask, np.ones((3, 3)))
    if not count:
        return False
    _, inside, sharp = artifact_removal.measure(labels, count, whole.depth)
    rows = np.flatnonzero(marks.mask.any(1))
    tall = 0.5 * (rows[-1] - rows[0] + 1) if len(rows) else 0
    places = ndimage.find_objects(labels)
    kept = np.bincount(labels[~outside].ravel(), minlength=count + 1)[1:]
    good = inside & sharp & (kept == 0)
    return any(
        tall < place[0].stop - place[0].start < 2.5 * tall
        and place[1].stop - place[1].start > 0.2 * tall
        for place, fits in zip(places, good, strict=True)
        if fits
    )


def _in_light(gray: np.ndarray, steps: list[str], inner: np.ndarray | bool = True) -> Marks:
    depth, uneven = background.darkness(gray)
    return _marked(depth, [*steps, *["uneven light was removed"] * (uneven > 0.12)], inner)


def _marked(depth: np.ndarray, steps: list[str], inner: np.ndarray | bool = True) -> Marks:
    mask, level = threshold(depth)
    mask &= inner
    away = ~ndimage.binary_dilation(mask, iterations=3) & inner
    clear = depth > 0.5 * level
    mask = artifact_removal.near(artifact_removal.without_frame(mask, clear), clear)
    noise_std = float(depth[away].std()) if away.any() else 1.0
    share = _sharp_share(mask, depth)
    if share < SOFT:  # a shadow as deep as faint ink: what is darker may be ink in it
        darker = (depth > STRICT * level) & inner
        if (sharper := _sharp_share(darker, depth)) > CRISP:
            mask, share = darker, sharper
    return Marks(depth, mask, level, share * level / max(noise_std, 1e-3), _thickness(mask), steps)


def _sharp_share(mask: np.ndarray, depth: np.ndarray) -> float:
    """The share of a mask's parts, by area, that have sharp edges."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    areas, _, sharp = artifact_removal.measure(labels, count, depth)
    return float(areas[sharp].sum() / max(areas.sum(), 1))


def _thickness(mask: np.ndarray) -> float:
    """How thick its thickest place is, as a share of the height that the mask spans."""
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
        return 1.0
    deepest = ndimage.distance_transform_cdt(np.pad(mask, 1), "chessboard").max()
    return 2 * float(deepest) / float(rows[-1] - rows[0] + 1)


def shrink(image: Image.Image, side: int) -> tuple[Image.Image, float]:
    """The picture with its long side at most `side`, and by how much it was scaled."""
    longest = max(image.size)
    if longest <= side:
        return image, 1.0
    size = tuple(max(1, round(length * side / longest)) for length in image.size)
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0), side / longest


def to_image(values: np.ndarray) -> np.ndarray:
    """0..1 as uint8."""
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def threshold(depth: np.ndarray) -> tuple[np.ndarray, float]:
    """(mask, level): where ink is, and how dark it is there. Raises EmptyDrawing when there is
    none.

    Otsu's threshold among the pixels above the noise, with hysteresis: fainter pixels count where
    they hang on clear ink.
    """
    tiny = min(depth.shape) < 40
    rest = np.abs(depth - ndimage.uniform_filter(depth, 3))
    noise = 0.0 if tiny else 1.4826 * float(np.median(rest))
    floor = max(CONTRAST, 4 * noise)
    marks = depth[depth > floor]
    if not len(marks):
        raise EmptyDrawing(
            "nothing is drawn here: draw something, with more contrast to the ground"
        )
    split = max(floor, background.otsu(marks))
    level = float(np.percentile(depth[depth >= split], LEVEL))
    strong = depth > 0.5 * level
    weak = depth > max(floor, 0.25 * level)
    return ndimage.binary_propagation(strong, mask=weak), level
