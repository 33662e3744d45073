"""Fits what `core.reading.digit_strings` needs to know of joints: ASPECT and WEIGHTS, printed as
Python.

Run: python -m bench.reading.cut_points RUN [--strings 1500]. Strings are made from the second half
of MNIST's held-out digits (bench.reading.handwriting measures on the first) and from pens of our
own. The weights make the ways through a string that part its digits likely among all ways through
it: a conditional random field, its gain the logarithm of that share.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from PIL import Image
from scipy import ndimage

from bench.reading import pens, scenes
from core.data import datasets
from core.reading import digit_strings, framing, preprocessing, reader

ALIKE = 0.75  # overlap over union from which a candidate's ink is that of one digit
DECAY = 2e-5  # of the squares of the weights


def aspects(images: np.ndarray, labels: np.ndarray) -> list[tuple[float, float]]:
    """Mean and spread of width over height for each class."""
    sizes = [framing.box(image > 50)[1] for image in images]
    ratio = np.array([wide / tall for tall, wide in sizes])
    found = [ratio[labels == label] for label in range(10)]
    return [(round(float(r.mean()), 2), round(float(r.std()), 2)) for r in found]


def line(images, labels, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """A string as a gray picture (H, W), the ink of each of its digits (N, H, W), and their labels.

    Digits overlap, stand close or apart; some lines lean as a whole, some are written in pencil.
    """
    height, chosen = rng.randint(50, 110), []
    own = rng.choice([0.0, 0.4, 1.0], p=[0.4, 0.4, 0.2])
    narrow = rng.uniform(0.6, 1) if rng.rand() < 0.25 else 1.0
    for _ in range(rng.randint(1, 8)):
        tall = int(height * rng.uniform(0.85, 1.1))
        if rng.rand() < own:
            label = rng.randint(10)
            chosen.append((pens.digit(label, rng, tall), label))
        else:
            index = rng.randint(len(images))
            chosen.append((scenes.enlarge(images[index], tall, rng), int(labels[index])))
    gaps = ((-0.14, 0.05), (0.02, 0.12), (0.1, 0.45))[rng.choice(3, p=[0.45, 0.3, 0.25])]
    layers = beside([squeezed(digit, narrow) for digit, _ in chosen], gaps, rng)
    if rng.rand() < 0.4:
        layers = leaning(layers, rng.uniform(-0.15, 0.5))
    sheet = layers.max(0) * rng.uniform(0.5, 1)
    if rng.rand() < 0.25:
        grain = ndimage.gaussian_filter(rng.normal(0, 1, sheet.shape), 1.2)
        sheet *= np.clip(rng.uniform(0.3, 0.6) + 0.5 * grain, 0.12, 1)
    if rng.rand() < 0.6:
        sheet = ndimage.gaussian_filter(sheet, rng.uniform(0.3, 1.5))
    gray = 255 * (1 - sheet) + rng.normal(0, rng.uniform(0, 8), sheet.shape)
    return np.clip(gray, 0, 255).astype(np.uint8), layers > 0.5, [label for _, label in chosen]


def beside(digits: list[np.ndarray], gaps: tuple[float, float], rng) -> np.ndarray:
    """Digits on one line, each on its own sheet (N, H, W), `gaps` shares of the height apart."""
    height = max(digit.shape[0] for digit in digits)
    lefts, x = [], int(0.5 * height)
    for digit in digits:
        lefts.append(x)
        x += digit.shape[1] + int(rng.uniform(*gaps) * height)
    layers = np.zeros((len(digits), 2 * height, x + height), np.float32)
    for layer, digit, left in zip(layers, digits, lefts, strict=True):
        top = int(0.5 * height + (height - digit.shape[0]) * rng.uniform(0.3, 1))
        layer[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return layers


def squeezed(digit: np.ndarray, share: float) -> np.ndarray:
    """A digit (H, W) brought to that share of its width."""
    return ndimage.zoom(digit, (1, share), order=1) if share < 1 and digit.shape[1] > 20 else digit


def leaning(layers: np.ndarray, lean: float) -> np.ndarray:
    """All sheets sheared alike, by `lean` pixels to the right a pixel up."""
    rows = layers.shape[1]
    room = int(abs(lean) * rows / 2) + 1
    wide = np.pad(layers, ((0, 0), (0, 0), (room, room)))
    matrix = np.array([[1.0, 0.0], [lean, 1.0]])
    offset = [0.0, -lean * rows / 2]
    return np.stack([ndimage.affine_transform(sheet, matrix, offset, order=1) for sheet in wide])


def alike(found: list[digit_strings.Candidate], layers: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The share of each candidate's ink and a digit's that both have, for the digit that fits
    best, (K,).
    """
    layers = np.stack([ndimage.binary_dilation(sheet, iterations=2) & mask for sheet in layers])
    areas = np.maximum(layers.sum((1, 2)), 1)
    best = []
    for candidate in found:
        rows, columns = candidate.place
        both = (layers[:, rows, columns] & candidate.mask).sum((1, 2))
        best.append(float((both / (areas + candidate.mask.sum() - both)).max()))
    return np.array(best)


class Ways:
    """All ways through strings, from joint to joint: `rows` (K, F) the evidence of the candidates,
    `at` three int (K,), their string, first and last joint, `right` bool (K,), whether they are
    one digit, `ends` int (strings,), the last joint of each.
    """

    def __init__(self, strings: list[tuple[list[digit_strings.Candidate], np.ndarray]]):
        flat = [
            (n, c.first, c.last, c.evidence) for n, (found, _) in enumerate(strings) for c in found
        ]
        self.at = tuple(np.array([row[axis] for row in flat]) for axis in range(3))
        self.rows = np.stack([row[3] for row in flat])
        self.right = np.concatenate([overlap > ALIKE for _, overlap in strings])
        self.ends = np.array([max(c.last for c in found) for found, _ in strings])

    def total(self, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The logarithm of the sum over all ways through each string (strings,), and how likely
        each candidate is to be on one (K,).
        """
        strings, first, last = self.at
        count, joints = len(self.ends), int(self.ends.max()) + 1
        gain = np.full((count, joints, joints), -np.inf)
        gain[strings, first, last] = gains
        ahead, behind = np.full((2, count, joints), -np.inf)
        ahead[:, 0] = behind[np.arange(count), self.ends] = 0.0
        for joint in range(1, joints):
            ahead[:, joint] = logsumexp(ahead + gain[:, :, joint])
        for joint in range(joints - 2, -1, -1):
            more = logsumexp(behind + gain[:, joint])
            behind[:, joint] = np.logaddexp(behind[:, joint], more)
        whole = ahead[np.arange(count), self.ends]
        part = ahead[strings, first] + gains + behind[strings, last]
        return whole, np.exp(part - np.maximum(whole, -1e9)[strings])


def logsumexp(values: np.ndarray) -> np.ndarray:
    """Of the last axis; -inf where there is nothing else."""
    top = np.maximum(values.max(-1, keepdims=True), -1e9)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(values - top).sum(-1)) + top[..., 0]


def fit(ways: Ways) -> np.ndarray:
    """The weights under which the right ways through the strings are likeliest."""
    from scipy.optimize import minimize

    count, size = len(ways.ends), ways.rows.shape[1]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        gains = ways.rows @ weights
        whole, likely = ways.total(gains)
        right, wanted = ways.total(np.where(ways.right, gains, -np.inf))
        slope = (likely - wanted) @ ways.rows / count + 2 * DECAY * weights
        return float((whole - right).mean() + DECAY * weights @ weights), slope

    return minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B").x


def parted(gray: np.ndarray, layers: np.ndarray, score):
    """The candidates of a string and how alike they are to its digits; None when its ink lies in
    several lines, or no way parts its digits.
    """
    page = preprocessing.clean(Image.fromarray(gray), digit_strings.SIDE)
    lines = digit_strings.candidates(page, (28, 28), score)
    if len(lines) != 1:
        return None
    overlap = alike(lines[0], layers, page.mask)
    ways = Ways([(lines[0], overlap)])
    possible, _ = ways.total(np.where(ways.right, 0.0, -np.inf))
    return (lines[0], overlap) if np.isfinite(possible[0]) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--strings", type=int, default=1200)
    options = parser.parse_args()
    try:
        known, mnist = reader.open_run(options.run), datasets.load("mnist")
    except (LookupError, ValueError, datasets.DatasetError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 1
    fitted, held = mnist.holdout()
    found = aspects(fitted.images[:10_000, 0].numpy(), fitted.labels[:10_000].numpy())
    print("ASPECT =", tuple(found))
    digit_strings.ASPECT = tuple(found)
    images, labels = held.images[2500:, 0].numpy(), held.labels[2500:].numpy()
    rng = np.random.RandomState(0)
    made = [line(images, labels, rng) for _ in range(options.strings)]
    parts = [parted(gray, layers, lambda b: known.score(b[:, None])) for gray, layers, _ in made]
    ways = Ways([part for part in parts if part is not None])
    weights = fit(ways)
    print("WEIGHTS = np.array(", [round(float(w), 2) for w in weights], ")")
    _, likely = ways.total(ways.rows @ weights)
    print(f"{len(ways.ends)} strings that can be parted, {len(ways.rows)} candidates, of which")
    told = ((likely > 0.5) == ways.right).mean()
    print(f"{ways.right.mean():.2f} are digits and {told:.3f} told right")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
