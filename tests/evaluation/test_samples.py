"""Finding the images to look at."""

import math

import numpy as np
import pytest

from core.evaluation.samples import ORDERS, arrange, find

LABELS = np.array([0, 1, 2, 0, 1])
PROBS = np.eye(3)[[0, 2, 2, 1, 1]]  # said 0, 2, 2, 1, 1


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
    assert find(LABELS, PROBS, **filters).tolist() == expected


def test_an_unknown_verdict_lists_the_known_ones():
    with pytest.raises(ValueError, match="choose one of All, Wrong, Right"):
        find(LABELS, PROBS, outcome="Maybe")


SURE = np.array([[0.9, 0.06, 0.04], [0.5, 0.47, 0.03], [0.4, 0.35, 0.25], [0.98, 0.01, 0.01]])
TRUTH = np.array([0, 1, 0, 2])


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
    assert find(TRUTH, SURE, confidence=ends).tolist() == expected


def test_the_range_is_not_rounded_to_what_is_stored():
    """float16 has 0.97998 for 0.98, which is less."""
    stored = SURE.astype(np.float16)
    stored[3, 0] = 0.98
    assert find(TRUTH, stored, confidence=(0.98, 1.0)).tolist() == []
    assert find(TRUTH, stored, confidence=(0.97, 1.0)).tolist() == [3]


def by_hand(order: str, index: int, learned: list[int]) -> float:
    """What an order sorts by, smallest first."""
    first, second = sorted(SURE[index].tolist(), reverse=True)[:2]
    return {
        "Index": index,
        "Highest loss": math.log(SURE[index][TRUTH[index]]),
        "Least sure": first,
        "Surest": -first,
        "Smallest margin": first - second,
        "Learned last": -learned[index],
    }[order]


@pytest.mark.parametrize("order", ORDERS)
def test_orders_agree_with_a_sort_by_hand(order):
    learned = [1, 4, 2, 5]
    for indices in ([0, 1, 2, 3], [1, 3], [2], []):
        expected = sorted(indices, key=lambda index: by_hand(order, index, learned))
        found = arrange(np.array(indices, int), order, TRUTH, SURE, np.array(learned))
        assert found.tolist() == expected


@pytest.mark.parametrize("order", ORDERS)
def test_ties_stay_in_the_order_of_the_test_set(order):
    same = np.tile([0.5, 0.25, 0.25], (5, 1)).astype(np.float16)
    labels, learned = np.zeros(5, int), np.ones(5, int)
    found = arrange(np.array([0, 2, 3, 4]), order, labels, same, learned)
    assert found.tolist() == [0, 2, 3, 4]


def test_two_classes_have_a_margin_too():
    probs = np.array([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8]])
    found = arrange(np.arange(3), "Smallest margin", np.zeros(3, int), probs)
    assert found.tolist() == [1, 2, 0]


@pytest.mark.parametrize("order", ["Learned last", "Prettiest"])
def test_an_order_that_cannot_be_lists_those_that_can(order):
    with pytest.raises(ValueError, match="is not one of Index, Highest loss"):
        arrange(np.arange(4), order, TRUTH, SURE)
