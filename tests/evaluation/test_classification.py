"""Numbers from predictions, checked by hand on small cases."""

import numpy as np
import pytest

from core.evaluation import classification

LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBS = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.6, 0.3, 0.1],
        [0.1, 0.8, 0.1],
        [0.2, 0.5, 0.3],
        [0.1, 0.2, 0.7],
        [0.3, 0.3, 0.4],
    ],
    np.float32,
)
PREDICTED = PROBS.argmax(1)


def test_accuracy_is_the_share_of_right_predictions():
    assert classification.accuracy(LABELS, PROBS) == pytest.approx(4 / 6)


def test_cross_entropy_is_the_mean_negative_log_probability_of_the_true_class():
    by_hand = -np.mean(np.log([0.7, 0.6, 0.1, 0.5, 0.2, 0.4]))
    assert classification.cross_entropy(LABELS, PROBS) == pytest.approx(by_hand, rel=1e-6)


def test_confusion_has_true_classes_as_rows_and_keeps_absent_ones():
    counts = classification.confusion(LABELS, PREDICTED, 4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_per_class_numbers_follow_their_definitions():
    rows = classification.per_class(LABELS, PREDICTED, ("a", "b", "c", "never"))
    assert rows[0] == {
        "class": "a",
        "precision": 1.0,
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(0.8),
        "support": 3,
    }
    assert rows[1]["precision"] == pytest.approx(1 / 2)
    assert rows[2]["recall"] == 1.0
    assert rows[3] == {"class": "never", "precision": 0, "recall": 0, "f1": 0, "support": 0}


def test_most_confused_ignores_the_diagonal_and_zeros():
    counts = np.array([[50, 2, 0], [7, 40, 1], [0, 0, 9]])
    assert classification.most_confused(counts) == [(1, 0, 7), (0, 1, 2), (1, 2, 1)]
    assert classification.most_confused(counts, limit=1) == [(1, 0, 7)]
    assert classification.most_confused(np.eye(3, dtype=int)) == []


@pytest.mark.parametrize("classes", [4, 6])
def test_the_matrix_is_sklearns(classes):
    from sklearn.metrics import confusion_matrix

    rng = np.random.RandomState(classes)
    labels, predicted = rng.randint(0, 4, (2, 300))
    found = classification.confusion(labels, predicted, classes)
    assert np.array_equal(found, confusion_matrix(labels, predicted, labels=range(classes)))
    assert found.dtype == np.int64


def test_a_hundred_classes_do_not_overflow_the_small_numbers_they_are_stored_in():
    labels = np.array([99, 99, 0], np.uint8)
    found = classification.confusion(labels, np.array([98, 99, 99], np.uint8), 100)
    assert (found[99, 98], found[99, 99], found[0, 99], found.sum()) == (1, 1, 1, 3)
