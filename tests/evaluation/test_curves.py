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
    for change in (
        {"dataset_sha256": "z"},
        {"recipe": "z"},
        {"sizes": {"x": 2}},
        {"config": {"lr": 2}},
        {"dataset": "z"},
    ):
        assert curves.seed_key(info | change) != key


def flat(last: list[float], count: int = 16, noise: float = 0.002) -> list[float]:
    """A loss that has levelled off at 0.2 and trembles, and how it ends."""
    tremble = np.random.default_rng(1).normal(0, noise, count)
    return [*(0.2 + tremble), *last]


def said(validation: list, over_images: float | None = 0.004, train: list | None = None):
    return curves.trend(history(validation, train), over_images)


def test_a_clear_rise_while_training_falls_is_overfitting():
    found = said(flat([0.21, 0.22, 0.23, 0.24, 0.25]))
    assert found.verdict == "overfitting"
    assert (
        f"lowest in epoch {found.epoch} ({found.lowest:.4f}) and rose to 0.2500" in found.sentence
    )


def test_a_clear_rise_with_training_is_no_overfitting():
    validation = flat([0.21, 0.22, 0.23, 0.24, 0.25])
    found = said(validation, train=[*np.linspace(1, 0.1, 16), 0.2, 0.3, 0.4, 0.5, 1.1])
    assert found.verdict == "lost ground"
    assert found.sentence.endswith("and so did training loss: lost ground.")


@pytest.mark.parametrize("over_images", [0.03, None])
def test_a_rise_that_few_images_bring_cannot_be_told(over_images):
    """The same rise, where one value over the images is that unsure, or nobody knows how unsure."""
    found = said(flat([0.21, 0.22, 0.23, 0.24, 0.25]), over_images)
    assert found.verdict == "cannot be told"
    assert found.sentence.endswith("whether the network overfits cannot be told.")


def test_a_level_loss_is_said_to_have_stayed_within_what_it_did():
    """Also where an epoch between lay higher than the last."""
    validation = flat([0.212, 0.2])
    found = said(validation)
    higher = 0.212 / min(validation) - 1
    assert found.verdict == "level"
    assert f"has stayed within {100 * higher:.1f} % of it" in found.sentence


def test_a_loss_that_still_falls_asks_for_more_epochs():
    found = said([1 / epoch for epoch in range(1, 13)], 0.001)
    assert found.verdict == "still falling"
    found = said(flat([0.19]), 0.01)
    assert found.verdict == "cannot be told"
    assert ", the last, and one value is unsure by 0.01" in found.sentence


def test_few_epochs_tell_nothing():
    found = said([0.5, 0.4, 0.3, 0.6])
    assert found.verdict == "cannot be told"
    assert "in 4 epochs nothing tells a trend from chance" in found.sentence


@pytest.mark.parametrize("alike", [0.0, 0.5])
@pytest.mark.parametrize("epochs", [8, 12, 24, 50])
def test_level_losses_are_called_risen_or_falling_in_1_of_100_cases(epochs, alike):
    """Neighbouring epochs may be alike; the images are the same in all."""
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(300):
        noise = rng.normal(0, 0.01, epochs)
        for epoch in range(1, epochs):
            noise[epoch] = alike * noise[epoch - 1] + np.sqrt(1 - alike**2) * noise[epoch]
        losses = 0.2 + 0.5 * np.exp(-np.arange(epochs) / (epochs / 10)) + noise
        alarms += said(list(losses), 0.005).verdict not in ("level", "cannot be told")
    assert alarms <= 6


def test_a_loss_of_nothing_divides_by_nothing():
    assert said([0.5] * 7 + [0.0] * 8).verdict in ("level", "cannot be told")


def test_the_epoch_is_the_records_own_when_lines_were_lost():
    found = curves.trend(history([0.5, 0.5, 0.4, 0.6])[1:], 0.1)
    assert found.epoch == 3


@pytest.mark.parametrize("validation", [[], [0.5], [None, None], [0.5, None], [0.5, float("nan")]])
def test_without_validation_nothing_is_said(validation):
    assert said(validation) is None


def test_a_training_loss_that_is_no_number_does_not_warn():
    assert not said([0.5, 0.4, 0.6], train=[0.5, 0.4, float("nan")]).training_fell
