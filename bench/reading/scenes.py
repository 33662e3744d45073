"""Pictures of handwriting as tablets, phones and scanners give them, made from held-out digits.

Every scene takes digits as float32 arrays (H, W) of ink, 0 to 1, and returns a uint8 picture. Used
by bench.reading.handwriting; all chance comes from the generator that is passed in.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import ndimage

PAPERS = (
    (250, 250, 246),
    (238, 232, 214),
    (255, 246, 170),
    (206, 226, 246),
    (248, 210, 214),
    (214, 238, 208),
)
INKS = ((25, 25, 30), (20, 40, 140), (150, 25, 30), (20, 90, 50))


def enlarge(image: np.ndarray, height: int, rng: np.random.RandomState | None = None) -> np.ndarray:
    """A 28x28 digit as crisp ink of that height, float32 (H, W) 0 to 1, cropped."""
    values = np.asarray(
        Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC), np.float32
    )
    values = ndimage.gaussian_filter(values, 1.2)
    crisp = np.clip((values - 110) / 40 + 0.5, 0, 1)
    if rng is not None:
        crisp = thicker(crisp, rng.uniform(-0.25, 0.5))
    rows, columns = np.flatnonzero((crisp > 0.3).any(1)), np.flatnonzero((crisp > 0.3).any(0))
    crop = crisp[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return sized(crop, height)


def thicker(crisp: np.ndarray, share: float) -> np.ndarray:
    """Strokes wider by that share of their width (narrower when negative)."""
    mask = crisp > 0.5
    inside = ndimage.distance_transform_edt(mask)
    distance = inside - ndimage.distance_transform_edt(~mask)
    width = 4 * float(inside[mask].mean())
    return np.clip(distance + share * width / 2 + 0.5, 0, 1).astype(np.float32)


def sized(ink: np.ndarray, height: int) -> np.ndarray:
    width = max(1, round(ink.shape[1] * height / ink.shape[0]))
    small = Image.fromarray((ink * 255).astype(np.uint8)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    return np.asarray(small, np.float32) / 255


def turned(ink: np.ndarray, degrees: float, shear: float = 0.0) -> np.ndarray:
    """Rotated and slanted about its middle, with room for all of it, cropped again."""
    side = int(1.6 * max(ink.shape)) + 4
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = matrix @ np.array([[1, 0], [shear, 1]])
    offset = np.array(ink.shape) / 2 - matrix @ (np.array([side, side]) / 2)
    out = ndimage.affine_transform(ink, matrix, offset, (side, side), order=1)
    rows, columns = np.flatnonzero((out > 0.2).any(1)), np.flatnonzero((out > 0.2).any(0))
    return out[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def placed(
    ink: np.ndarray, size: tuple[int, int], rng: np.random.RandomState, margin: float = 0.05
) -> np.ndarray:
    """Ink somewhere on a sheet of `size` (height, width)."""
    height, width = (max(a, b + 4) for a, b in zip(size, ink.shape, strict=True))
    sheet = np.zeros((height, width), np.float32)
    free = [length - part for length, part in zip((height, width), ink.shape, strict=True)]
    gap = [
        min(int(margin * length), room // 2)
        for length, room in zip((height, width), free, strict=True)
    ]
    top, left = (
        rng.randint(edge, max(room - edge, edge) + 1) for edge, room in zip(gap, free, strict=True)
    )
    sheet[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return sheet


def tablet(ink: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """A drawing on a plain screen, dark on light or light on dark."""
    side = int(max(ink.shape) * rng.uniform(1.15, 3.0))
    sheet = placed(ink, (side, side), rng, 0.02)[..., None]
    dark, light = np.array(INKS[rng.randint(4)]), np.array([255, 255, 255])
    ground, pen = (light, dark) if rng.rand() < 0.7 else (dark, light)
    return (ground + (pen - ground) * sheet).astype(np.uint8)


def photo(
    ink: np.ndarray,
    rng: np.random.RandomState,
    *,
    room: float | None = None,
    lines: str = "",
    shadow: bool = False,
    pencil: bool = False,
    coloured: bool = False,
    board: bool = False,
    desk: bool = False,
) -> np.ndarray:
    """Ink on paper, photographed: light that falls off, texture, blur, noise, JPEG."""
    room = room or rng.uniform(1.3, 3.0)
    size = (
        int(ink.shape[0] * room),
        int(max(ink.shape[1] * rng.uniform(1.15, 1.6), ink.shape[0] * room)),
    )
    sheet = placed(ink, size, rng)
    height, width = sheet.shape
    paper = np.array(PAPERS[rng.randint(len(PAPERS)) if coloured else rng.randint(2)], np.float32)
    pen = np.array(INKS[rng.randint(4)] if coloured else INKS[rng.randint(2)], np.float32)
    strength = sheet
    if pencil:
        grain = ndimage.gaussian_filter(rng.normal(0, 1, sheet.shape), 1.2)
        strength = sheet * np.clip(rng.uniform(0.3, 0.6) + 0.5 * grain, 0.12, 1)
        pen = np.array([70, 70, 74], np.float32)
    if board:
        paper, pen = np.array([40, 58, 48], np.float32), np.array([225, 228, 222], np.float32)
    texture = 1 + 0.02 * ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 3) * 3
    page = np.ones((height, width, 1)) * paper * texture[..., None]
    if lines:
        ruled = rules(height, width, ink.shape[0], lines, rng)[..., None]
        colour = np.array([[120, 150, 200], [150, 150, 155], [205, 130, 130]][rng.randint(3)])
        page = page + (colour - page) * ruled * rng.uniform(0.35, 0.85)
    page = page + (pen - page) * strength[..., None]
    if desk:
        page = on_desk(page, rng)
    page *= light(page.shape[:2], rng, shadow)[..., None]
    page = tilt(page, rng)
    page = ndimage.gaussian_filter(page, (*(2 * [rng.uniform(0.3, 1.6)]), 0))
    page += rng.normal(0, rng.uniform(1, 7), page.shape)
    return jpeg(np.clip(page, 0, 255).astype(np.uint8), rng.randint(45, 93))


def rules(height: int, width: int, digit: int, kind: str, rng: np.random.RandomState) -> np.ndarray:
    """Printed lines, 1 where there is one: "ruled", "squared", or a "box" round the middle."""
    sheet = np.zeros((height, width), np.float32)
    thick = max(1, round(digit * rng.uniform(0.008, 0.025)))
    gap = int(digit * (rng.uniform(0.25, 0.6) if kind == "squared" else rng.uniform(0.7, 1.4)))
    first = rng.randint(max(gap, 1))
    for y in range(first, height, gap):
        sheet[y : y + thick] = 1
    if kind == "squared":
        for x in range(rng.randint(max(gap, 1)), width, gap):
            sheet[:, x : x + thick] = 1
    return turned_page(sheet, rng.uniform(-2.5, 2.5))


def turned_page(sheet: np.ndarray, degrees: float) -> np.ndarray:
    return ndimage.rotate(sheet, degrees, reshape=False, order=1, mode="nearest")


def light(size: tuple[int, int], rng: np.random.RandomState, shadow: bool) -> np.ndarray:
    """Brightness over the page: a slope, a fall-off, and the shadow of a hand or a phone."""
    ys, xs = np.mgrid[: size[0], : size[1]]
    ys, xs = ys / size[0] - 0.5, xs / size[1] - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    along = xs * np.cos(angle) + ys * np.sin(angle)
    level = (
        rng.uniform(0.65, 0.95)
        * (1 + rng.uniform(0, 0.6) * along)
        * (1 - 0.4 * rng.rand() * (xs**2 + ys**2))
    )
    if shadow:
        angle = rng.uniform(0, 2 * np.pi)
        edge = xs * np.cos(angle) + ys * np.sin(angle) - rng.uniform(-0.3, 0.3)
        edge = edge + 0.05 * np.sin(
            8 * (xs * np.sin(angle) - ys * np.cos(angle)) + rng.uniform(0, 6)
        )
        soft = rng.uniform(0.005, 0.15)
        level = level * (1 - rng.uniform(0.25, 0.6) / (1 + np.exp(-np.clip(edge / soft, -40, 40))))
    return level


def on_desk(page: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """The sheet on a darker table, some of which is seen."""
    height, width = page.shape[:2]
    top, left, bottom, right = (
        int(rng.uniform(0, 0.3) * length) for length in (height, width, height, width)
    )
    colour = np.array([[96, 66, 44], [60, 62, 66], [130, 110, 90]][rng.randint(3)])
    table = np.ones((height + top + bottom, width + left + right, 1)) * colour
    table *= (1 + 0.04 * ndimage.gaussian_filter(rng.normal(0, 1, table.shape[:2]), (1, 12)) * 4)[
        ..., None
    ]
    table[top : top + height, left : left + width] = page
    return table


def tilt(page: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """A slight turn and perspective; the picture keeps its size."""
    height, width = page.shape[:2]
    picture = Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))
    away = 0.04
    corners = np.array([[0, 0], [0, height], [width, height], [width, 0]], float)
    moved = corners * (1 - 2 * away) + [away * width, away * height]
    moved += rng.uniform(-away, away, (4, 2)) * [width, height] * 0.7
    quad = tuple(float(value) for value in moved.ravel())
    turned = picture.transform(
        (width, height), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC
    )
    return np.asarray(turned, np.float32)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=int(quality))
    return np.asarray(Image.open(buffer))


def scan(ink: np.ndarray, rng: np.random.RandomState, *, box: bool = False) -> np.ndarray:
    """A scanner's crop of 40 to 160 pixels: gray or black and white, either polarity, specks."""
    side = rng.randint(40, 161)
    pad = rng.uniform(0, 0.35) if not box else rng.uniform(0.15, 0.5)
    height, width = (int(length * (1 + pad)) + 2 for length in ink.shape)
    if rng.rand() < 0.5:
        height = width = max(height, width)
    sheet = placed(ink, (height, width), rng, 0.0 if not box else 0.08)
    height, width = sheet.shape
    if box:
        thick = max(1, int(rng.uniform(0.006, 0.02) * height))
        inset = int(rng.uniform(0, 0.05) * height)
        for edge in rng.choice(4, rng.randint(1, 5), replace=False):
            turned = np.rot90(sheet, edge)
            turned[inset : inset + thick] = np.maximum(
                turned[inset : inset + thick], rng.uniform(0.5, 1)
            )
    factor = side / max(height, width)
    small = sized(sheet, max(8, round(height * factor)))
    noisy = small + rng.normal(0, rng.uniform(0, 0.12), small.shape)
    if rng.rand() < 0.4:
        noisy = (noisy > rng.uniform(0.35, 0.6)).astype(float)
    if rng.rand() < 0.5:
        noisy[rng.rand(*noisy.shape) < 0.004] = 1
    low, high = rng.uniform(0, 0.25), rng.uniform(0.75, 1)
    gray = low + (high - low) * (noisy if rng.rand() < 0.3 else 1 - noisy)
    return (np.clip(gray, 0, 1) * 255).astype(np.uint8)


def tiny(ink: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """A crop of 12 to 24 pixels, tight to the digit, squashed a little: postal data of old."""
    side = rng.randint(12, 25)
    stretch = rng.uniform(0, 0.5)
    height, width = ink.shape
    pad = np.pad(ink, ((0, 0), ((max(height - width, 0) // 2,) * 2)))
    wide = side if rng.rand() < 0.5 else max(6, round(side * (width / height) ** (1 - stretch)))
    source = pad if wide == side else ink
    image = Image.fromarray((source * 255).astype(np.uint8)).resize(
        (min(wide, side), side), Image.Resampling.BOX
    )
    gray = np.asarray(image)
    return gray if rng.rand() < 0.5 else 255 - gray


def string(
    digits: list[np.ndarray], rng: np.random.RandomState, *, touching: bool, boxes: bool = False
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Digits side by side on one line, as one sheet of ink; and the columns of each."""
    height = max(digit.shape[0] for digit in digits)
    gaps = (
        rng.uniform(-0.14, 0.05, len(digits)) if touching else rng.uniform(0.1, 0.45, len(digits))
    )
    cell = int(1.15 * height)
    places, x = [], int(0.3 * height)
    for digit, gap in zip(digits, gaps, strict=True):
        y = int(0.15 * height + (height - digit.shape[0]) * rng.uniform(0.3, 1))
        places.append((x + (cell - digit.shape[1]) // 2 if boxes else x, y))
        x += cell if boxes else digit.shape[1] + int(gap * height)
    spans = [(left, left + digit.shape[1]) for digit, (left, _) in zip(digits, places, strict=True)]
    sheet = np.zeros((int(1.3 * height), x + int(0.4 * height)), np.float32)
    for digit, (left, top) in zip(digits, places, strict=True):
        part = sheet[top : top + digit.shape[0], left : left + digit.shape[1]]
        np.maximum(part, digit[: part.shape[0], : part.shape[1]], out=part)
    if boxes:
        thick = max(1, height // 60)
        for column in range(len(digits) + 1):
            left = int(0.3 * height) + column * cell
            sheet[:, left : left + thick] = 0.7
        start, stop = int(0.3 * height), int(0.3 * height) + len(digits) * cell
        sheet[:thick, start:stop] = sheet[-thick:, start:stop] = 0.7
        sheet = np.pad(sheet, int(0.2 * height))
    return sheet, spans
