"""What training further with a few drawings gains on new ones of the same hand, and what it costs
on the run's own validation images, for several settings; the test set has no part in it.

Run: python -m bench.training.fine_tuning --run RUN --hand digits --drawings 60. The hand is another
data set of the same classes: some of its training images are the drawings, the others are the new
ones.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

from core.analysis import scoring
from core.data import datasets, sources
from core.jobs import experiment, fine_tuning
from core.runs import store
from core.training.loop import train
from core.training.recipes import from_description

SETTINGS = (  # (share of the epochs, of the learning rate, of the training images)
    (0.1, 0.3, 0.05),
    (0.25, 0.1, 0.05),
    (0.25, 0.3, 0.05),
    (0.25, 1.0, 0.05),
    (0.5, 0.3, 0.05),
    (0.25, 0.3, 0.01),
    (0.25, 0.3, 0.2),
)
NEW = 5000  # at most, images of the hand that are read afterwards


def drawn(hand: datasets.Dataset, count: int, seed: int) -> tuple[tuple, tuple]:
    """(drawings, new ones), each images uint8 (N, C, H, W) and labels (N,)."""
    order = np.random.default_rng(seed).permutation(len(hand.train))
    images, labels = hand.train.images.numpy(), hand.train.labels.numpy()
    parts = order[:count], order[count : count + NEW]
    return tuple((images[part], labels[part]) for part in parts)


def measure(run: store.Run, dataset, drawings, new, setting, seed: int) -> tuple[float, float, int]:
    """(accuracy on new drawings, on validation, in percent, repeats of a drawing)."""
    epochs, rate, share = setting
    config = from_description(run.info)[1]
    config = config.replace(epochs=max(1, round(epochs * config.epochs)), lr=rate * config.lr)
    plain = experiment.split(dataset, config)
    count = len(drawings[1])
    times = max(1, min(fine_tuning.MAX_REPEATS, round(share * len(plain.fit) / count)))
    begin = fine_tuning.FineTuning({}, {"repeats": times}, run.folder, drawings, new)
    model = scoring.load_model(run)
    empty = plain.shown.take(torch.arange(1))  # what an epoch is shown costs time and tells nothing
    parts = fine_tuning.joined(
        type(plain)(plain.fit, plain.validation, empty, plain.mean, plain.std), begin.tensors()
    )
    train(model, parts, config, seed=seed)
    return *scores(model, plain, new), times


def scores(model, parts, new) -> tuple[float, float]:
    held = (parts.validation.images.numpy(), parts.validation.labels.numpy())
    return tuple(
        100 * scoring.count_right(model, part, parts.mean, parts.std) / len(part[1])
        for part in (new, held)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="an id from `python -m core runs`")
    parser.add_argument("--hand", required=True, choices=sources.DATASETS)
    parser.add_argument("--drawings", type=int, default=60)
    parser.add_argument("--draws", type=int, default=3, help="of the drawings, by seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = store.load(options.run)
    dataset, hand = datasets.load(run.info["dataset"]), datasets.load(options.hand)
    if tuple(run.info["classes"]) != hand.classes or dataset.shape != hand.shape:
        parser.error(f"--hand: {options.hand} has other classes or sizes than {run.id}")
    print(f"{run.id}, {options.drawings} drawings by {options.hand}, mean of {options.draws} draws")
    print(
        f"{'epochs':>8}{'rate':>6}{'share':>7}{'repeats':>9}{'new drawings':>14}{'validation':>12}"
    )
    draws = [drawn(hand, options.drawings, seed) for seed in range(options.draws)]
    parts = experiment.split(dataset, from_description(run.info)[1])
    before = np.mean([scores(scoring.load_model(run), parts, new) for _, new in draws], 0)
    print(f"{'before':>30}{before[0]:>14.2f}{before[1]:>12.2f}")
    for setting in SETTINGS:
        rows = [measure(run, dataset, *pair, setting, seed) for seed, pair in enumerate(draws)]
        found = np.mean(rows, 0)
        print(
            "{:>8}{:>6}{:>7}".format(*setting)
            + f"{found[2]:>9.0f}{found[0]:>14.2f}{found[1]:>12.2f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
