"""Training: it learns, it is repeatable, it resumes bit for bit, and it says what does not fit."""

import dataclasses
import io

import pytest
import torch

from core.training import loop, steps
from core.training.loop import _mix, train
from core.training.results import Diverged
from tests.helpers.synthetic import FAST, prepared

pytestmark = pytest.mark.trains


@pytest.mark.parametrize("name", ["gray", "rgb"])
def test_a_small_network_learns_the_blobs_in_any_shape(name, request):
    model, parts = prepared(request.getfixturevalue(name), FAST)
    done = train(model, parts, FAST)
    assert done.history[-1]["validation_accuracy"] > 0.9
    assert done.history[-1]["train_loss"] < done.history[0]["train_loss"]


def test_each_epoch_yields_one_record_with_every_quantity(gray):
    model, parts = prepared(gray, FAST)
    records = []
    done = train(model, parts, FAST, on_epoch=records.append)
    assert records == done.history
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert set(records[0]) == {
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "test_accuracy",
        "seconds",
        "total_seconds",
        "images_per_second",
        "lr",
    }
    assert len(done.shown_classes) == 3
    assert done.shown_classes[0].shape == done.shown_confidences[0].shape == (120,)
    shown = (done.shown_classes[2] == gray.test.labels).double().mean()
    assert records[2]["test_accuracy"] == pytest.approx(float(shown))


def test_without_validation_there_is_no_validation_curve(gray):
    config = FAST.replace(validation=0.0, epochs=1)
    model, parts = prepared(gray, config)
    record = train(model, parts, config).history[0]
    assert record["validation_loss"] is None
    assert record["validation_accuracy"] is None


def test_the_same_seed_ends_with_the_same_weights_and_another_does_not(gray):
    def weights(seed: int) -> dict:
        model, parts = prepared(gray, FAST)
        train(model, parts, FAST, seed=seed)
        return model.state_dict()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    "settings",
    [{}, {"schedule": "onecycle", "optimizer": "adamw", "select": "best"}, {"optimizer": "sgd"}],
)
def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(gray, settings):
    """Case 8."""
    config = FAST.replace(**settings)
    model, parts = prepared(gray, config)
    unbroken = train(model, parts, config)

    saved = {}

    def keep(record, checkpoint):
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        saved[record["epoch"]] = buffer.getvalue()

    broken, _ = prepared(gray, config)
    train(broken, parts, config, keep=keep)
    resumed, _ = prepared(gray, config, seed=99)
    state = torch.load(io.BytesIO(saved[1]), weights_only=True)
    done = train(resumed, parts, config, resume=state)
    for name, value in model.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])
    assert [r["train_loss"] for r in done.history] == [r["train_loss"] for r in unbroken.history]
    assert done.kept_epoch == unbroken.kept_epoch
    assert torch.equal(torch.stack(done.shown_classes), torch.stack(unbroken.shown_classes))


def test_the_best_epoch_before_a_break_is_kept_when_nothing_better_follows(gray):
    """Case 8."""
    config = FAST.replace(epochs=2, select="best")
    model, parts = prepared(gray, config)
    saved = {}
    train(model, parts, config, keep=lambda record, checkpoint: saved.update(checkpoint))
    best = {name: value.clone() for name, value in saved["best_weights"].items()}
    saved["done"]["history"][-1]["validation_loss"] = -1.0  # not to be beaten
    resumed, _ = prepared(gray, config, seed=99)
    done = train(resumed, parts, config.replace(epochs=4), resume=saved)
    assert len(done.history) == 4
    assert done.kept_epoch == saved["done"]["kept_epoch"]
    assert all(torch.equal(value, best[name]) for name, value in resumed.state_dict().items())


def test_best_keeps_the_epoch_of_lowest_validation_loss_and_ends_with_its_weights(gray):
    config = FAST.replace(epochs=8, lr=0.05, select="best")
    model, parts = prepared(gray, config)
    done = train(model, parts, config)
    losses = [record["validation_loss"] for record in done.history]
    assert done.kept_epoch == losses.index(min(losses)) + 1
    logits = steps.predict_logits(model, parts.validation.images, parts.mean, parts.std)
    loss = torch.nn.functional.cross_entropy(logits, parts.validation.labels)
    assert float(loss) == pytest.approx(min(losses), rel=1e-5)


def test_training_leaves_the_global_random_state_alone(gray):
    model, parts = prepared(gray, FAST)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(model, parts, FAST.replace(epochs=1), seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_a_batch_larger_than_the_data_is_refused(gray):
    """Case 41."""
    config = FAST.replace(batch_size=5000)
    model, parts = prepared(gray, config)
    with pytest.raises(ValueError, match="batch_size: 5000 is more than the 550 training images"):
        train(model, parts, config)


def test_a_loss_that_is_no_longer_finite_stops_the_training(gray):
    """Case 12."""
    model, parts = prepared(gray, FAST)
    overflowing = dataclasses.replace(parts, std=(1e-38,))
    with pytest.raises(Diverged, match=r"epoch 1: try a smaller learning rate than 0\.003"):
        train(model, overflowing, FAST)


def test_progress_is_told_within_an_epoch(gray, monkeypatch):
    ticks = iter(range(100_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(ticks)))
    model, parts = prepared(gray, FAST)
    reported = []
    train(model, parts, FAST.replace(epochs=1), on_batch=lambda *values: reported.append(values))
    assert len(reported) > 5
    assert [seen for _, seen, *_ in reported] == sorted(seen for _, seen, *_ in reported)
    assert reported[-1][1] == len(parts.fit)


def test_bfloat16_learns_too(gray):
    model, parts = prepared(gray, FAST)
    done = train(model, parts, FAST, precision="bfloat16")
    assert done.history[-1]["validation_accuracy"] > 0.9
    assert all(value.dtype == torch.float32 for value in model.state_dict().values())


def test_no_two_seeds_epochs_or_ranks_share_their_chance():
    seeds = [0, 1, 255, 256, 257, 511, 512, 2**31 - 1]
    mixed = [_mix(s, e, r) for s in seeds for e in (1, 2, 10_000) for r in (0, 1)]
    assert len(set(mixed)) == len(mixed)
    assert max(mixed) < 2**32
