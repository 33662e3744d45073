"""Fits what `core.numbers` needs to know of cuts: ASPECT and WEIGHTS, printed as Python.

Run: python -m bench.joins RUN [--strings 300]. Strings are made from the second half of MNIST's
held-out digits (bench.handwriting measures on the first) and from pens of our own; a candidate
counts as a digit when it spans the columns of one.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from bench import pens, scenes
from core import data, numbers, paper, reader, strokes


def aspects(images: np.ndarray, labels: np.ndarray) -> list[tuple[float, float]]:
    """Mean and spread of width over height for each class."""
    sizes = [strokes.box(image > 50)[1] for image in images]
    ratio = np.array([wide / tall for tall, wide in sizes])
    found = [ratio[labels == label] for label in range(10)]
    return [(round(float(r.mean()), 2), round(float(r.std()), 2)) for r in found]


def line(images, labels, rng: np.random.RandomState) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """A string as a gray picture, and the columns of its digits."""
    height = rng.randint(50, 110)
    digits = []
    for _ in range(rng.randint(1, 8)):
        tall = int(height * rng.uniform(0.85, 1.1))
        if rng.rand() < 0.4:
            digits.append(pens.digit(rng.randint(10), rng, tall))
        else:
            digits.append(scenes.enlarge(images[rng.randint(len(images))], tall, rng))
    sheet, spans = scenes.string(digits, rng, touching=rng.rand() < 0.6)
    gray = 255 * (1 - rng.uniform(0.5, 1) * sheet) + rng.normal(0, rng.uniform(0, 8), sheet.shape)
    return np.clip(gray, 0, 255).astype(np.uint8), spans


def judged(gray, spans, score) -> tuple[list[np.ndarray], list[bool]]:
    """Evidence of every candidate, and whether it is one digit."""
    from PIL import Image

    page = paper.clean(Image.fromarray(gray), numbers.SIDE)
    rows, right = [], []
    for found in numbers.candidates(page, (28, 28), score):
        rows.append(found.evidence)
        columns = found.place[1]
        error = [max(abs(columns.start - left), abs(columns.stop - end)) for left, end in spans]
        right.append(min(error) < 0.1 * found.height)
    return rows, right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--strings", type=int, default=300)
    options = parser.parse_args()
    from sklearn.linear_model import LogisticRegression

    try:
        known, mnist = reader.open_run(options.run), data.load("mnist")
    except (LookupError, ValueError, data.DatasetError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 1
    fit, held = mnist.holdout()
    found = aspects(fit.images[:10_000, 0].numpy(), fit.labels[:10_000].numpy())
    print("ASPECT =", tuple(found))
    numbers.ASPECT = tuple(found)
    images, labels = held.images[2500:, 0].numpy(), held.labels[2500:].numpy()
    rng = np.random.RandomState(0)
    rows, right = [], []
    for _ in range(options.strings):
        gray, spans = line(images, labels, rng)
        more = judged(gray, spans, lambda batch: known.score(batch[:, None]))
        rows += more[0]
        right += more[1]
    model = LogisticRegression(C=10.0, max_iter=5000, fit_intercept=False).fit(rows, right)
    share = float(model.score(rows, right))
    print("WEIGHTS = np.array(", [round(float(w), 2) for w in model.coef_[0]], ")")
    print(f"{len(rows)} candidates, {np.mean(right):.2f} of them digits, {share:.3f} told right")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
