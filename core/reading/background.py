"""The ground of a picture and the light on it: polarity, shadows, a sheet on a table."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

COARSE = 160  # blocks of the long side at which light and stroke width are judged
SIZES = (3, 5, 7, 11, 17, 25, 39, 59)  # widths of strokes tried, in such blocks
FLAT = 8  # of 255: how far a flat ground may stray


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
    """The brightness of a ground that is the same everywhere, as on a screen; else None.

    It lies along most of the picture's border and makes up most of the picture, or all of it
    together with one flat ink.
    """
    rim = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    ground = _mode(rim)
    away = np.abs(gray - ground)
    near = away <= FLAT
    shaded = float(((away > FLAT) & (away < 4 * FLAT)).mean())
    if (np.abs(rim - ground) <= FLAT).mean() < 0.8 or shaded > 0.06:
        return None
    share = float(near.mean())
    if share < 0.6 and not near.all():
        rest = gray[~near]
        share += float((np.abs(rest - _mode(rest)) <= FLAT).sum()) / gray.size
        share -= 0.25  # an ink alone does not make a ground
    return ground if share > 0.6 else None


def _mode(values: np.ndarray) -> float:
    return float(np.argmax(np.bincount(values.astype(np.uint8).ravel(), minlength=256)))


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
    if rim.mean() > 0.92 or not 0.12 < region.mean() < 0.95 or ratio > 0.65:
        return None
    (box,) = ndimage.find_objects(region.view(np.int8))
    if region.sum() < 0.8 * region[box].size:
        return None
    for part in (region, region.T):
        spans = np.maximum.accumulate(part, 1) & np.maximum.accumulate(part[:, ::-1], 1)[:, ::-1]
        if part.sum() < 0.96 * spans.sum():
            return None
    if not _holds_something(rough, region):
        return None
    full = np.kron(region, np.ones((step, step), bool))
    extra = [(0, length - part) for length, part in zip(gray.shape, full.shape, strict=True)]
    return np.pad(full, extra, "edge")


def _holds_something(rough: np.ndarray, region: np.ndarray) -> bool:
    """Whether something dark lies in the region without reaching its edge."""
    inner = ndimage.binary_erosion(region, iterations=2, border_value=1)
    nearest = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
    filled = rough[tuple(nearest)]
    paper = ndimage.grey_closing(filled, (25, 25), mode="nearest")
    holes, count = ndimage.label(inner & (filled < 0.82 * paper), np.ones((3, 3)))
    areas = np.bincount(holes.ravel(), minlength=count + 1)
    rim = inner & ~ndimage.binary_erosion(inner, border_value=1)
    whole = np.setdiff1d(np.arange(1, count + 1), np.unique(holes[rim]))
    return bool(len(whole) and areas[whole].max() >= 6)


def is_light(gray: np.ndarray) -> bool:
    """Whether the ground is light and the strokes dark.

    Two votes: on which side of the middle between the darkest and the lightest nearby the
    picture's border lies, and whether its thinnest details are dark or light. In small pictures,
    which strokes may fill, the border is the better witness.
    """
    rough, _ = blocks(gray)
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
    """Means over square blocks, at most COARSE on the long side, and their side in pixels."""
    step = max(1, min(-(-max(gray.shape) // COARSE), min(gray.shape)))
    height, width = (length // step for length in gray.shape)
    cut = gray[: height * step, : width * step]
    return cut.reshape(height, step, width, step).mean((1, 3)), step


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
    rough, step = blocks(gray)
    found = np.cumsum(detail(rough, dark=True))
    if not len(found) or found[-1] == 0:
        return float(SIZES[0] * step)
    return float(SIZES[int(np.argmax(found >= 0.88 * found[-1]))] * step)


def darkness(gray: np.ndarray, flat: float | None = None) -> tuple[np.ndarray, float]:
    """How much darker than the paper around it each pixel is, as a share of the paper's
    brightness, and how uneven the light was (its spread over its mean). `flat` is the brightness of
    a ground that is the same everywhere.

    The paper is found as a closing: wider than any stroke can be, and once the strokes' width is
    known, just wide enough to bridge them, which follows the edge of a shadow.
    """
    if flat is not None:
        return np.clip((flat - gray) / max(flat, 1.0), 0, 1), 0.0
    gray = np.maximum(gray, 1.0)
    size = max(3, int(0.6 * min(gray.shape)))
    if min(gray.shape) >= 100:
        reach = stroke_reach(gray)
        gray = ndimage.gaussian_filter(gray, float(np.clip(0.1 * reach, 0.7, 3)))
        size = int(np.clip(1.3 * reach + 5, 9, size))
    depth, paper = _below(gray, size)
    return depth, float(np.percentile(paper, 95) / np.percentile(paper, 5) - 1)


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
