"""Every number that changes the weights, against formulas written by hand: optimisers, schedules,
losses, averages, draws.
"""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from core.data.datasets import Split
from core.training import loop, models
from core.training.batches import class_weights
from core.training.loop import train
from core.training.optimization import make_average
from core.training.results import TrainingData
from core.training.settings import TrainConfig
from core.training.steps import predict_logits, train_step
from tests.helpers.synthetic import FAST, prepared

pytestmark = pytest.mark.trains


PIXELS = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.4, -1.0], [2.0, 0.0, 1.0], [-1.0, 1.0, 1.0]])
LABELS = torch.tensor([0, 1, 1, 0])


def gradient(config: TrainConfig, labels: torch.Tensor = LABELS, **given):
    """(gradient that a step follows, what the step tells, (x, p) as float64)."""
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(3, 2, bias=False))
    before = model[0].weight.detach().clone()
    inputs, start = PIXELS.double().numpy(), before.double().numpy()
    optimizer, autocast = (
        torch.optim.SGD(model.parameters(), lr=1.0),
        torch.autocast("cpu", enabled=False),
    )
    told = train_step(model, PIXELS, labels, config, optimizer, autocast, **given)
    powers = np.exp(inputs @ start.T)
    probs = powers / powers.sum(1, keepdims=True)
    return (before - model[0].weight.detach()).numpy(), told, (inputs, probs)


def shares(smoothing: float = 0.0) -> np.ndarray:
    return (1 - smoothing) * np.eye(2)[LABELS.numpy()] + smoothing / 2


def test_a_step_follows_the_gradient_of_the_cross_entropy_and_tells_its_norm():
    found, (loss, logits, norm), (inputs, probs) = gradient(TrainConfig(), measure=True)
    expected = (probs - shares()).T @ inputs / 4
    assert found == pytest.approx(expected, abs=1e-6)
    assert float(loss) == pytest.approx(-np.log(probs[range(4), LABELS]).mean())
    assert logits.softmax(1).numpy() == pytest.approx(probs, abs=1e-6)
    assert float(norm) == pytest.approx(np.linalg.norm(expected))
    assert gradient(TrainConfig())[1][2] is None


def test_label_smoothing_is_part_of_the_gradient_and_not_of_the_loss_told():
    found, (loss, *_), (inputs, probs) = gradient(TrainConfig(label_smoothing=0.4))
    assert found == pytest.approx((probs - shares(0.4)).T @ inputs / 4, abs=1e-6)
    assert float(loss) == pytest.approx(-np.log(probs[range(4), LABELS]).mean())


def test_class_weights_count_in_the_gradient_and_not_in_the_loss_told():
    weight = torch.tensor([3.0, 0.5])
    found, (loss, *_), (inputs, probs) = gradient(TrainConfig(), weight=weight)
    counts = weight[LABELS].double().numpy()[:, None]
    assert found == pytest.approx((counts * (probs - shares())).T @ inputs / 4, abs=1e-6)
    assert float(loss) == pytest.approx(-np.log(probs[range(4), LABELS]).mean())


def test_shares_of_classes_are_learned_as_shares():
    mixed = torch.tensor([[0.3, 0.7], [0.5, 0.5], [1.0, 0.0], [0.9, 0.1]])
    found, (loss, *_), (inputs, probs) = gradient(TrainConfig(), mixed)
    assert found == pytest.approx((probs - mixed.numpy()).T @ inputs / 4, abs=1e-6)
    assert float(loss) == pytest.approx(-(mixed.numpy() * np.log(probs)).sum(1).mean())


def test_clipping_shortens_a_gradient_that_is_too_long_and_no_other():
    whole, (_, _, norm), _ = gradient(TrainConfig(), measure=True)
    short, (_, _, before), _ = gradient(TrainConfig(clip=0.1))
    assert float(norm) > 0.2
    assert float(before) == pytest.approx(float(norm))
    assert short == pytest.approx(whole * 0.1 / float(norm), rel=1e-4)
    assert gradient(TrainConfig(clip=100.0))[0] == pytest.approx(whole)


def test_a_factor_and_what_reduces_the_gradients_are_applied():
    whole = gradient(TrainConfig())[0]

    def halve(network: nn.Module) -> None:
        network[0].weight.grad /= 2

    assert gradient(TrainConfig(), factor=3.0, reduce=halve)[0] == pytest.approx(
        1.5 * whole, rel=1e-5
    )


def recorded(monkeypatch) -> list[tuple]:
    """What every step of a training was given, and the state it left."""
    seen, step = [], loop.train_step

    def spy(network, images, labels, *rest):
        found = step(network, images, labels, *rest)
        state = {name: value.clone() for name, value in network.state_dict().items()}
        seen.append((images, labels, state, rest))
        return found

    monkeypatch.setattr(loop, "train_step", spy)
    return seen


def test_the_average_of_the_weights_is_scored_and_kept_with_its_statistics(gray, monkeypatch):
    config = FAST.replace(ema=0.8, epochs=2)
    _, parts = prepared(gray, config)
    model = models.build("cnn", gray.shape, 10, seed=1, widths=(4, 4), batch_norm=True)
    seen, answers = recorded(monkeypatch), []
    history = train(model, parts, config, keep=lambda *epoch: answers.append(epoch)).history
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            expected = seen[0][2][name].double()
            for *_, state, _ in seen[1:]:
                expected = 0.8 * expected + 0.2 * state[name].double()
            assert torch.allclose(value.double(), expected, atol=1e-5), name
    assert not torch.equal(model[0].weight, seen[-1][2]["0.weight"])
    told = loop.score(model, parts.validation, parts, "validation")
    assert history[-1]["validation_loss"] == told["validation_loss"]
    probs = predict_logits(model, parts.shown.images, parts.mean, parts.std).softmax(1)
    assert torch.equal(answers[-1][2][1], (255 * probs.amax(1)).round().to(torch.uint8))
    assert make_average(model, FAST) is None
    best = config.replace(select="best", lr=0.05, epochs=3)
    model = models.build("cnn", gray.shape, 10, seed=1, widths=(4, 4), batch_norm=True)
    done = train(model, parts, best)
    kept = loop.score(model, parts.validation, parts, "validation")["validation_loss"]
    assert kept == done.history[done.kept_epoch - 1]["validation_loss"]


def test_mixed_batches_and_class_weights_reach_the_step(gray, monkeypatch):
    seen = recorded(monkeypatch)
    config = FAST.replace(epochs=1, mixup=1.0, balance="weights")
    model, parts = prepared(gray, config)
    train(model, parts, config)
    assert {labels.shape[1] for _, labels, *_ in seen} == {10}
    expected = class_weights(parts.fit.labels, 10)
    assert all(
        any(
            each is not None and torch.is_tensor(each) and torch.equal(each, expected)
            for each in rest
        )
        for *_, rest in seen
    )


class Probe(nn.Module):
    """Notes the numbers that it is given in training."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen.add(values.dtype)
        return values


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_computes_in_the_precision_asked_for(gray, precision):
    _, parts = prepared(gray, FAST)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), Probe())
    train(model, parts, FAST.replace(epochs=1), precision=precision)
    assert model[2].seen == {getattr(torch, precision)}


def flat(dataset, count: int = 40) -> tuple[nn.Module, TrainingData]:
    """A linear network, and data of which an epoch of one step takes everything."""
    few = dataset.train.take(torch.arange(count))
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), TrainingData(
        few, few, few, (0.5,), (0.5,)
    )


def test_an_epoch_tells_the_mean_rate_and_the_norm_before_clipping(gray):
    torch.manual_seed(4)
    model, parts = flat(gray)
    inputs = (parts.fit.images.double().flatten(1) / 255 - 0.5) / 0.5
    linear = model[1]
    probs = (inputs @ linear.weight.detach().double().T + linear.bias.detach()).softmax(1)
    wrong = (probs - torch.eye(10)[parts.fit.labels]) / 40
    expected = torch.cat([(wrong.T @ inputs).flatten(), wrong.sum(0)]).norm()
    config = TrainConfig(epochs=1, batch_size=40, clip=0.01, lr=0.1)
    record = train(model, parts, config).history[0]
    assert record["gradient_norm"] == pytest.approx(float(expected), rel=1e-4)
    assert record["lr"] == 0.1
    model, parts = flat(gray)
    record = train(model, parts, config.replace(batch_size=10, warmup=1.0)).history[0]
    assert record["lr"] == pytest.approx(0.1 * (1 + 2 + 3 + 4) / 4 / 5)


def told_losses(monkeypatch, losses) -> None:
    """Epochs whose validation loss is what the test says."""
    each = itertools.chain(losses, itertools.repeat(9.0))
    score = {"validation_accuracy": 0.5}
    monkeypatch.setattr(loop, "score", lambda *_: score | {"validation_loss": next(each)})


def test_training_ends_early_when_the_loss_has_not_fallen_for_so_long(gray, monkeypatch):
    model, parts = flat(gray)
    config = TrainConfig(epochs=9, batch_size=20, patience=2, select="best")
    saved: dict = {}
    told_losses(monkeypatch, [3.0, 2.0, 2.5, 1.9, 1.9, 1.95, 1.0])
    done = train(model, parts, config, keep=lambda *epoch: saved.update(epoch[1]))
    assert len(done.history) == 6
    again, _ = flat(gray)
    assert len(train(again, parts, config, resume=saved).history) == 6
    told_losses(monkeypatch, [3.0, 2.0, 2.5, 1.9, 1.9, 1.95, 1.0])
    assert len(train(model, parts, config.replace(patience=0)).history) == 9


def test_a_plateau_counts_on_over_a_break(gray, monkeypatch):
    config = TrainConfig(epochs=6, batch_size=20, schedule="plateau", step_size=2, gamma=0.5)
    model, parts = flat(gray)
    saved: dict = {}

    def keep(record, checkpoint, answers):
        if record["epoch"] == 3:
            saved.update(checkpoint)

    told_losses(monkeypatch, [2.0])
    rates = [record["lr"] for record in train(model, parts, config, keep=keep).history]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3, 1e-3, 5e-4, 5e-4])
    again, _ = flat(gray)
    resumed = train(again, parts, config, resume=saved).history
    assert [record["lr"] for record in resumed] == rates


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"schedule": "plateau", "gamma": 1.0}, "gamma: 1 leaves plateau without a step"),
        ({"patience": 3, "validation": 0.0003}, r"validation: 0\.0003 holds out no"),
        ({"schedule": "plateau", "validation": 0.0003}, r"validation: 0\.0003"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_the_training(gray, settings, words):
    model, parts = flat(gray)
    none = Split(parts.fit.images[:0], parts.fit.labels[:0])
    if "validation" in settings:
        parts = dataclasses.replace(parts, validation=none)
    with pytest.raises(ValueError, match=words):
        train(model, parts, TrainConfig(batch_size=20, **settings))
