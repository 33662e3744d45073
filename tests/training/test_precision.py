"""The precision is timed, not guessed."""

import pytest
import torch

from core.training.precision import choose_precision, time_steps
from tests.helpers.synthetic import FAST, prepared


def test_the_precision_test_times_both_and_leaves_the_network_alone(gray):
    model, parts = prepared(gray, FAST)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    chosen, milliseconds = choose_precision(model, parts, FAST)
    assert set(milliseconds) == {"float32", "bfloat16"}
    faster = milliseconds["bfloat16"] < 0.9 * milliseconds["float32"]
    assert chosen == "float32" or faster
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_wanted_precision_is_taken_and_an_unknown_one_refused(gray):
    model, parts = prepared(gray, FAST)
    assert choose_precision(model, parts, FAST, "float32") == ("float32", {})
    with pytest.raises(ValueError, match="precision: 'int8' is unknown"):
        choose_precision(model, parts, FAST, "int8")


def test_a_step_takes_some_time(gray):
    model, parts = prepared(gray, FAST)
    assert 0 < time_steps(model, parts, FAST, "float32", turns=5) < 10_000
