"""Intervals and calibration against formulas written out by hand."""

import math

import numpy as np
import pytest

from core.evaluation import uncertainty
from tests.helpers.synthetic import random_predictions


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


SHARES = [(9668, 10_000), (358, 360), (0, 10), (10, 10)]
TABLES = [(21, 63), (63, 21), (0, 1), (5, 5), (0, 12), (700, 900)]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("right", "count"), SHARES)
def test_wilson_interval_agrees_with_scipy(right, count, confidence):
    from scipy.stats import binomtest

    theirs = binomtest(right, count).proportion_ci(confidence, method="wilson")
    found = uncertainty.wilson_interval(right, count, confidence)
    assert found == pytest.approx(tuple(theirs), abs=1e-12)


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
        theirs = tables.mcnemar([[50, only_a], [only_b, 7]], exact=False, correction=False).pvalue
        assert uncertainty.mcnemar(only_a, only_b) == pytest.approx(theirs, rel=1e-9)


def test_mcnemar_by_hand():
    """Nine against one: 8 / sqrt(10) standard errors."""
    assert uncertainty.mcnemar(1, 9) == pytest.approx(math.erfc(8 / math.sqrt(10) / math.sqrt(2)))


@pytest.mark.parametrize(("only_a", "only_b", "count"), [(12, 1, 44), (5, 9, 56), (21, 63, 2000)])
def test_the_ends_of_the_paired_interval_are_those_of_a_searched_likelihood(only_a, only_b, count):
    """The score at both ends, with the likeliest shares found on a grid."""
    lost = np.linspace(1e-6, 0.5, 400_001)
    for end, sign in zip(
        uncertainty.paired_difference(only_a, only_b, count), (1, -1), strict=True
    ):
        gained, rest = lost + end, 1 - 2 * lost - end
        possible = (gained > 0) & (rest > 0)
        likelihood = np.full(len(lost), -np.inf)
        likelihood[possible] = (
            only_b * np.log(gained[possible])
            + only_a * np.log(lost[possible])
            + (count - only_a - only_b) * np.log(rest[possible])
        )
        likeliest = lost[likelihood.argmax()]
        spread = math.sqrt((2 * likeliest + end - end**2) / count)
        score = ((only_b - only_a) / count - end) / spread
        assert score == pytest.approx(sign * 1.959963984540054, abs=1e-3)


def test_interval_and_test_never_contradict_each_other():
    """Every table of up to 40 images that just one reads right."""
    for only_a in range(41):
        for only_b in range(41 - only_a):
            low, high = uncertainty.paired_difference(only_a, only_b, 200)
            told = uncertainty.mcnemar(only_a, only_b) < 0.05
            assert told == (not low <= 0 <= high), (only_a, only_b)


def test_chance_alone_is_called_a_difference_in_5_of_100_cases():
    rng = np.random.default_rng(0)
    for share in (0.002, 0.01, 0.05):
        tables = rng.multinomial(1000, [share, share, 1 - 2 * share], size=4000)
        told = np.mean([uncertainty.mcnemar(a, b) < 0.05 for a, b, _ in tables])
        assert told < 0.06, share


@pytest.mark.parametrize(("share", "count"), [(0.97, 10_000), (0.995, 2000), (0.9, 500)])
def test_a_second_test_set_falls_into_the_prediction_interval(share, count):
    """And not into Wilson's, which is about something else: there it falls in 83 of 100 cases."""
    rng = np.random.default_rng(4)
    first, second = rng.binomial(count, share, (2, 3000))
    for make, low, high in (
        (uncertainty.prediction_interval, 0.935, 0.97),
        (uncertainty.wilson_interval, 0.80, 0.87),
    ):
        ends = [make(int(right), count) for right in first]
        pairs = zip(ends, second / count, strict=True)
        held = np.mean([a <= other <= b for (a, b), other in pairs])
        assert low < held < high, make


def test_few_other_images_are_less_sure_than_many():
    few, many = (uncertainty.prediction_interval(97, 100, others) for others in (10, 10**9))
    assert few[0] < many[0]
    assert many == pytest.approx(uncertainty.wilson_interval(97, 100), abs=1e-6)


def test_two_that_read_the_same_images_right_do_not_differ():
    assert uncertainty.mcnemar(0, 0) == 1


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
    assert 0 < high < 0.08


def test_log_odds_are_those_of_the_predicted_class_against_all_others():
    logits = np.random.RandomState(2).normal(size=(50, 4)) * 3
    for row, found in zip(logits, uncertainty.predicted_log_odds(logits), strict=True):
        probs = np.exp(row) / np.exp(row).sum()
        assert found == pytest.approx(math.log(probs.max() / (1 - probs.max())), rel=1e-5)


def test_log_odds_tell_apart_what_rounds_to_one():
    logits = np.array([[30, 0, 0], [40, 0, 0], [20, 0, 0]], np.float32)
    found = uncertainty.predicted_log_odds(logits)
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([30, 40, 20]) - math.log(2))
    assert uncertainty.predicted_log_odds(np.empty((0, 3), np.float32)).shape == (0,)


def test_stored_log_odds_are_read_and_older_runs_have_those_of_their_probabilities():
    probs = np.array([[1, 0], [0.75, 0.25], [0, 1]], np.float16)
    found = uncertainty.stored_log_odds({"probs": probs})
    assert found == pytest.approx([np.inf, math.log(3), np.inf])
    kept = np.array([20, 1, 30], np.float32)
    assert uncertainty.stored_log_odds({"probs": probs, "log_odds": kept}) is kept


def test_ties_are_told_of_an_older_run_alone():
    probs = np.array([[1, 0], [0.75, 0.25], [0, 1]], np.float16)
    assert "2 of 3 tie" in uncertainty.ties({"probs": probs})
    assert uncertainty.ties({"probs": probs[:2]}) == ""
    assert uncertainty.ties({"probs": probs, "log_odds": np.ones(3, np.float32)}) == ""


def answers(probs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return probs.argmax(1) == labels, uncertainty.stored_log_odds({"probs": probs})


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
    assert uncertainty.selective(*answers(probs, labels), threshold) == (answered, right)


@pytest.mark.parametrize("points", [7, 200, 10_000])
def test_the_coverage_curve_agrees_with_a_sorted_list(points):
    labels, probs = random_predictions(300)
    right, log_odds = answers(probs, labels)
    ranked = sorted(zip(-probs.max(1), right, strict=True), key=lambda p: p[0])
    coverage, accuracy = uncertainty.coverage_curve(right, log_odds, points)
    assert len(coverage) == min(points, 300)
    assert coverage[0] == 1 / 300
    assert coverage[-1] == 1
    for share, found in zip(coverage, accuracy, strict=True):
        rank = round(share * 300)
        assert found == pytest.approx(np.mean([right for _, right in ranked[:rank]]))


def test_the_coverage_curve_tells_apart_what_rounds_to_one():
    """Of a hundred answers whose probability is 1 in float16, the ten least sure are wrong."""
    log_odds = np.linspace(15, 40, 100).astype(np.float32)
    right = log_odds > log_odds[9]
    coverage, accuracy = uncertainty.coverage_curve(right, log_odds)
    assert (accuracy[coverage <= 0.9] == 1).all()
    assert accuracy[-1] == 0.9


def test_the_coverage_curve_ends_at_the_accuracy_of_all():
    right, log_odds = answers(*random_predictions(50)[::-1])
    assert uncertainty.coverage_curve(right, log_odds)[1][-1] == pytest.approx(right.mean())
    assert [len(part) for part in uncertainty.coverage_curve(right[:1], log_odds[:1])] == [1, 1]


def test_the_spread_over_seeds_is_the_sample_standard_deviation():
    import statistics as standard

    accuracies = [0.97, 0.975, 0.968]
    found = uncertainty.spread(accuracies)
    assert found == pytest.approx((standard.mean(accuracies), standard.stdev(accuracies)))
    with pytest.raises(ValueError, match="at least two seeds"):
        uncertainty.spread([0.9])
