"""What a recipe's augmentation gains on handwriting, and what it costs or gains on the test set.

Run: python -m bench.reading.augmentation [RECIPE] [--threads 2] [--fonts FOLDER], which trains the
recipe twice, once without any of its augmentation, into a folder of its own (minutes); or with
--runs WITH WITHOUT, which measures two finished runs. One table.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile

import numpy as np
from PIL import Image

from bench.reading import pens, scenes
from bench.reading.hands import PICTURES, Fonts, Writers
from bench.reading.handwriting import changed
from core.data import datasets, digits
from core.evaluation.uncertainty import mcnemar
from core.jobs import experiment
from core.jobs.job import Job
from core.reading import reader
from core.reading.picture import EmptyDrawing
from core.training import recipes
from core.training.settings import AUGMENTATION

EACH = 40  # pictures of each kind


def read(known: reader.Reader, picture: np.ndarray) -> str:
    try:
        return known.read(Image.fromarray(picture)).label
    except EmptyDrawing:
        return ""


def measured(known: reader.Reader, images, labels, fonts: str | None) -> dict[str, np.ndarray]:
    """Name -> which were read rightly, bool (N,); the same pictures for every run."""
    found: dict[str, list[bool]] = {}

    def count(name: str, picture: np.ndarray, label: int) -> None:
        found.setdefault(name, []).append(read(known, picture) == str(label))

    for index, (image, label) in enumerate(zip(images[:500], labels[:500], strict=True)):
        for name, picture in changed(image, index).items():
            group = "500 held-out digits, clean" if name == "clean" else "the same, changed 8 ways"
            count(group, picture, label)
    writers = Writers(images, labels, seed=1)
    for kind, make in PICTURES.items():
        for _ in range(EACH):
            drawn, label = writers.digit(writers.rng.randint(60, 110 if "far" in kind else 200))
            count(f"{len(PICTURES)} kinds of pictures", make(drawn, writers.rng), label)
    rng = np.random.RandomState(2)
    for _ in range(60):
        for label in range(10):
            drawn = scenes.tablet(pens.digit(label, rng, 120), rng)
            count("our own pens on a tablet", drawn, label)
    train, train_labels, test, test_labels = digits.digits()
    small = np.concatenate([train, test])[::3].reshape(-1, 28, 28)[:, 4:24, 4:24]
    for image, label in zip(small, np.concatenate([train_labels, test_labels])[::3], strict=True):
        large = Image.fromarray(image).resize((64, 64), Image.Resampling.BICUBIC)
        count("scikit-learn's digits, 64x64", np.asarray(large), label)
    for kind in ("tablet", "photo", "scan") if fonts else ():
        for picture, label in Fonts(fonts, seed=3).digits(PICTURES[kind]):
            count("digits of handwriting fonts", picture, label)
    return {name: np.array(right) for name, right in found.items()}


def of_test_set(known: reader.Reader) -> np.ndarray:
    """Which of the test images a run reads rightly, bool (N,)."""
    stored = known.run.predictions()
    return stored["probs"].argmax(1) == stored["labels"]


def trained(recipe: recipes.Recipe, threads: int | None) -> list[str]:
    """The ids of two runs, with and without augmentation."""
    none = recipe.config.replace(
        **{name: type(getattr(recipe.config, name))(0) for name in AUGMENTATION}
    )
    return [
        experiment.run(Job(recipe, config, threads=threads)).id for config in (recipe.config, none)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", default="mnist-house")
    parser.add_argument("--runs", nargs=2, metavar=("WITH", "WITHOUT"))
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--fonts", metavar="FOLDER", help="of handwriting fonts: other hands")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            _, held = datasets.load("mnist").holdout()
            if not options.runs:
                os.environ["LIGHTBOX_ARTIFACTS"] = folder
            ids = options.runs or trained(recipes.get(options.recipe), options.threads)
            known = [reader.open_run(run_id) for run_id in ids]
        except (LookupError, ValueError, datasets.DatasetError) as error:
            print(f"cannot measure: {error}", file=sys.stderr)
            return 1
        images, labels = held.images[:2500, 0].numpy(), held.labels[:2500].numpy()
        rows = [
            {"test set": of_test_set(one)} | measured(one, images, labels, options.fonts)
            for one in known
        ]
    print(f"one seed of each\n{'read rightly':<30}{'n':>8}{'with':>10}{'without':>10}{'p':>10}")
    for name, right in rows[0].items():
        other = rows[1][name]
        p = mcnemar(int((right & ~other).sum()), int((other & ~right).sum()))
        print(f"{name:<30}{len(right):>8,}{right.mean():>10.2%}{other.mean():>10.2%}{p:>10.2g}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
