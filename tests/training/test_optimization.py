"""Optimisers and schedules against their formulas, worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from core.training.optimization import make_optimizer, make_schedule
from core.training.settings import TrainConfig

pytestmark = pytest.mark.trains

LR, EPS, DECAY = 0.1, 0.5, 0.2


def adam(value, gradients, decay, *, decoupled):
    first = second = 0.0
    for step, gradient in enumerate(gradients, 1):
        if decoupled:
            value = value * (1 - LR * decay)
        else:
            gradient = gradient + decay * value
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        root = np.sqrt(second / (1 - 0.999**step))
        value = value - LR * (first / (1 - 0.9**step)) / (root + EPS)
    return value


def sgd(value, gradients, decay):
    speed = 0.0
    for gradient in gradients:
        gradient = gradient + decay * value
        speed = 0.9 * speed + gradient
        value = value - LR * (gradient + 0.9 * speed)
    return value


BY_HAND = {
    "adam": lambda *given: adam(*given, decoupled=False),
    "adamw": lambda *given: adam(*given, decoupled=True),
    "sgd": sgd,
}


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("name", BY_HAND)
def test_two_steps_of_an_optimiser_are_those_of_its_formula(name, decay):
    """Two, so that momentum shows; weight decay spares the bias."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 2))
    config = TrainConfig(optimizer=name, lr=LR, eps=EPS, weight_decay=decay)
    optimizer = make_optimizer(model, config)
    weights = list(model.parameters())
    begun = [weight.detach().double().numpy().copy() for weight in weights]
    gradients = [[torch.randn_like(weight) for weight in weights] for _ in range(2)]
    for given in gradients:
        for weight, gradient in zip(weights, given, strict=True):
            weight.grad = gradient.clone()
        optimizer.step()
    for place, weight in enumerate(weights):
        by_hand = [given[place].double().numpy() for given in gradients]
        expected = BY_HAND[name](begun[place], by_hand, decay if weight.ndim > 1 else 0.0)
        assert weight.detach().numpy() == pytest.approx(expected, rel=1e-5)


def rates(config: TrainConfig, steps: int, losses: list[float] | None = None) -> list[float]:
    """The learning rate of each step of a training."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=config.lr)
    by_step, by_epoch = make_schedule(optimizer, config, steps)
    found = []
    for epoch in range(config.epochs):
        for _ in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if by_step:
                by_step.step()
        if by_epoch:
            by_epoch.step((losses or [1.0] * config.epochs)[epoch])
    return found


def test_a_constant_rate_stays_and_warms_up_by_equal_steps():
    assert rates(TrainConfig(epochs=2, lr=0.3), 4) == [0.3] * 8
    warm = rates(TrainConfig(epochs=3, lr=0.5, warmup=1.0), 4)
    assert warm == pytest.approx([0.1, 0.2, 0.3, 0.4, *[0.5] * 8])


def test_a_cosine_falls_to_nothing_after_its_warm_up():
    found = rates(TrainConfig(epochs=4, lr=2.0, schedule="cosine", warmup=0.5), 4)
    falling = [1 + math.cos(math.pi * step / 14) for step in range(14)]
    assert found == pytest.approx([2 / 3, 4 / 3, *falling])


def test_a_step_multiplies_the_rate_after_so_many_epochs():
    config = TrainConfig(epochs=6, lr=1.0, schedule="step", step_size=2, gamma=0.5)
    assert rates(config, 3) == pytest.approx([*[1.0] * 6, *[0.5] * 6, *[0.25] * 6])
    warm = rates(config.replace(warmup=1.0), 3)
    assert warm == pytest.approx([0.25, 0.5, 0.75, *[1.0] * 6, *[0.5] * 6, *[0.25] * 3])


def test_a_plateau_multiplies_the_rate_when_the_loss_has_not_fallen_for_longer():
    config = TrainConfig(epochs=6, lr=1.0, schedule="plateau", step_size=1, gamma=0.5, warmup=0.5)
    falling = [6.0, 5.99999, 5.99998, 5.99997, 5.99996, 5.99995]
    assert rates(config, 2, falling) == pytest.approx([0.5, *[1.0] * 11])
    assert rates(config, 2)[::2] == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.5, 0.25])


def test_onecycle_rises_for_a_quarter_and_falls_to_a_250000th():
    found = rates(TrainConfig(epochs=5, lr=1.0, schedule="onecycle"), 4)

    def between(start: float, end: float, share: float) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    rising = [between(1 / 25, 1.0, step / 4) for step in range(4)]
    falling = [between(1.0, 1 / 250_000, step / 15) for step in range(16)]
    assert found == pytest.approx([*rising, *falling])
