"""Training: it learns, it is repeatable, it resumes bit for bit, and it says what does not fit."""

import dataclasses
import io

import pytest
import torch

from core.data.datasets import Split
from core.training import batches, loop, models, steps
from core.training.batches import prepared_batches
from core.training.distributed import World
from core.training.loop import _mix, train
from core.training.results import Diverged, TrainingData
from core.training.settings import TrainConfig
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
    records, answers = [], []
    done = train(
        model, parts, FAST, on_epoch=records.append, keep=lambda *epoch: answers.append(epoch[2])
    )
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
        "gradient_norm",
    }
    assert [(each.shape, each.dtype) for each in answers] == [((2, 120), torch.uint8)] * 3
    probs = steps.predict_logits(model, gray.test.images, parts.mean, parts.std).softmax(1)
    assert torch.equal(answers[2][0].long(), probs.argmax(1))
    assert torch.equal(answers[2][1], (255 * probs.amax(1)).round().to(torch.uint8))
    shown = (answers[2][0] == gray.test.labels).double().mean()
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
    [
        {},
        {"schedule": "onecycle", "optimizer": "adamw", "select": "best"},
        {"optimizer": "sgd", "ema": 0.9, "schedule": "cosine", "warmup": 1.5, "clip": 0.5},
        {"ema": 0.5, "select": "best", "schedule": "plateau", "warmup": 1.5},
        {"balance": "weights", "schedule": "step", "step_size": 1, "label_smoothing": 0.1},
        {"balance": "sampling", "mixup": 0.4, "cutmix": 1.0, "patience": 3},
    ],
)
def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(gray, settings):
    """Case 8."""
    config = FAST.replace(**settings)
    model, parts = prepared(gray, config)
    unbroken = train(model, parts, config)

    saved = {}

    def keep(record, checkpoint, answers):
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
    for name in ("train_loss", "validation_loss", "lr", "gradient_norm"):
        assert [r[name] for r in done.history] == [r[name] for r in unbroken.history]
    assert done.kept_epoch == unbroken.kept_epoch


def test_the_best_epoch_before_a_break_is_kept_when_nothing_better_follows(gray):
    """Case 8."""
    config = FAST.replace(epochs=2, select="best")
    model, parts = prepared(gray, config)
    saved = {}
    train(model, parts, config, keep=lambda *epoch: saved.update(epoch[1]))
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


def test_weights_that_the_last_step_of_an_epoch_ruins_are_in_no_checkpoint(gray, monkeypatch):
    """Case 12: the loss of that step is still finite."""
    model, parts = prepared(gray, FAST)
    step, taken, kept = loop.train_step, [], []

    def poisoned(network, *rest):
        found = step(network, *rest)
        taken.append(1)
        if len(taken) == 2 * 18:  # the last of the second epoch's
            next(network.parameters()).data.view(-1)[0] = float("nan")
        return found

    monkeypatch.setattr(loop, "train_step", poisoned)
    with pytest.raises(Diverged, match="the weights became infinite or nan in epoch 2: try"):
        train(model, parts, FAST, keep=lambda record, *_: kept.append(record["epoch"]))
    assert kept == [1]


def test_a_validation_loss_that_is_not_finite_stops_the_training(gray, monkeypatch):
    model, parts = prepared(gray, FAST)
    monkeypatch.setattr(loop, "score", lambda *_: {"validation_loss": float("nan")})
    with pytest.raises(Diverged, match="the validation loss became nan in epoch 1"):
        train(model, parts, FAST)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_image_is_seen_once_an_epoch_in_batches_that_batch_norm_takes(gray, size):
    config = TrainConfig(batch_size=9)
    fit = Split(torch.arange(550, dtype=torch.float32).view(-1, 1, 1, 1), torch.arange(550))
    data = dataclasses.replace(prepared(gray, FAST)[1], fit=fit)  # 550 = 61 * 9 + 1
    seen = []
    for rank in range(size):
        world, generator = World(rank, size), torch.Generator().manual_seed(1)
        batches = [
            labels for _, labels in prepared_batches(fit, data, config, generator, None, world)
        ]
        assert min(map(len, batches)) > 1
        seen += torch.cat(batches).tolist()
    assert sorted(seen) == list(range(550))


def test_a_network_whose_last_maps_have_one_pixel_trains_with_any_rest(gray):
    config = FAST.replace(epochs=1, batch_size=9, validation=0.0)
    few = gray.train.take(torch.arange(19))
    parts = TrainingData(few, few.take(torch.arange(0)), gray.test, (0.5,), (0.5,))
    model = models.build("cnn", (1, 28, 28), 10, widths=(4, 4, 4, 4), batch_norm=True)
    assert len(train(model, parts, config).history) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": 1}, "batch_size: 1 is too small: batch norm needs 2"),
        ({"validation": 0.0003, "select": "best"}, "validation: 0.0003 holds out no image"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_it_begins(gray, settings, words):
    """Case 41."""
    config = FAST.replace(**settings)
    _, parts = prepared(gray, config)
    model = models.build("cnn", gray.shape, 10, widths=(4,), batch_norm=True)
    with pytest.raises(ValueError, match=words):
        train(model, parts, config)


@pytest.mark.parametrize("steps", range(1, 11))
def test_onecycle_trains_any_number_of_steps_or_is_refused_by_name(gray, steps):
    few = gray.train.take(torch.arange(20))
    parts = TrainingData(few, few, gray.test, (0.5,), (0.5,))
    model = models.build("mlp", gray.shape, 10, hidden=(4,))
    for epochs in {1, steps}:
        config = FAST.replace(schedule="onecycle", epochs=epochs, batch_size=20)
        if epochs == 1 and steps > 1:
            config = config.replace(batch_size=-(-20 // steps))
        total = epochs * len(batches.batch_sizes(20, config.batch_size))
        if total < 5:
            with pytest.raises(ValueError, match=f"schedule: onecycle needs 5 .* make {total}$"):
                train(model, parts, config)
        else:
            assert len(train(model, parts, config).history) == epochs


def test_the_loss_of_training_is_told_without_smoothing(gray):
    """So that it can be laid beside the validation loss."""
    config = FAST.replace(epochs=1, label_smoothing=0.8, lr=1e-8, rotation=0.0, translation=0.0)
    model, parts = prepared(gray, config)
    for layer in model:
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    expected = loop.score(model, parts.fit, parts, "train")
    record = train(model, parts, config).history[0]
    assert record["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-3)


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
