"""The range test of a learning rate."""

import numpy as np
import pytest
import torch

from core.training import lr_finder, models
from core.training.results import TrainingData
from core.training.settings import FIELDS, TrainConfig

pytestmark = pytest.mark.trains


def test_the_steepest_fall_before_the_lowest_loss_is_named_to_two_digits():
    rates = np.geomspace(1e-6, 10, 15)
    losses = [2.3, 2.3, 2.3, 2.29, 2.25, 2.1, 1.7, 1.2, 1.0, 0.95, 0.94, 1.5, 0.99, 3.0, 6.0]
    assert lr_finder._steepest(rates, losses) == pytest.approx(rates[6], rel=0.06)
    assert lr_finder._steepest(rates, sorted(losses)) is None
    assert lr_finder._steepest(rates[:0], []) is None


def test_rates_grow_until_the_loss_is_far_from_its_lowest_and_nothing_else_changes(gray):
    config = TrainConfig(batch_size=32)
    model = models.build("mlp", gray.shape, len(gray.classes), seed=0, hidden=(16,))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    parts = TrainingData.of(gray, config)
    found = lr_finder.find(model, parts, config)
    rates, losses = found["rates"], found["losses"]
    assert len(rates) == len(losses) > 20
    assert rates[0] == pytest.approx(lr_finder.LOW)
    assert np.allclose(np.diff(np.log(rates)), np.diff(np.log(rates))[0])
    lowest = np.minimum.accumulate(losses)
    assert (np.array(losses) <= lr_finder.WORSE * lowest).all()
    low, high = (FIELDS["lr"].metadata[end] for end in ("low", "high"))
    assert low < found["suggested"] < high
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert lr_finder.find(model, parts, config) == found
