"""Reliability, its test and the temperature, against loops, simulations and scikit-learn."""

import numpy as np
import pytest

from core.evaluation import calibration
from core.evaluation.uncertainty import ALPHA
from tests.helpers.synthetic import random_predictions


def bins_of(labels: np.ndarray, probs: np.ndarray, count: int = 15) -> list[dict[str, float]]:
    return calibration.reliability_bins(probs.argmax(1) == labels, probs.max(1), count)


def test_calibration_bins_hold_their_counts_means_and_accuracies():
    probs = np.array([[0.55, 0.45], [0.58, 0.42], [0.05, 0.95], [0.9, 0.1]])
    labels = np.array([0, 1, 1, 1])
    rows = bins_of(labels, probs, 10)
    assert [(round(row["low"], 1), row["count"]) for row in rows] == [(0.5, 2), (0.8, 1), (0.9, 1)]
    assert rows[0]["confidence"] == pytest.approx(0.565)
    assert rows[0]["accuracy"] == 0.5
    assert sum(row["count"] for row in rows) == 4
    error = calibration.expected_calibration_error(rows)
    assert error == pytest.approx((2 * 0.065 + 0.9 + 0.05) / 4)


def test_a_certain_and_right_network_is_perfectly_calibrated():
    rows = bins_of(np.array([0, 1]), np.eye(2))
    assert len(rows) == 1
    assert calibration.expected_calibration_error(rows) == 0


def negative_log_likelihood(labels: np.ndarray, probs: np.ndarray) -> float:
    return float(-np.log(probs[np.arange(len(labels)), labels]).mean())


@pytest.mark.parametrize("sharpness", [0.5, 2.0, 3.0])
def test_the_temperature_is_the_best_of_a_grid(sharpness):
    labels, probs = random_predictions(400, sharpness=sharpness)
    found = calibration.temperature(labels, probs).value
    grid = np.exp(np.linspace(-3, 3, 3001))
    losses = []
    for candidate in grid:
        powers = probs ** (1 / candidate)
        scaled = powers / powers.sum(1, keepdims=True)
        losses.append(negative_log_likelihood(labels, scaled))
    assert found == pytest.approx(grid[np.argmin(losses)], rel=0.003)


@pytest.mark.parametrize("sharpness", [0.5, 2.0, 3.0])
def test_the_temperature_agrees_with_scikit_learn(sharpness):
    """Through its public door: a classifier that already is fitted gives the probabilities."""
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    class Given(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(5)

        def __sklearn_is_fitted__(self):
            return True

        def fit(self, images, labels):
            return self

        def predict(self, images):
            return images.argmax(1)

        def predict_proba(self, images):
            return images

    labels, probs = random_predictions(300, sharpness=sharpness)
    theirs = CalibratedClassifierCV(FrozenEstimator(Given()), method="temperature", cv=2)
    theirs.fit(probs, labels)
    found = calibration.temperature(labels, probs).value
    beta = theirs.calibrated_classifiers_[0].calibrators[0].beta_
    assert found == pytest.approx(1 / beta, rel=1e-3)
    assert calibration.tempered(probs, found) == pytest.approx(
        theirs.predict_proba(probs), abs=1e-3
    )


def test_a_network_that_is_too_sure_has_a_temperature_above_one():
    labels, probs = random_predictions(400)
    once = calibration.temperature(labels, probs).value
    sharper = calibration.tempered(probs, 0.5)
    assert calibration.temperature(labels, sharper).value == pytest.approx(2 * once, rel=1e-3)
    mended = calibration.tempered(sharper, 2 * once)
    assert calibration.temperature(labels, mended).value == pytest.approx(1, rel=1e-3)


def test_temperature_changes_no_answer_and_one_changes_nothing():
    _, probs = random_predictions(200)
    assert calibration.tempered(probs, 1) == pytest.approx(probs)
    for value in (0.1, 0.7, 5.0):
        scaled = calibration.tempered(probs, value)
        assert scaled.sum(1) == pytest.approx(np.ones(200))
        assert np.array_equal(scaled.argmax(1), probs.argmax(1))


def test_the_temperature_bears_probabilities_of_nothing_and_of_one():
    probs = np.array([[1, 0], [1, 0], [1, 0], [1, 0]], np.float16)
    found = calibration.temperature(np.array([0, 0, 0, 1]), probs).value
    assert calibration.tempered(probs, found)[0] == pytest.approx([0.75, 0.25], abs=1e-3)


def test_a_temperature_of_no_images_is_refused():
    with pytest.raises(ValueError, match="no images were held out"):
        calibration.temperature(np.array([], int), np.empty((0, 3)))


def test_no_temperature_is_fitted_where_nothing_is_wrong():
    probs = np.array([[0.9, 0.1], [0.3, 0.7]])
    with pytest.raises(ValueError, match="all 2 held-out images are classified correctly"):
        calibration.temperature(np.array([0, 1]), probs)


def test_the_calibration_error_agrees_with_one_written_as_a_loop():
    labels, probs = random_predictions(400)
    total = 0.0
    for index in range(15):
        low, high = index / 15, (index + 1) / 15
        inside = [
            (float(max(row)), int(row.argmax()) == label)
            for row, label in zip(probs, labels, strict=True)
            if low < max(row) <= high
        ]
        if inside:
            confidences, rights = zip(*inside, strict=True)
            total += abs(sum(rights) - sum(confidences))
    bins = bins_of(labels, probs)
    assert calibration.expected_calibration_error(bins) == pytest.approx(total / 400, abs=1e-12)


def simulated(count: int, seed: int, factor: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(right, confidence) of a network that is right as often as its confidence; its logits times
    `factor`.
    """
    rng = np.random.default_rng(seed)
    logits = np.abs(rng.normal(5, 3, count))
    right = rng.random(count) < 1 / (1 + np.exp(-logits))
    return right, 1 / (1 + np.exp(-factor * logits))


@pytest.mark.parametrize("count", [120, 1000, 10_000])
def test_a_calibrated_network_is_accused_as_often_as_the_test_says(count):
    """One test over all bins; the largest gap of 15 bins accused 52 to 90 of 100."""
    found = []
    for seed in range(200):
        right, sure = simulated(count, seed)
        error = calibration.expected_calibration_error(calibration.reliability_bins(right, sure))
        found.append(calibration.p_value(error, calibration.errors_by_chance(sure, seed=seed)))
    assert np.mean(np.array(found) < 0.05) < 0.09
    assert np.mean(np.array(found) < ALPHA) < 0.03


def test_a_network_that_is_too_sure_is_found():
    right, sure = simulated(10_000, 0, factor=1.5)
    error = calibration.expected_calibration_error(calibration.reliability_bins(right, sure))
    assert calibration.p_value(error, calibration.errors_by_chance(sure)) < ALPHA


def test_errors_by_chance_agree_with_a_plain_simulation():
    _, sure = simulated(500, 1)
    rng, plain = np.random.default_rng(2), []
    for _ in range(2000):
        right = rng.random(len(sure)) < sure
        plain.append(
            calibration.expected_calibration_error(calibration.reliability_bins(right, sure))
        )
    found = calibration.errors_by_chance(sure)
    assert np.median(found) == pytest.approx(np.median(plain), rel=0.1)
    assert np.quantile(found, 0.95) == pytest.approx(np.quantile(plain, 0.95), rel=0.1)


def test_the_bars_of_a_calibrated_network_all_hold_its_confidence_in_95_of_100_cases():
    missed = 0
    for seed in range(300):
        bins = calibration.reliability_bins(*simulated(1000, seed))
        missed += any(
            not row["accuracy_low"] <= row["confidence"] <= row["accuracy_high"] for row in bins
        )
    assert missed <= 25


def test_a_bar_is_clopper_and_pearsons():
    from scipy.stats import binomtest

    right, sure = np.array([True] * 8 + [False] * 2), np.full(10, 0.9)
    (row,) = calibration.reliability_bins(right, sure)
    theirs = binomtest(8, 10).proportion_ci(0.95, method="exact")
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(tuple(theirs))


def test_the_interval_of_a_temperature_holds_the_true_one_in_95_of_100_cases():
    missed = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        logits = rng.normal(0, 2, (300, 5))
        probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        labels = (probs.cumsum(1) < rng.random((300, 1))).sum(1)
        low, high = calibration.temperature(labels, calibration.tempered(probs, 0.5)).interval
        missed += not low <= 2 <= high
    assert missed <= 15


def test_a_temperature_helps_only_beyond_chance_and_where_it_was_not_fitted():
    found = calibration.Temperature(1.2, (1.1, 1.3), before=0.02, after=0.01, count=100)
    assert found.helps
    for interval, after in (((0.9, 1.3), 0.01), ((1.1, 1.3), 0.03)):
        assert not calibration.Temperature(1.2, interval, 0.02, after, 100).helps


def test_the_error_after_is_of_images_that_the_temperature_was_not_fitted_on():
    """Each half scaled by what the other half says."""
    labels, probs = random_predictions(400)
    found = calibration.temperature(labels, probs)
    scaled = np.empty(400)
    for first in (0, 1):
        here, there = slice(first, None, 2), slice(1 - first, None, 2)
        value = calibration.temperature(labels[there], probs[there]).value
        scaled[here] = calibration.tempered(probs[here], value).max(1)
    bins = calibration.reliability_bins(probs.argmax(1) == labels, scaled)
    assert found.after == pytest.approx(calibration.expected_calibration_error(bins), abs=1e-3)
