"""From a picture to the ink on it: ground, light and polarity found, rules and specks removed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

CONTRAST = 0.06  # share of the paper's brightness below which a mark is no ink
LEVEL = 80  # percentile of the ink's darkness that counts as full ink
SHARP = 0.045  # share of its depth that a stroke's edge rises by a pixel; shadows are softer
COARSE = 160  # blocks of the long side at which light and stroke width are judged
SIZES = (3, 5, 7, 11, 17, 25, 39, 59)  # widths of strokes tried, in such blocks
LINE_SLOPE = 0.14  # rules steeper than that (8 degrees) are not looked for


class EmptyDrawing(ValueError):
    """There is nothing to read on the image."""


@dataclass(frozen=True)
class Page:
    """The ink of a picture at working size.

    `ink` float32 (H, W), 0 ground to 1 full ink; `mask` bool (H, W), where there is ink; `scale` is
    working pixels a given pixel; `stages` are (name, uint8 image); `said` is what was done.
    """

    ink: np.ndarray
    mask: np.ndarray
    scale: float
    stages: tuple[tuple[str, np.ndarray], ...]
    said: tuple[str, ...]


def clean(image: Image.Image, side: int) -> Page:
    """The ink of a picture whose long side is brought to at most `side` pixels.

    Raises EmptyDrawing when nothing stands out from the ground.
    """
    stages: list[tuple[str, np.ndarray]] = [("as given", np.asarray(image))]
    said: list[str] = []
    small, scale = shrink(image, side)
    gray = best_channel(np.asarray(small, np.float32))
    if float(np.ptp(gray)) < 8:
        raise EmptyDrawing(
            "nothing is drawn here: draw something, with more contrast to the ground"
        )
    depth, marked, done = _depth(gray)
    said += done
    stages.append(("even light", to_image(1 - depth / max(float(depth.max()), 1e-6))))
    mask, level = threshold(depth)
    mask &= marked
    mask, lines = without_lines(mask)
    if lines:
        said.append(f"{lines} ruled line{'s' if lines > 1 else ''} removed")
    mask = without_shadows(mask, depth)
    mask, specks = without_specks(mask)
    if specks > 3:
        said.append("specks were removed")
    near = ndimage.binary_dilation(mask, iterations=1)
    ink = np.clip(depth / level, 0, 1).astype(np.float32) * near
    stages.append(("ink", to_image(ink)))
    return Page(ink, mask, scale, tuple(stages), tuple(said))


def _depth(gray: np.ndarray) -> tuple[np.ndarray, np.ndarray | bool, list[str]]:
    """How far the ink stands out (H, W), where it may lie, and what was done to see it."""
    light_ink = "light strokes on a dark ground were turned dark on light"
    ground = flat_ground(gray)
    if ground is not None:
        rest = gray[np.abs(gray - ground) > 8]
        if len(rest) and ground < float(rest.mean()):
            return _under(255 - gray, 255 - ground), True, [light_ink]
        return _under(gray, ground), True, []
    said, marked = [], True
    sheet = sheet_on_a_table(gray)
    if sheet is not None:
        gray = np.where(sheet, gray, np.median(gray[sheet]))
        edge = 3 + max(gray.shape) // 120
        marked = ndimage.binary_erosion(sheet, iterations=edge, border_value=1)
        said.append("the table round the paper was left out")
    elif not is_light(gray):
        gray = 255 - gray
        said.append(light_ink)
    depth, uneven = darkness(gray)
    if uneven > 0.12:
        said.append("uneven light was removed")
    return depth, marked, said


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


def best_channel(pixels: np.ndarray) -> np.ndarray:
    """Gray float32 (H, W): the luminance, or the colour channel in which strokes stand out far
    more.
    """
    if pixels.ndim == 2:
        return pixels
    gray = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    if np.ptp(pixels, axis=2).max() < 24:
        return gray
    step = max(1, max(gray.shape) // COARSE)
    contrast = []
    for channel in (gray, *np.moveaxis(pixels, 2, 0)):
        rough = ndimage.uniform_filter(channel, step)[::step, ::step]
        apart = np.abs(rough - ndimage.uniform_filter(rough, 25))
        contrast.append(float(np.percentile(apart, 97)))
    best = int(np.argmax(contrast))
    return pixels[..., best - 1] if best and contrast[best] > 1.4 * contrast[0] else gray


def flat_ground(gray: np.ndarray) -> float | None:
    """The brightness of a ground that is the same everywhere, as on a screen; else None."""
    ground = float(np.argmax(np.bincount(gray.astype(np.uint8).ravel(), minlength=256)))
    near = np.abs(gray - ground) <= 8
    rim = np.concatenate([near[0], near[-1], near[:, 0], near[:, -1]])
    return ground if near.mean() > 0.6 and rim.mean() > 0.6 else None


def _under(gray: np.ndarray, ground: float) -> np.ndarray:
    """Depth under a flat ground, as a share of it; what is lighter counts 0."""
    return np.clip((ground - gray) / max(ground, 1.0), 0, 1)


def sheet_on_a_table(gray: np.ndarray) -> np.ndarray | None:
    """Where a sheet of paper lies on a darker table (H, W), bool; None when none is seen.

    A sheet is bright, convex, has something dark inside that does not reach its edge, and leaves
    room for the table at the picture's border.
    """
    if min(gray.shape) < 64:
        return None
    rough, step = blocks(gray)
    labels, count = ndimage.label(rough > otsu(rough.ravel()))
    if not count:
        return None
    areas = np.bincount(labels.ravel())[1:]
    bright = labels == 1 + int(np.argmax(areas))
    region = ndimage.binary_fill_holes(bright)
    rim = np.concatenate([region[0], region[-1], region[:, 0], region[:, -1]])
    ratio = float(np.median(rough[~region]) / np.median(rough[bright])) if not region.all() else 1.0
    if rim.mean() > 0.92 or not 0.12 < region.mean() < 0.95 or ratio > 0.75:
        return None
    _, (tall, wide) = _extent(region)
    if region.sum() < 0.8 * tall * wide:
        return None
    for part in (region, region.T):
        spans = np.maximum.accumulate(part, 1) & np.maximum.accumulate(part[:, ::-1], 1)[:, ::-1]
        if part.sum() < 0.96 * spans.sum():
            return None
    holes, found = ndimage.label(
        region & (rough < 0.85 * np.median(rough[bright])), np.ones((3, 3))
    )
    inner = ndimage.binary_erosion(region, iterations=3, border_value=1)
    areas = np.bincount(holes.ravel(), minlength=found + 1)
    outer = np.unique(holes[region & ~inner])
    whole = np.setdiff1d(np.arange(1, found + 1), outer)
    if not len(whole) or areas[whole].max() < 6:
        return None
    full = np.kron(region, np.ones((step, step), bool))
    extra = [(0, length - part) for length, part in zip(gray.shape, full.shape, strict=True)]
    return np.pad(full, extra, "edge")


def _extent(mask: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, left), (height, width)) of what is True."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return (int(rows[0]), int(columns[0])), (
        int(rows[-1] - rows[0]) + 1,
        int(columns[-1] - columns[0]) + 1,
    )


def is_light(gray: np.ndarray) -> bool:
    """Whether the ground is light and the strokes dark.

    Two votes: on which side of the middle between the darkest and the lightest nearby the
    picture's border lies, and whether its thinnest details are dark or light. In small pictures,
    which strokes may fill, the border is the better witness.
    """
    rough, _ = coarse(gray)
    size = max(3, min(rough.shape) // 2)
    low = ndimage.minimum_filter(rough, size, mode="nearest")
    high = ndimage.maximum_filter(rough, size, mode="nearest")
    edge = np.ones(rough.shape, bool)
    rim = max(1, min(rough.shape) // 16)
    edge[rim:-rim, rim:-rim] = False
    weight = np.maximum((high - low)[edge] - 0.2 * np.ptp(rough), 0)
    side = np.sign(rough - (low + high) / 2)[edge]
    border = float((weight * side).sum() / max(float(weight.sum()), 1e-6))
    dark, bright = (float(detail(rough, dark=kind).sum()) for kind in (True, False))
    thin = (dark - bright) / max(dark + bright, 1e-6)
    trust = 0.8 if min(gray.shape) < 48 else 1.2 if min(gray.shape) < 160 else 2.0
    return border + trust * thin > 0


def blocks(gray: np.ndarray) -> tuple[np.ndarray, int]:
    """Means over square blocks, at most COARSE of them on the long side, and their side in
    pixels.
    """
    step = max(1, -(-max(gray.shape) // COARSE))
    height, width = (length // step for length in gray.shape)
    cut = gray[: height * step, : width * step]
    return cut.reshape(height, step, width, step).mean((1, 3)), step


def coarse(gray: np.ndarray) -> tuple[np.ndarray, int]:
    """`blocks`, in even light."""
    rough, step = blocks(gray)
    return (rough / light(rough) if min(rough.shape) > 40 else rough), step


def detail(rough: np.ndarray, *, dark: bool) -> np.ndarray:
    """How much dark (or light) detail is just narrower than each of SIZES, over the size squared.

    A stroke of width w counts its length over w, at the first size wider than it; a gap between
    strokes counts about 1, the edges of shadows and of paper nothing.
    """
    values = rough if dark else -rough
    least = 0.12 * float(np.percentile(rough, 99.5) - np.percentile(rough, 0.5))
    found = [0.0]
    for size in SIZES:
        if size > 0.7 * min(rough.shape):
            break
        below = ndimage.grey_closing(values, (size, size), mode="nearest") - values
        found.append(float(below[below > least].sum()))
    sizes = np.array(SIZES[: len(found) - 1], float)
    return np.maximum(np.diff(found), 0) / sizes**2


def stroke_reach(gray: np.ndarray) -> float:
    """About how wide the widest dark strokes are, in pixels."""
    rough, step = coarse(gray)
    found = np.cumsum(detail(rough, dark=True))
    if not len(found) or found[-1] == 0:
        return float(SIZES[0] * step)
    return float(SIZES[int(np.argmax(found >= 0.88 * found[-1]))] * step)


def darkness(gray: np.ndarray) -> tuple[np.ndarray, float]:
    """How much darker than the paper around it each pixel is, as a share of the paper's
    brightness, and how uneven the light was (its spread over its mean).

    A smooth fall-off of the light is divided out first. The paper is then found as a closing:
    wider than any stroke can be, and once the strokes' width is known, just wide enough to bridge
    them, which follows the edge of a shadow.
    """
    gray = np.maximum(gray, 1.0)
    small = min(gray.shape) < 100
    size = max(3, int(0.6 * min(gray.shape)))
    if small:
        depth, paper = _below(gray, size)
        return depth, float(np.percentile(paper, 95) / np.percentile(paper, 5) - 1)
    fall = light(gray)
    reach = stroke_reach(gray)
    even = ndimage.gaussian_filter(gray / fall, float(np.clip(0.1 * reach, 0.7, 3)))
    depth, paper = _below(even, int(np.clip(1.3 * reach + 5, 9, size)))
    shade = paper * fall
    return depth, float(np.percentile(shade, 95) / np.percentile(shade, 5) - 1)


def light(gray: np.ndarray) -> np.ndarray:
    """The slow change of light over the picture (H, W), about 1: a quadratic surface through the
    logarithm of the brightness, to which what is darker than it counts ever less.
    """
    step = max(1, max(gray.shape) // 40)
    height, width = (length // step for length in gray.shape)
    blocks = gray[: height * step, : width * step].reshape(height, step, width, step)
    values = np.log(np.maximum(blocks.max((1, 3)), 1)).ravel()
    ys, xs = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = _quadratic(xs.ravel(), ys.ravel())
    weight = np.ones(len(values))
    for _ in range(6):
        weighted = terms * weight[:, None]
        found = np.linalg.solve(weighted.T @ terms + 1e-6 * np.eye(6), weighted.T @ values)
        rest = values - terms @ found
        spread = float(1.4826 * np.median(np.abs(rest))) + 0.01
        weight = 1 / (1 + (rest / np.where(rest < 0, spread, 3 * spread)) ** 2)
    rows, columns = (np.linspace(-1, 1, length) for length in gray.shape)
    _a, b, c, d, e, _ = found
    across = b * columns + d * columns**2
    down = c * rows + e * rows**2
    surface = across[None, :] + down[:, None] + found[5] * rows[:, None] * columns[None, :]
    return np.exp(np.clip(surface, -1.5, 1.5)).astype(np.float32)


def _quadratic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], 1)


def _below(gray: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth under the closing of that size as a share of it, and the closing."""
    step = max(1, size // 12)
    height, width = (-(-length // step) for length in gray.shape)
    extra = ((0, height * step - gray.shape[0]), (0, width * step - gray.shape[1]))
    blocks = np.pad(gray, extra, "edge").reshape(height, step, width, step)
    rough = (blocks.max((1, 3)) + blocks.mean((1, 3))) / 2  # strokes fade, noise stays fair
    reach = max(3, size // step) | 1
    room = min(reach, height - 1, width - 1)
    padded = np.pad(rough, room, "reflect", reflect_type="odd") if room else rough
    closed = ndimage.grey_closing(padded, (reach, reach), mode="nearest")
    paper = closed[room : room + height, room : room + width]
    if step > 1:
        paper = ndimage.gaussian_filter(paper, 0.8)
        full = Image.fromarray(paper.astype(np.float32)).resize(
            (width * step, height * step), Image.Resampling.BILINEAR
        )
        paper = np.asarray(full)[: gray.shape[0], : gray.shape[1]]
    paper = np.maximum(paper, 0.5 * float(gray.mean()))
    depth = (paper - gray) / paper
    middle = float(np.median(depth))
    if middle < 0.4 * float(depth.max()):  # else most of the picture is ink
        depth = depth - middle
    return np.clip(depth, 0, 1), paper


def measure(
    labels: np.ndarray, count: int, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(areas, lies whole in the picture, has sharp edges) of the parts 1..count, each (count,)."""
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    inside = ~np.isin(np.arange(1, count + 1), border)
    mask = labels > 0
    rim = mask & ~ndimage.binary_erosion(mask, border_value=1)
    steep = ndimage.gaussian_gradient_magnitude(depth, 1.0)
    index = labels[rim]
    slope = np.bincount(index, steep[rim], count + 1)[1:]
    number = np.maximum(np.bincount(index, minlength=count + 1)[1:], 1)
    peak = np.maximum(ndimage.maximum(depth, labels, np.arange(1, count + 1)), 1e-6)
    return areas, inside, slope / number / peak > SHARP


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
    split = max(floor, otsu(marks))
    level = float(np.percentile(depth[depth >= split], LEVEL))
    strong = depth > 0.5 * level
    weak = depth > max(floor, 0.25 * level)
    return ndimage.binary_propagation(strong, mask=weak), level


def otsu(values: np.ndarray) -> float:
    """The threshold that parts values into the two classes farthest apart (Otsu 1979)."""
    if np.ptp(values) < 1e-6:
        return float(values[0])
    counts, edges = np.histogram(values, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[int(np.nanargmax(apart[:-1])) + 1])


def without_lines(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The mask without ruled, squared or form lines, and how many there were.

    A line crosses the picture nearly straight and is thinner than the strokes; where a stroke
    crosses it, the run across the line is longer than the line is thick, and stays.
    """
    if min(mask.shape) < 40:
        return mask, 0
    rows, count_rows = _lines(mask)
    columns, count_columns = _lines(mask.T)
    lines = rows | columns.T
    if not lines.any():
        return mask, 0
    rest = mask & ~lines
    if rest.sum() < 0.02 * mask.sum():
        return mask, 0
    rest |= ndimage.binary_closing(np.pad(rest, 4), np.ones((5, 5)))[4:-4, 4:-4] & mask
    return rest, count_rows + count_columns


def _lines(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Pixels of nearly horizontal lines that cross the whole picture, and their number."""
    height, width = mask.shape
    parts = 24
    edges = np.linspace(0, width, parts + 1).astype(int)
    cover = np.stack([mask[:, a:b].mean(1) for a, b in itertools.pairwise(edges)], 1)
    cover = ndimage.maximum_filter1d(cover, 3, axis=0)
    run = _run_lengths(mask)
    found = np.zeros_like(mask)
    count = 0
    taken = np.zeros(height, bool)
    places = (np.arange(parts) + 0.5) / parts * width - width / 2
    hits = []
    for slope in np.linspace(-LINE_SLOPE, LINE_SLOPE, 29):
        shift = np.round(places * slope).astype(int)
        index = np.clip(np.arange(height)[:, None] + shift, 0, height - 1)
        along = np.take_along_axis(cover, index, 0)
        share = (along > 0.6).mean(1)
        hits += [
            (float(share[y]), float(along[y].mean()), int(y), float(slope))
            for y in np.flatnonzero(share >= 0.8)
        ]
    xs = np.arange(width)
    for _, _, y, slope in sorted(hits, reverse=True):
        if taken[y]:
            continue
        centre = np.clip(np.round(y + (xs - width / 2) * slope).astype(int), 0, height - 1)
        band = [np.clip(centre + offset, 0, height - 1) for offset in (-2, -1, 0, 1, 2)]
        here = np.stack([run[rows, xs] for rows in band])
        lengths = here.max(0)
        lengths = lengths[lengths > 0]
        thick = float(np.percentile(lengths, 35))
        if thick > 0.05 * height:
            continue
        reach = int(np.ceil(thick)) + 2
        taken[max(0, y - 2 * reach) : y + 2 * reach + 1] = True
        count += 1
        for offset in range(-reach, reach + 1):
            rows = np.clip(centre + offset, 0, height - 1)
            thin = (run[rows, xs] > 0) & (run[rows, xs] <= 1.6 * thick + 1)
            found[rows[thin], xs[thin]] = True
    return found, count


def _run_lengths(mask: np.ndarray) -> np.ndarray:
    """For each pixel of the mask the length of the vertical run that it lies in; 0 outside."""
    padded = np.pad(mask, ((1, 1), (0, 0))).T.astype(np.int8).ravel()
    steps = np.diff(padded)
    starts, ends = np.flatnonzero(steps == 1) + 1, np.flatnonzero(steps == -1) + 1
    lengths = np.zeros(padded.shape, np.int32)
    lengths[starts] = ends - starts
    delta = np.zeros(len(padded) + 1, np.int32)
    np.add.at(delta, starts, ends - starts)
    np.add.at(delta, ends, -(ends - starts))
    filled = np.cumsum(delta)[:-1]
    return filled.reshape(mask.shape[1], mask.shape[0] + 2).T[1:-1]


def without_shadows(mask: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The mask without parts of soft edges, unless that is all there is."""
    if min(mask.shape) < 100:
        return mask
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask
    _, _, sharp = measure(labels, count, depth)
    return np.concatenate([[False], sharp])[labels] if sharp.any() else mask


def without_specks(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The mask without parts far smaller than the largest one, and how many went."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if count < 2:
        return mask, 0
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    keep = areas >= max(0.015 * areas.max(), 2)
    return keep[labels], int(count - keep.sum())
