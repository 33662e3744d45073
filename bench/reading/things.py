"""What cropping gains for pictures of things: Fashion-MNIST's held-out images laid on plain grounds
of other sizes, places, brightness and light.

Run: python -m bench.reading.things RUN [--images 300]
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from PIL import Image

from core.data import datasets
from core.reading import foreground, reader
from core.reading.picture import EmptyDrawing

# name -> (brightness of the ground, how far its light falls off, noise of 255)
GROUNDS = {
    "white": (255, 0.0, 0),
    "light gray": (225, 0.0, 0),
    "gray, uneven light": (215, 0.3, 3),
    "black": (0, 0.0, 0),
    "dark gray, uneven": (40, 0.3, 3),
}


def laid(image: np.ndarray, ground: int, fall: float, noise: float, rng) -> np.ndarray:
    """A uint8 (28, 28) image, light on black, as a larger picture on that ground, uint8."""
    side = 28 * rng.randint(5, 12)
    thing = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) / 255
    height, width = (int(side * rng.uniform(1.2, 2.5)) for _ in range(2))
    top, left = rng.randint(0, height - side + 1), rng.randint(0, width - side + 1)
    share = np.zeros((height, width))
    share[top : top + side, left : left + side] = thing
    ys, xs = np.mgrid[:height, :width]
    angle = rng.uniform(0, 2 * np.pi)
    slope = (xs / width - 0.5) * np.cos(angle) + (ys / height - 0.5) * np.sin(angle)
    light = ground * (1 + fall * slope)
    page = light * (1 - share) if ground > 127 else light + (255 - light) * share
    return np.clip(page + rng.normal(0, noise or 1e-9, page.shape), 0, 255).astype(np.uint8)


def right(known: reader.Reader, picture: np.ndarray, label: str) -> tuple[bool, bool]:
    """Whether it is read rightly when cropped to its subject, and when fitted whole."""
    image, shape = Image.fromarray(picture), tuple(known.run.info["shape"])
    try:
        cropped = known.read(image).label == label
    except EmptyDrawing:
        cropped = False
    whole = known.score(foreground.whole(image, shape).image[None]).argmax()
    return cropped, known.run.info["classes"][whole] == label


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--images", type=int, default=300)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    try:
        known, fashion = reader.open_run(options.run), datasets.load("fashion-mnist")
    except (LookupError, ValueError, datasets.DatasetError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 1
    _, held = fashion.holdout()
    images = held.images[: options.images, 0].numpy()
    labels = [fashion.classes[label] for label in held.labels[: options.images]]
    plain = np.mean(
        [known.read(Image.fromarray(i)).label == n for i, n in zip(images, labels, strict=True)]
    )
    print(f"{len(images)} held-out images as they are: {100 * plain:.1f} %\n")
    print(f"{'on a ground':<22}{'cropped':>10}{'fitted whole':>15}")
    for name, ground in GROUNDS.items():
        rng = np.random.RandomState(0)
        pairs = zip(images, labels, strict=True)
        found = np.array([right(known, laid(i, *ground, rng), n) for i, n in pairs])
        print("{:<22}{:>8.1f} %{:>13.1f} %".format(name, *(100 * found.mean(0))), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
