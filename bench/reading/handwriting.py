"""What every step of the reading path gains on handwriting that MNIST does not hold.

Run: python -m bench.reading.handwriting RUN [--pictures 60] [--strings 24] [--variants 2000].
Pictures are made (bench.reading.scenes, bench.reading.pens) from MNIST's held-out digits, which no
shipped run was trained on, and from strokes of our own; scikit-learn's 1,797 digits are real
writing from elsewhere. Tables: pictures by step, changed digits against clean ones, strings, and
with --fonts FOLDER the digits and strings of handwriting fonts (bench.reading.typefaces).
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from unittest import mock

import numpy as np
from PIL import Image
from scipy import ndimage

from bench.reading import pens, scenes
from bench.reading.hands import FONT_STRINGS, PICTURES, STRINGS, Fonts, Writers
from core.data import datasets, digits
from core.reading import components, framing, preprocessing, reader, ruled_lines
from core.reading.picture import EmptyDrawing

SHAPE = (1, 28, 28)


def squashed(gray: np.ndarray) -> np.ndarray:
    """What most demonstrations do: 28x28, light strokes on black, nothing else."""
    small = np.asarray(Image.fromarray(gray).convert("L").resize((28, 28)))
    return 255 - small if np.median(small) > 127 else small


def cropped(gray: np.ndarray) -> np.ndarray:
    """One threshold for the whole picture, crop and centre."""
    values = np.asarray(Image.fromarray(gray).convert("L"), np.float32)
    rim = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    depth = np.clip(np.median(rim) - values, 0, None)
    if np.median(rim) < 127:
        depth = np.clip(values - np.median(rim), 0, None)
    depth /= max(float(depth.max()), 1.0)
    (top, left), (tall, wide) = framing.box(depth > 0.4)
    crop = (255 * depth[top : top + tall, left : left + wide]).astype(np.uint8)
    return framing.centre(crop, (28, 28))


def steps(gray: np.ndarray) -> np.ndarray:
    """Images uint8 (6, 28, 28) after each step."""
    found = [squashed(gray), cropped(gray)]
    everything = mock.patch.object(components, "main_components", lambda mask, _: mask)
    no_rules = mock.patch.object(ruled_lines, "without_lines", lambda mask: (mask, 0))
    any_pen = mock.patch.object(framing, "THIN", 0.0)
    for off in ((everything, no_rules, any_pen), (no_rules, any_pen), (any_pen,), ()):
        with contextlib.ExitStack() as stack:
            for patch in off:
                stack.enter_context(patch)
            try:
                (made,) = preprocessing.prepare(Image.fromarray(gray), SHAPE, drawn=True).image
            except EmptyDrawing:
                made = np.zeros((28, 28), np.uint8)
        found.append(made)
    return np.stack(found)


def picture_table(known: reader.Reader, writers: Writers, count: int) -> None:
    names = ("squashed", "cropped", "+light", "+parts", "+rules", "+pen")
    print(f"{'right of ' + str(count):<18}" + "".join(f"{name:>10}" for name in names))
    totals = np.zeros(len(names))
    for name, make in PICTURES.items():
        right = np.zeros(len(names))
        for _ in range(count):
            tall = writers.rng.randint(60, 110 if name == "far away" else 220)
            drawn, label = writers.digit(tall)
            right += known.score(steps(make(drawn, writers.rng))[:, None]).argmax(1) == label
        totals += right
        print(f"{name:<18}" + "".join(f"{100 * r / count:>9.1f}%" for r in right), flush=True)
    print(f"{'all':<18}" + "".join(f"{100 * r / count / len(PICTURES):>9.1f}%" for r in totals))


def changed(image: np.ndarray, index: int) -> dict[str, np.ndarray]:
    """A clean 28x28 digit, written otherwise."""
    drawn = scenes.enlarge(image, 120)

    def sheet(ink_: np.ndarray, side: int, where: float = 0.5) -> np.ndarray:
        side = max(side, *(length + 20 for length in ink_.shape))
        top, left = (int(where * (side - length)) for length in ink_.shape)
        page = np.zeros((side, side), np.float32)
        page[top : top + ink_.shape[0], left : left + ink_.shape[1]] = ink_
        return (255 * (1 - page)).astype(np.uint8)

    small, large = scenes.sized(drawn, 18), np.kron(drawn, np.ones((7, 7)))
    corner = (0.02, 0.98)[index % 2]
    return {
        "clean": image,
        "+15 degrees": sheet(scenes.turned(drawn, 15), 260),
        "-15 degrees": sheet(scenes.turned(drawn, -15), 260),
        "tiny": sheet(small, 300),
        "huge": sheet(large, max(large.shape) + 40),
        "off-centre": sheet(drawn, 420, corner),
        "inverted": 255 - image,
        "thin": sheet(scenes.thicker(np.pad(drawn, 20), -0.4), 260),
        "thick": sheet(scenes.thicker(np.pad(drawn, 20), 0.3), 260),
    }


def variant_table(known: reader.Reader, writers: Writers, count: int) -> None:
    right: dict[str, int] = {}
    for index in range(count):
        for name, gray in changed(writers.images[index], index).items():
            answer = known.read(Image.fromarray(gray))
            right[name] = right.get(name, 0) + (answer.label == str(writers.labels[index]))
    print(f"\n{count} held-out digits{'right':>12}{'lost':>9}")
    for name, number in right.items():
        lost = 100 * (right["clean"] - number) / count
        print(f"{name:<22}{100 * number / count:>8.1f} %{lost:>6.1f} pt")


def foreign_table(known: reader.Reader) -> None:
    """scikit-learn's digits, 8x8 and enlarged, every third."""
    train, train_labels, test, test_labels = digits.digits()
    images = np.concatenate([train, test])[::3].reshape(-1, 28, 28)[:, 4:24, 4:24]
    labels = np.concatenate([train_labels, test_labels])[::3]
    print(f"\n{len(labels)} digits of other writers (scikit-learn)")
    for side in (8, 20, 64):
        right = 0
        for image, label in zip(images, labels, strict=True):
            sized = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
            right += known.read(sized).label == str(label)
        print(f"{side}x{side} pixels{100 * right / len(labels):>18.1f} %", flush=True)


def font_table(known: reader.Reader, fonts: Fonts) -> None:
    """Every digit of every font, by the kind of picture."""
    print(f"\n10 digits of {len(fonts.paths)} fonts")
    for kind in ("tablet", "photo", "scan"):
        right = []
        for gray, label in fonts.digits(PICTURES[kind]):
            try:
                right.append(known.read(Image.fromarray(gray)).label == str(label))
            except EmptyDrawing:
                right.append(False)
        print(f"{kind:<18}{100 * np.mean(right):>8.1f} %", flush=True)


def string_table(known: reader.Reader, writers: Writers | Fonts, kinds, count: int) -> None:
    print(f"\n{count} strings each{'digits':>12}{'whole':>10}{'seconds':>10}")
    for kind in kinds:
        wrong, total, whole, start = 0, 0, 0, time.perf_counter()
        for _ in range(count):
            gray, text = writers.string(kind)
            try:
                got = known.read_number(Image.fromarray(gray)).text
            except EmptyDrawing:
                got = ""
            wrong += edits(got, text)
            total += len(text)
            whole += got == text
        each = (time.perf_counter() - start) / count
        shares = f"{100 * (1 - wrong / total):>8.1f} %{100 * whole / count:>8.1f} %"
        print(f"{kind:<18}{shares}{each:>9.2f}", flush=True)


def edits(got: str, text: str) -> int:
    """Insertions, deletions and replacements from one to the other (Levenshtein)."""
    row = list(range(len(text) + 1))
    for i, one in enumerate(got, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(text, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


def speed(known: reader.Reader) -> None:
    canvas = np.full((300, 300), 255, np.uint8)
    thick = ndimage.zoom(pens.digit(4, np.random.RandomState(0), 180), 1.0) > 0.5
    canvas[40 : 40 + thick.shape[0], 90 : 90 + thick.shape[1]][thick] = 27
    image, taken = Image.fromarray(canvas), []
    for _ in range(20):
        start = time.perf_counter()
        known.read(image)
        taken.append(1000 * (time.perf_counter() - start))
    print(f"\none canvas drawing of 300x300: median {np.median(taken):.1f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--pictures", type=int, default=60, help="of each kind")
    parser.add_argument("--strings", type=int, default=24, help="of each kind")
    parser.add_argument("--variants", type=int, default=2000, help="digits written otherwise")
    parser.add_argument("--fonts", metavar="FOLDER", help="of handwriting fonts: other hands")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    try:
        known, mnist = reader.open_run(options.run), datasets.load("mnist")
        fonts = Fonts(options.fonts, options.seed) if options.fonts else None
    except (LookupError, ValueError, OSError, datasets.DatasetError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 1
    _, held = mnist.holdout()
    images, labels = held.images[:2500, 0].numpy(), held.labels[:2500].numpy()
    writers = Writers(images, labels, options.seed)
    if options.pictures:
        picture_table(known, writers, options.pictures)
    if options.variants:
        variant_table(known, writers, options.variants)
    if options.strings:
        string_table(known, writers, STRINGS, options.strings)
    foreign_table(known)
    if fonts:
        font_table(known, fonts)
        string_table(known, fonts, FONT_STRINGS, options.strings)
    speed(known)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
