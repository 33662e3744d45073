"""Votes and suspect labels, against loops written by hand."""

import numpy as np
import pytest

from core.evaluation import label_issues


def said(*rows: tuple[int, float], classes: int = 4) -> np.ndarray:
    """Probabilities (N, C) of one run from (class, confidence) of each image."""
    probs = np.zeros((len(rows), classes), np.float16)
    for probability, (label, confidence) in zip(probs, rows, strict=True):
        probability[:] = (1 - confidence) / (classes - 1)
        probability[label] = confidence
    return probs


def test_the_vote_is_the_mean_of_the_probabilities():
    one, other = said((0, 0.9), (1, 0.6)), said((1, 0.7), (1, 1.0))
    found = label_issues.vote([one, other, other])
    assert found.dtype == np.float32
    assert found == pytest.approx((one.astype(float) + 2 * other.astype(float)) / 3, abs=1e-3)
    assert found.argmax(1).tolist() == [1, 1]
    assert np.array_equal(label_issues.vote([one]), one.astype(np.float32))


def test_most_runs_sure_of_one_other_class_make_a_label_suspect():
    labels = np.array([0, 0, 0, 0, 0, 0])
    probs = [
        said((1, 0.95), (1, 0.99), (0, 0.99), (1, 0.95), (1, 0.80), (2, 0.99)),
        said((1, 0.95), (1, 0.99), (1, 0.99), (2, 0.95), (1, 0.99), (2, 0.99)),
        said((0, 0.95), (1, 0.99), (0, 0.99), (3, 0.95), (1, 0.80), (2, 0.96)),
    ]
    found = label_issues.suspect_labels(labels, probs)
    assert found.indices.tolist() == [1, 5, 0]  # by runs that agree, then by their confidence
    assert found.predicted.tolist() == [1, 2, 1]
    assert found.runs.tolist() == [3, 3, 2]
    assert found.confidence == pytest.approx([0.99, 0.98, 0.95], abs=2e-3)
    assert len(found) == 3


def test_half_of_the_runs_are_not_most_and_one_run_agrees_with_nobody():
    labels, against, for_it = np.array([0]), said((1, 0.99)), said((0, 0.99))
    assert len(label_issues.suspect_labels(labels, [against, against, for_it, for_it])) == 0
    assert len(label_issues.suspect_labels(labels, [against])) == 0
    assert len(label_issues.suspect_labels(labels, [against, against])) == 1


def by_hand(labels, probs, confidence) -> set[tuple[int, int, int]]:
    """(image, class, runs) of every suspect, one image after the other."""
    found = set()
    for place, label in enumerate(labels):
        votes: dict[int, int] = {}
        for run in probs:
            best = int(run[place].argmax())
            if best != label and run[place].max() >= np.float32(confidence):
                votes[best] = votes.get(best, 0) + 1
        for best, count in votes.items():
            if count >= 2 and 2 * count > len(probs):
                found.add((place, best, count))
    return found


@pytest.mark.parametrize(("runs", "classes"), [(3, 2), (4, 10), (5, 100)])
def test_suspects_are_those_of_counting_by_hand(runs, classes):
    rng = np.random.RandomState(classes)
    common = rng.randint(0, classes, 400)
    labels = np.where(rng.rand(400) < 0.3, rng.randint(0, classes, 400), common)
    probs = []
    for _ in range(runs):
        own = np.where(rng.rand(400) < 0.2, rng.randint(0, classes, 400), common)
        probs.append(said(*zip(own, rng.uniform(0.6, 1, 400), strict=True), classes=classes))
    found = label_issues.suspect_labels(labels, probs, confidence=0.75)
    expected = by_hand(labels, probs, 0.75)
    assert set(zip(found.indices, found.predicted, found.runs, strict=True)) == expected
    assert len(expected) > 10


def test_what_does_not_fit_together_is_named():
    with pytest.raises(ValueError, match="no run: choose at least one"):
        label_issues.vote([])
    with pytest.raises(ValueError, match=r"different test sets: \(1, 4\), \(2, 4\)"):
        label_issues.vote([said((0, 1)), said((0, 1), (0, 1))])
    with pytest.raises(ValueError, match="2 labels, but probabilities of 1 images"):
        label_issues.suspect_labels(np.zeros(2, int), [said((0, 1))])
    with pytest.raises(ValueError, match=r"confidence: 1.5 is outside 0 to 1"):
        label_issues.suspect_labels(np.zeros(1, int), [said((0, 1))], confidence=1.5)
