"""Finding the images to look at."""

import math

import numpy as np
import pytest

from core.evaluation.samples import ORDERS, arrange, find, orders

# said 0, 2, 2, 1, 1
SAID = {"labels": np.array([0, 1, 2, 0, 1]), "probs": np.eye(3)[[0, 2, 2, 1, 1]]}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"outcome": "Wrong"}, [1, 3]),
        ({"outcome": "Right"}, [0, 2, 4]),
        ({"true": 1}, [1, 4]),
        ({"predicted": 2}, [1, 2]),
        ({"outcome": "Wrong", "true": 0, "predicted": 1}, [3]),
        ({"outcome": "Right", "true": 0, "predicted": 1}, []),
    ],
)
def test_filters_add_up(filters, expected):
    assert find(SAID, **filters).tolist() == expected


def test_an_unknown_verdict_lists_the_known_ones():
    with pytest.raises(ValueError, match="choose one of All, Wrong, Right"):
        find(SAID, outcome="Maybe")


SURE = np.array([[0.9, 0.06, 0.04], [0.5, 0.47, 0.03], [0.4, 0.35, 0.25], [0.98, 0.01, 0.01]])
TRUTH = np.array([0, 1, 0, 2])
EPOCHS = np.array([[0, 0, 1, 2], [0, 0, 0, 2], [0, 0, 0, 0], [0, 1, 0, 0]])  # (epochs, images)
RUN = {"labels": TRUTH, "probs": SURE, "epoch_classes": EPOCHS.astype(np.uint8)}


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((0.0, 1.0), [0, 1, 2, 3]),
        ((0.5, 0.9), [0, 1]),
        ((0.91, 1.0), [3]),
        ((0.0, 0.4), [2]),
        ((0.6, 0.6), []),
    ],
)
def test_a_range_of_confidence_includes_both_ends(ends, expected):
    assert find(RUN, confidence=ends).tolist() == expected


def test_the_range_is_not_rounded_to_what_is_stored():
    """float16 has 0.97998 for 0.98, which is less."""
    stored = RUN | {"probs": SURE.astype(np.float16)}
    assert stored["probs"][3, 0] == np.float16(0.98)
    assert find(stored, confidence=(0.98, 1.0)).tolist() == []
    assert find(stored, confidence=(0.97, 1.0)).tolist() == [3]


def test_the_range_asks_the_log_odds():
    stored = RUN | {"log_odds": np.array([2, 0, 5, 4], np.float32)}
    ends = (1 / (1 + math.exp(-2)) - 1e-6, 1 / (1 + math.exp(-4)) + 1e-6)
    assert find(stored, confidence=ends).tolist() == [0, 3]


def by_hand(order: str, index: int) -> tuple[float, ...]:
    """What an order sorts by, smallest first."""
    first, second = sorted(SURE[index].tolist(), reverse=True)[:2]
    return {
        "Index": (index,),
        "Highest loss": (math.log(SURE[index][TRUTH[index]]),),
        "Least sure": (first,),
        "Surest": (-first,),
        "Smallest margin": (first - second,),
        "Learned last": (-[1, 4, 2, 5][index],),
    }[order]


@pytest.mark.parametrize("order", ORDERS)
def test_orders_agree_with_a_sort_by_hand(order):
    for indices in ([0, 1, 2, 3], [1, 3], [2], []):
        expected = sorted(indices, key=lambda index: by_hand(order, index))
        assert arrange(np.array(indices, int), order, RUN, 4).tolist() == expected


@pytest.mark.parametrize("order", ORDERS)
def test_ties_stay_in_the_order_of_the_test_set(order):
    same = np.tile([0.5, 0.25, 0.25], (5, 1)).astype(np.float16)
    epochs = np.zeros((1, 5), np.uint8)
    stored = {"labels": np.zeros(5, int), "probs": same, "epoch_classes": epochs}
    assert arrange(np.array([0, 2, 3, 4]), order, stored, 1).tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("Surest", [4, 2, 0, 1, 3]),
        ("Least sure", [3, 1, 0, 2, 4]),
        ("Highest loss", [4, 2, 3, 1, 0]),  # mistakes by how sure they are, then the right ones
        ("Smallest margin", [3, 1, 0, 2, 4]),
    ],
)
def test_log_odds_tell_apart_confidences_that_round_to_one(order, expected):
    stored = {
        "labels": np.array([0, 0, 1, 0, 2]),  # the third and the last are mistakes
        "probs": np.eye(3, dtype=np.float16)[[0] * 5],
        "log_odds": np.array([20, 18, 30, 17, 40], np.float32),
    }
    assert arrange(np.arange(5), order, stored).tolist() == expected


def test_what_the_kept_weights_read_right_was_learned():
    """The last epoch lost the first image; the one before was kept."""
    epochs = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]], np.uint8)
    stored = {"labels": np.zeros(3, int), "probs": np.eye(2)[[0, 0, 1]], "epoch_classes": epochs}
    assert arrange(np.arange(3), "Learned last", stored, 3).tolist() == [2, 0, 1]
    assert arrange(np.arange(3), "Learned last", stored, 4).tolist() == [0, 2, 1]


def test_two_classes_have_a_margin_too():
    probs = np.array([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8]])
    found = arrange(np.arange(3), "Smallest margin", {"labels": np.zeros(3, int), "probs": probs})
    assert found.tolist() == [1, 2, 0]


@pytest.mark.parametrize("order", ["Learned last", "Prettiest"])
@pytest.mark.parametrize("epochs", [{}, {"epoch_classes": np.empty((0, 4), np.uint8)}])
def test_an_order_that_cannot_be_lists_those_that_can(order, epochs):
    with pytest.raises(ValueError, match=r"is not one of Index, Highest loss.* margin$"):
        arrange(np.arange(4), order, {"labels": TRUTH, "probs": SURE} | epochs)
    assert orders(RUN) == list(ORDERS)
