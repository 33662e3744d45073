"""Intervals and calibration against formulas written out by hand."""

import math

import numpy as np
import pytest

from core.evaluation import uncertainty


@pytest.mark.parametrize(("right", "count"), [(9668, 10_000), (358, 360), (0, 10), (10, 10)])
def test_wilson_interval_solves_the_score_equation(right, count):
    low, high = uncertainty.wilson_interval(right, count)
    share, z = right / count, 1.959963984540054
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    half /= 1 + z * z / count
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-9)
    assert low <= share <= high


@pytest.mark.parametrize(("right", "count"), [(1, 0), (5, 4), (-1, 4)])
def test_a_share_that_cannot_be_is_refused(right, count):
    with pytest.raises(ValueError, match="is not a share"):
        uncertainty.wilson_interval(right, count)


def test_calibration_bins_hold_their_counts_means_and_accuracies():
    probs = np.array([[0.55, 0.45], [0.58, 0.42], [0.05, 0.95], [0.9, 0.1]])
    labels = np.array([0, 1, 1, 1])
    rows = uncertainty.calibration(labels, probs, bins=10)
    assert [(round(row["low"], 1), row["count"]) for row in rows] == [(0.5, 2), (0.8, 1), (0.9, 1)]
    assert rows[0]["confidence"] == pytest.approx(0.565)
    assert rows[0]["accuracy"] == 0.5
    assert sum(row["count"] for row in rows) == 4
    error = uncertainty.expected_calibration_error(rows)
    assert error == pytest.approx((2 * 0.065 + 0.9 + 0.05) / 4)


def test_a_certain_and_right_network_is_perfectly_calibrated():
    rows = uncertainty.calibration(np.array([0, 1]), np.eye(2))
    assert len(rows) == 1
    assert uncertainty.expected_calibration_error(rows) == 0


def random_predictions(count: int, classes: int = 5, seed: int = 0, sharpness: float = 2.0):
    """Labels (N,) and probs float64 (N, classes) drawn from softened logits: right now and then."""
    rng = np.random.RandomState(seed)
    logits = rng.normal(size=(count, classes)) * sharpness
    powers = np.exp(logits)
    labels = np.where(rng.rand(count) < 0.6, logits.argmax(1), rng.randint(0, classes, count))
    return labels, powers / powers.sum(1, keepdims=True)


SHARES = [(9668, 10_000), (358, 360), (0, 10), (10, 10)]
TABLES = [(21, 63), (63, 21), (0, 1), (5, 5), (0, 12), (700, 900)]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("right", "count"), SHARES)
def test_wilson_interval_agrees_with_scipy(right, count, confidence):
    from scipy.stats import binomtest

    theirs = binomtest(right, count).proportion_ci(confidence, method="wilson")
    found = uncertainty.wilson_interval(right, count, confidence)
    assert found == pytest.approx(tuple(theirs), abs=1e-12)


@pytest.mark.parametrize(("only_a", "only_b"), TABLES)
def test_mcnemar_agrees_with_scipy(only_a, only_b):
    from scipy.stats import binomtest

    theirs = binomtest(only_a, only_a + only_b).pvalue
    assert uncertainty.mcnemar(only_a, only_b) == pytest.approx(theirs, rel=1e-9)


def test_both_agree_with_statsmodels():
    why = "pip install -r requirements-dev.txt"
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason=why)
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason=why)
    for right, count in SHARES:
        for confidence in (0.9, 0.95, 0.99):
            theirs = proportion.proportion_confint(right, count, 1 - confidence, "wilson")
            found = uncertainty.wilson_interval(right, count, confidence)
            assert found == pytest.approx(theirs, abs=1e-12)
    for only_a, only_b in TABLES:
        theirs = tables.mcnemar([[50, only_a], [only_b, 7]], exact=True).pvalue
        assert uncertainty.mcnemar(only_a, only_b) == pytest.approx(theirs, rel=1e-9)


def test_two_that_read_the_same_images_right_do_not_differ():
    assert uncertainty.mcnemar(0, 0) == 1


def test_mcnemar_by_hand():
    """One against five: 2 * (1 + 6) of the 64 ways that six coins can fall."""
    assert uncertainty.mcnemar(1, 5) == pytest.approx(2 * 7 / 64)


def test_the_paired_difference_by_hand():
    """With half an image more in each cell: 10.5 and 20.5 of 102."""
    low, high = uncertainty.paired_difference(10, 20, 100)
    middle = 10 / 102
    half = 1.959963984540054 * math.sqrt(31 - 100 / 102) / 102
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert uncertainty.paired_difference(20, 10, 100) == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    ("only_a", "only_b", "count"), [(21, 63, 2000), (150, 150, 2000), (5, 40, 1000)]
)
def test_the_paired_difference_agrees_with_a_paired_bootstrap(only_a, only_b, count):
    rng = np.random.default_rng(5)
    shares = [only_a / count, only_b / count, 1 - (only_a + only_b) / count]
    drawn = rng.multinomial(count, shares, size=20_000)
    differences = (drawn[:, 1] - drawn[:, 0]) / count
    found = uncertainty.paired_difference(only_a, only_b, count)
    width = found[1] - found[0]
    assert found == pytest.approx(tuple(np.percentile(differences, [2.5, 97.5])), abs=0.06 * width)


def test_the_paired_difference_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    truth = [0.04, 0.06, 0.9]
    drawn = rng.multinomial(300, truth, size=2000)
    ends = [uncertainty.paired_difference(a, b, 300) for a, b, _ in drawn]
    covered = np.mean([low <= 0.02 <= high for low, high in ends])
    assert 0.93 < covered < 0.98


@pytest.mark.parametrize(("only_a", "only_b", "count"), [(3, 3, 5), (-1, 2, 5), (1, -1, 5)])
def test_a_paired_table_that_cannot_be_is_refused(only_a, only_b, count):
    with pytest.raises(ValueError, match="not a paired table"):
        uncertainty.paired_difference(only_a, only_b, count)


def test_intervals_stay_within_what_can_be():
    assert uncertainty.paired_difference(0, 1, 1)[1] == 1
    assert uncertainty.paired_difference(1, 0, 1)[0] == -1
    low, high = uncertainty.paired_difference(0, 0, 50)
    assert low == pytest.approx(-high)
    assert 0 < high < 0.05


def negative_log_likelihood(labels: np.ndarray, probs: np.ndarray) -> float:
    return float(-np.log(probs[np.arange(len(labels)), labels]).mean())


@pytest.mark.parametrize("sharpness", [0.5, 2.0, 3.0])
def test_the_temperature_is_the_best_of_a_grid(sharpness):
    labels, probs = random_predictions(400, sharpness=sharpness)
    found = uncertainty.temperature(labels, probs)
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
    found = uncertainty.temperature(labels, probs)
    beta = theirs.calibrated_classifiers_[0].calibrators[0].beta_
    assert found == pytest.approx(1 / beta, rel=1e-3)
    assert uncertainty.tempered(probs, found) == pytest.approx(
        theirs.predict_proba(probs), abs=1e-3
    )


def test_a_network_that_is_too_sure_has_a_temperature_above_one():
    labels, probs = random_predictions(400)
    once = uncertainty.temperature(labels, probs)
    sharper = uncertainty.tempered(probs, 0.5)
    assert uncertainty.temperature(labels, sharper) == pytest.approx(2 * once, rel=1e-3)
    mended = uncertainty.tempered(sharper, 2 * once)
    assert uncertainty.temperature(labels, mended) == pytest.approx(1, rel=1e-3)


def test_temperature_changes_no_answer_and_one_changes_nothing():
    _, probs = random_predictions(200)
    assert uncertainty.tempered(probs, 1) == pytest.approx(probs)
    for value in (0.1, 0.7, 5.0):
        scaled = uncertainty.tempered(probs, value)
        assert scaled.sum(1) == pytest.approx(np.ones(200))
        assert np.array_equal(scaled.argmax(1), probs.argmax(1))


def test_the_temperature_bears_probabilities_of_nothing_and_of_one():
    probs = np.array([[1, 0], [1, 0], [1, 0], [1, 0]], np.float16)
    found = uncertainty.temperature(np.array([0, 0, 0, 1]), probs)
    assert uncertainty.tempered(probs, found)[0] == pytest.approx([0.75, 0.25], abs=1e-3)


def test_a_temperature_of_no_images_is_refused():
    with pytest.raises(ValueError, match="no images were held out"):
        uncertainty.temperature(np.array([], int), np.empty((0, 3)))


def test_no_temperature_is_fitted_where_nothing_is_wrong():
    probs = np.array([[0.9, 0.1], [0.3, 0.7]])
    with pytest.raises(ValueError, match="all 2 held-out images are classified correctly"):
        uncertainty.temperature(np.array([0, 1]), probs)


@pytest.mark.parametrize("kind", [np.float16, np.float64])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9, 0.98, 0.999, 1.0])
def test_selective_answers_agree_with_a_loop(kind, threshold):
    labels, probs = random_predictions(500, sharpness=4)
    probs = probs.astype(kind)
    answered = right = 0
    for label, row in zip(labels, probs.tolist(), strict=True):
        if max(row) >= threshold:
            answered += 1
            right += row.index(max(row)) == label
    assert uncertainty.selective(labels, probs, threshold) == (answered, right)


@pytest.mark.parametrize("points", [7, 200, 10_000])
def test_the_coverage_curve_agrees_with_a_sorted_list(points):
    labels, probs = random_predictions(300)
    ranked = sorted(zip(-probs.max(1), probs.argmax(1) == labels, strict=True), key=lambda p: p[0])
    coverage, accuracy, threshold = uncertainty.coverage_curve(labels, probs, points)
    assert len(coverage) == min(points, 300)
    assert coverage[0] == 1 / 300
    assert coverage[-1] == 1
    for share, found, least in zip(coverage, accuracy, threshold, strict=True):
        rank = round(share * 300)
        assert found == pytest.approx(np.mean([right for _, right in ranked[:rank]]))
        assert least == -ranked[rank - 1][0]
        assert uncertainty.selective(labels, probs, least) == (rank, round(found * rank))


def test_the_coverage_curve_ends_at_the_accuracy_of_all():
    labels, probs = random_predictions(50)
    _, accuracy, _ = uncertainty.coverage_curve(labels, probs)
    assert accuracy[-1] == pytest.approx((probs.argmax(1) == labels).mean())
    assert [len(part) for part in uncertainty.coverage_curve(labels[:1], probs[:1])] == [1, 1, 1]


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
    bins = uncertainty.calibration(labels, probs)
    assert uncertainty.expected_calibration_error(bins) == pytest.approx(total / 400, abs=1e-12)


def test_the_spread_over_seeds_is_the_sample_standard_deviation():
    import statistics as standard

    accuracies = [0.97, 0.975, 0.968]
    found = uncertainty.spread(accuracies)
    assert found == pytest.approx((standard.mean(accuracies), standard.stdev(accuracies)))
    with pytest.raises(ValueError, match="at least two seeds"):
        uncertainty.spread([0.9])
