"""Intervals and calibration against formulas written out by hand."""

import math

import numpy as np
import pytest

from core import statistics


@pytest.mark.parametrize(("right", "count"), [(9668, 10_000), (358, 360), (0, 10), (10, 10)])
def test_wilson_interval_solves_the_score_equation(right, count):
    low, high = statistics.wilson_interval(right, count)
    share, z = right / count, 1.959963984540054
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    half /= 1 + z * z / count
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-9)
    assert low <= share <= high


@pytest.mark.parametrize(("right", "count"), [(1, 0), (5, 4), (-1, 4)])
def test_a_share_that_cannot_be_is_refused(right, count):
    with pytest.raises(ValueError, match="is not a share"):
        statistics.wilson_interval(right, count)


def test_calibration_bins_hold_their_counts_means_and_accuracies():
    probs = np.array([[0.55, 0.45], [0.58, 0.42], [0.05, 0.95], [0.9, 0.1]])
    labels = np.array([0, 1, 1, 1])
    rows = statistics.calibration(labels, probs, bins=10)
    assert [(round(row["low"], 1), row["count"]) for row in rows] == [(0.5, 2), (0.8, 1), (0.9, 1)]
    assert rows[0]["confidence"] == pytest.approx(0.565)
    assert rows[0]["accuracy"] == 0.5
    assert sum(row["count"] for row in rows) == 4
    error = statistics.expected_calibration_error(rows)
    assert error == pytest.approx((2 * 0.065 + 0.9 + 0.05) / 4)


def test_a_certain_and_right_network_is_perfectly_calibrated():
    rows = statistics.calibration(np.array([0, 1]), np.eye(2))
    assert len(rows) == 1
    assert statistics.expected_calibration_error(rows) == 0
