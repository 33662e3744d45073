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
RIGHT = learning_dynamics.right_by_epoch(LABELS, CLASSES)
ROWS = [[int(c) == int(label) for c, label in zip(row, LABELS, strict=True)] for row in CLASSES]


def test_right_by_epoch_agrees_with_a_loop():
    assert RIGHT.tolist() == ROWS


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
    assert learning_dynamics.learned(RIGHT, epoch).tolist() == learned
    assert learning_dynamics.forgotten(RIGHT, epoch).tolist() == forgotten
    if epoch > 1:
        change = len(learned) - len(forgotten)
        assert sum(ROWS[epoch - 1]) - sum(ROWS[epoch - 2]) == change


def test_never_and_times_forgotten_agree_with_a_loop():
    columns = [*zip(*ROWS, strict=True)]
    never = [image for image, column in enumerate(columns) if not any(column)]
    times = [sum(a and not b for a, b in pairwise(column)) for column in columns]
    assert 0 in never
    assert learning_dynamics.never(RIGHT).tolist() == never
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


def test_images_of_an_event_are_those_of_its_function():
    for event, expected in (
        ("Learned", learning_dynamics.learned(RIGHT, 3)),
        ("Forgotten", learning_dynamics.forgotten(RIGHT, 3)),
        ("Wrong now", [image for image in range(60) if not ROWS[2][image]]),
        ("Never learned", learning_dynamics.never(RIGHT)),
    ):
        assert learning_dynamics.images_of(RIGHT, event, 3).tolist() == list(expected)


def test_flip_flopping_images_come_most_often_forgotten_first():
    times = learning_dynamics.times_forgotten(RIGHT)
    expected = sorted((i for i in range(60) if times[i] >= 2), key=lambda i: (-times[i], i))
    assert len(expected) > 5
    assert learning_dynamics.images_of(RIGHT, "Forgotten more than once", 1).tolist() == expected


def test_an_unknown_event_lists_the_known_ones():
    with pytest.raises(ValueError, match="choose one of Learned, Forgotten"):
        learning_dynamics.images_of(RIGHT, "Guessed", 1)


def test_a_single_epoch_has_learned_what_it_reads_and_forgotten_nothing():
    right = np.array([[True, False]])
    assert learning_dynamics.learned(right, 1).tolist() == [0]
    assert learning_dynamics.forgotten(right, 1).tolist() == []
    assert learning_dynamics.times_forgotten(right).tolist() == [0, 0]
    assert learning_dynamics.learned_for_good(right).tolist() == [1, 2]
