"""What was learned when, against plain loops over epochs and images."""

from itertools import pairwise

import numpy as np
import pytest

from core.evaluation import learning_dynamics

RNG = np.random.RandomState(11)
LABELS = RNG.randint(0, 4, 60)
CLASSES = np.where(RNG.rand(9, 60) < 0.6, LABELS, RNG.randint(0, 4, (9, 60))).astype(np.uint8)
CLASSES[:, 0] = (LABELS[0] + 1) % 4  # never right
CLASSES[:, 1] = LABELS[1]  # always
RIGHT = CLASSES == LABELS
ROWS = [[int(c) == int(label) for c, label in zip(row, LABELS, strict=True)] for row in CLASSES]


@pytest.mark.parametrize("epoch", range(1, 10))
def test_learned_and_forgotten_agree_with_a_loop(epoch):
    learned, forgotten = [], []
    for image in range(60):
        now = ROWS[epoch - 1][image]
        before = ROWS[epoch - 2][image] if epoch > 1 else False
        if now and not before:
            learned.append(image)
        if before and not now:
            forgotten.append(image)
    found = learning_dynamics.events(RIGHT, epoch)
    assert found["Learned"].tolist() == learned
    assert found["Forgotten"].tolist() == forgotten
    assert found["Wrong now"].tolist() == [i for i in range(60) if not ROWS[epoch - 1][i]]
    if epoch > 1:
        change = len(learned) - len(forgotten)
        assert sum(ROWS[epoch - 1]) - sum(ROWS[epoch - 2]) == change


def test_never_and_times_forgotten_agree_with_a_loop():
    columns = [*zip(*ROWS, strict=True)]
    never = [image for image, column in enumerate(columns) if not any(column)]
    times = [sum(a and not b for a, b in pairwise(column)) for column in columns]
    assert 0 in never
    assert learning_dynamics.events(RIGHT, 5)["Never learned"].tolist() == never
    assert learning_dynamics.times_forgotten(RIGHT).tolist() == times


def test_learned_for_good_agrees_with_a_loop():
    expected = []
    for column in zip(*ROWS, strict=True):
        epoch = len(column) + 1
        while epoch > 1 and column[epoch - 2]:
            epoch -= 1
        expected.append(epoch)
    found = learning_dynamics.learned_for_good(RIGHT)
    assert found.tolist() == expected
    assert found[0] == 10
    assert found[1] == 1


def test_flip_flopping_images_come_most_often_forgotten_first():
    times = learning_dynamics.times_forgotten(RIGHT)
    expected = sorted((i for i in range(60) if times[i] >= 2), key=lambda i: (-times[i], i))
    assert len(expected) > 5
    assert learning_dynamics.events(RIGHT, 1)["Forgotten more than once"].tolist() == expected


def test_a_single_epoch_has_learned_what_it_reads_and_forgotten_nothing():
    right = np.array([[True, False]])
    found = learning_dynamics.events(right, 1)
    assert found["Learned"].tolist() == [0]
    assert found["Forgotten"].tolist() == []
    assert learning_dynamics.times_forgotten(right).tolist() == [0, 0]
    assert learning_dynamics.learned_for_good(right).tolist() == [1, 2]
    assert learning_dynamics.learned_for_good(right[:0]).tolist() == [1, 1]
