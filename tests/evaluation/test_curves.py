"""Axes, smoothing, bands and the sentence on overfitting, against small cases written by hand."""

import json
import warnings

import numpy as np
import pytest

from core.evaluation import curves


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def history(validation: list, train: list | None = None) -> list[dict]:
    train = train or [1 / (index + 1) for index in range(len(validation))]
    return [
        {
            "epoch": number,
            "validation_loss": held_out,
            "train_loss": fitted,
            "total_seconds": 2.5 * number,
        }
        for number, (held_out, fitted) in enumerate(zip(validation, train, strict=True), 1)
    ]


def test_a_column_has_a_gap_where_a_record_has_no_value():
    records = [{"loss": 1}, {"loss": None}, {}, {"loss": 0.5}, {"loss": float("nan")}]
    assert curves.values(records, "loss") == pytest.approx(
        [1, np.nan, np.nan, 0.5, np.nan], nan_ok=True
    )
    assert curves.values([], "loss").shape == (0,)


def test_the_axes_are_epochs_seconds_and_images():
    records = history([3, 2])
    assert curves.axis(records, "Epoch", 600).tolist() == [1, 2]
    assert curves.axis(records, "Seconds", 600).tolist() == [2.5, 5]
    assert curves.axis(records, "Images seen", 600).tolist() == [600, 1200]
    with pytest.raises(ValueError, match="choose one of Epoch, Seconds, Images seen"):
        curves.axis(records, "Moon", 600)


def test_smoothing_by_hand():
    """Weight 1/2: 4, then (4 + 2 * 1) / 3, then (4 + 2 * 1 + 4 * 2) / 7."""
    found = curves.smooth(np.array([4.0, 1.0, 2.0]), 0.5)
    assert found == pytest.approx([4, 6 / 3, 14 / 7])


def test_smoothing_agrees_with_pandas():
    pandas = pytest.importorskip("pandas")
    column = np.random.RandomState(0).rand(30)
    column[[4, 5, 20]] = np.nan
    theirs = pandas.Series(column).ewm(alpha=0.1, ignore_na=True).mean().to_numpy(copy=True)
    theirs[[4, 5, 20]] = np.nan
    assert curves.smooth(column, 0.9) == pytest.approx(theirs, nan_ok=True)


def test_no_smoothing_changes_nothing_and_gaps_stay_gaps():
    column = np.array([np.nan, 2.0, np.inf, 1.0])
    assert curves.smooth(column, 0) == pytest.approx([np.nan, 2, np.nan, 1], nan_ok=True)
    assert np.isnan(curves.smooth(np.full(3, np.nan), 0.9)).all()
    assert len(curves.smooth(np.array([]), 0.9)) == 0


@pytest.mark.parametrize("weight", [-0.1, 1, 2, float("nan")])
def test_a_weight_that_smooths_nothing_or_all_is_refused(weight):
    with pytest.raises(ValueError, match="not between 0 and 1"):
        curves.smooth(np.ones(3), weight)


def test_a_band_is_mean_lowest_and_highest_cut_to_the_shortest():
    mean, low, high = curves.fold([np.array([1.0, 2, 9]), np.array([3.0, 6]), np.array([2.0, 1])])
    assert mean.tolist() == [2, 3]
    assert low.tolist() == [1, 1]
    assert high.tolist() == [3, 6]
    one = curves.fold([np.array([1.0, 2])])
    assert [part.tolist() for part in one] == [[1, 2]] * 3
    with pytest.raises(ValueError, match="at least one run"):
        curves.fold([])


def test_a_band_has_a_gap_where_one_seed_has_one():
    for part in curves.fold([np.array([1.0, np.nan]), np.array([3.0, 4.0])]):
        assert np.isfinite(part).tolist() == [True, False]


def test_runs_that_differ_by_their_seed_alone_share_a_key():
    info = {"recipe": "a", "dataset": "b", "model": "c", "sizes": {"x": 1}, "config": {"lr": 1}}
    key = curves.seed_key(info)
    shuffled = dict(reversed(info.items())) | {"seed": 7, "id": "other", "device": "cuda"}
    assert curves.seed_key(shuffled) == key
    assert curves.seed_key(json.loads(json.dumps(info | {"seed": 3}))) == key
    for change in ({"recipe": "z"}, {"sizes": {"x": 2}}, {"config": {"lr": 2}}, {"dataset": "z"}):
        assert curves.seed_key(info | change) != key


def test_a_loss_that_rises_while_training_falls_is_overfitting():
    said = curves.overfitting(history([0.5, 0.4, 0.6]))
    assert "risen since epoch 2 (0.4000 to 0.6000)" in said
    assert said.endswith("overfitting.")
    assert "not overfitting" not in said


def test_a_loss_that_rises_with_training_is_no_overfitting():
    said = curves.overfitting(history([0.5, 0.4, 0.6], [0.5, 0.3, 0.7]))
    assert "risen since epoch 2" in said
    assert "not overfitting" in said


def test_a_loss_that_rises_by_a_hair_is_no_sign():
    assert "no sign of overfitting" in curves.overfitting(history([0.5, 0.4, 0.4079]))
    assert said_overfitting([0.5, 0.4, 0.4081])


def said_overfitting(validation: list) -> bool:
    return "while training loss fell: overfitting" in curves.overfitting(history(validation))


def test_a_loss_lowest_in_the_end_might_still_fall():
    assert "last epoch" in curves.overfitting(history([0.5, 0.4, 0.3]))


def test_a_loss_of_nothing_divides_by_nothing():
    assert said_overfitting([0.5, 0.0, 0.1])
    assert "no sign of overfitting" in curves.overfitting(history([0.5, 0.0, 0.0]))
    assert "no sign of overfitting" in curves.overfitting(history([0.0, 0.0]))


def test_the_epoch_is_the_records_own_when_lines_were_lost():
    assert "since epoch 3 " in curves.overfitting(history([0.5, 0.5, 0.4, 0.6])[1:])


@pytest.mark.parametrize("validation", [[], [0.5], [None, None], [0.5, None], [0.5, float("nan")]])
def test_without_validation_nothing_is_said(validation):
    assert curves.overfitting(history(validation)) == ""


def test_a_training_loss_that_is_no_number_does_not_warn():
    said = curves.overfitting(history([0.5, 0.4, 0.6], [0.5, 0.4, float("nan")]))
    assert "overfitting" in said
