"""Two runs on the same images, against the counts of a plain loop."""

import numpy as np
import pytest

from core.evaluation import paired_tests

LABELS = np.array([0, 0, 1, 1, 2, 2])
RIGHT_A = np.array([1, 1, 1, 0, 0, 0], bool)
RIGHT_B = np.array([1, 0, 1, 1, 1, 0], bool)


def answers(labels: np.ndarray, right: np.ndarray, classes: int = 3) -> np.ndarray:
    """Predicted classes (N,) that are right where asked."""
    return np.where(right, labels, (labels + 1) % classes)


def test_every_image_stands_in_the_one_quadrant_it_belongs_to():
    found = paired_tests.compare(LABELS, answers(LABELS, RIGHT_A), answers(LABELS, RIGHT_B))
    expected = {
        "Both right": [0, 2],
        "Only A right": [1],
        "Only B right": [3, 4],
        "Both wrong": [5],
    }
    assert {name: indices.tolist() for name, indices in found.members.items()} == expected
    assert tuple(found.members) == paired_tests.QUADRANTS
    assert (found.gained, found.lost, found.count) == (2, 1, 6)
    assert (found.accuracy_a, found.accuracy_b) == (3 / 6, 4 / 6)
    assert found.difference == pytest.approx(1 / 6)


def test_its_numbers_agree_with_scipy_and_a_loop():
    from scipy.stats import binomtest, chi2

    rng = np.random.RandomState(2)
    labels, right_a, right_b = rng.randint(0, 3, 500), rng.rand(500) < 0.8, rng.rand(500) < 0.9
    found = paired_tests.compare(labels, answers(labels, right_a), answers(labels, right_b))
    pairs = [*zip(right_a.tolist(), right_b.tolist(), strict=True)]
    lost, gained = pairs.count((True, False)), pairs.count((False, True))
    assert (found.lost, found.gained) == (lost, gained)
    assert found.p_value == pytest.approx(chi2.sf((lost - gained) ** 2 / (lost + gained), 1))
    for right, interval in ((right_a, found.interval_a), (right_b, found.interval_b)):
        theirs = binomtest(int(right.sum()), 500).proportion_ci(method="wilson")
        assert interval == pytest.approx(tuple(theirs))
    low, high = found.difference_interval
    assert low < found.difference < high


def test_turning_the_two_round_turns_the_difference_round():
    a, b = answers(LABELS, RIGHT_A), answers(LABELS, RIGHT_B)
    there, back = paired_tests.compare(LABELS, a, b), paired_tests.compare(LABELS, b, a)
    assert back.difference == -there.difference
    assert back.difference_interval == pytest.approx(
        tuple(-e for e in there.difference_interval[::-1])
    )
    assert back.p_value == there.p_value


def with_counts(lost: int, gained: int) -> paired_tests.Comparison:
    right_a = np.array([True] * lost + [False] * gained)
    labels = np.zeros(lost + gained, int)
    return paired_tests.compare(labels, answers(labels, right_a), answers(labels, ~right_a))


def test_the_better_one_is_named_when_chance_seldom_does_that():
    found = with_counts(21, 63)
    assert found.verdict("the first", "the second") == "the second is better"
    assert found.reason("the first", "the second") == (
        "the second gains 63 and loses 21 of 84 images against the first; a difference this large "
        "comes up by chance less than once in 100,000 times."
    )
    assert with_counts(63, 21).verdict("exp: v2", "B") == "exp: v2 is better"


def test_no_difference_is_told_where_none_can_be():
    assert with_counts(5, 7).verdict() == "No difference can be told"
    assert "B gains 7 and loses 5" in with_counts(5, 7).reason()
    same = paired_tests.compare(LABELS, *[answers(LABELS, RIGHT_A)] * 2)
    assert same.verdict() == "A and B read the same images right"
    assert same.p_value == 1


def test_the_verdict_and_the_interval_say_the_same():
    """2 of 9 come up in 10 of 100 tries, 1 of 8 in 3 of 100."""
    for lost, gained, told in ((2, 7, False), (1, 7, True)):
        found = with_counts(lost, gained)
        assert (found.p_value < paired_tests.CHANCE) is told
        assert (found.difference_interval[0] > 0) is told
        assert found.verdict().startswith("B is better" if told else "No difference")


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (1.0, "in 100 of 100 tries"),
        (0.344, "in 34 of 100 tries"),
        (0.01, "in 1 of 100 tries"),
        (0.0099, "less than once in 100 times"),
        (0.0009, "less than once in 1,000 times"),
        (0.00009, "less than once in 10,000 times"),
        (0.000009, "less than once in 100,000 times"),
        (1e-300, "less than once in 1,000,000 times"),
        (0.0, "less than once in 1,000,000 times"),
    ],
)
def test_a_p_value_is_said_as_a_share_of_tries(p_value, words):
    assert paired_tests.frequency(p_value) == words


@pytest.mark.parametrize(("a", "b"), [(5, 6), (6, 5)])
def test_runs_over_other_numbers_of_images_do_not_compare(a, b):
    with pytest.raises(ValueError, match="different numbers of images"):
        paired_tests.compare(LABELS, np.zeros(a), np.zeros(b))


def test_only_the_settings_that_differ_are_named():
    a = {"recipe": "x", "seed": 0, "sizes": {"hidden": [32]}, "config": {"lr": 0.1, "epochs": 2}}
    b = {"recipe": "x", "seed": 1, "sizes": {"hidden": [64]}, "config": {"lr": 0.1, "rotation": 5}}
    assert paired_tests.settings_that_differ(a, b) == {
        "seed": (0, 1),
        "hidden": ([32], [64]),
        "epochs": (2, 5),  # a setting that was not stored has its default
        "rotation": (0.0, 5),
    }
    assert paired_tests.settings_that_differ(a, a) == {}
    assert paired_tests.settings_that_differ({}, {}) == {}


def test_the_difference_of_matrices_is_b_minus_a_of_sklearns():
    from sklearn.metrics import confusion_matrix

    rng = np.random.RandomState(0)
    labels, a, b = rng.randint(0, 4, (3, 200))
    counts = [confusion_matrix(labels, predicted) for predicted in (a, b)]
    found = paired_tests.confusion_difference(*(each.tolist() for each in counts))
    assert np.array_equal(found, counts[1] - counts[0])
    assert found.sum() == 0
    with pytest.raises(ValueError, match="matrices of 4 and 2 classes"):
        paired_tests.confusion_difference(counts[0], np.eye(2))
