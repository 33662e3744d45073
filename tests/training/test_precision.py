"""The precision goes by the processor and the network, not by a clock."""

import pytest
import torch
from torch import nn

from core.training import models, precision
from core.training.precision import choose_precision, time_steps
from tests.helpers.synthetic import FAST, prepared


@pytest.fixture
def multiplies(monkeypatch):
    """A processor that multiplies in bfloat16."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})


def test_work_is_counted_in_multiply_adds_by_hand(gray):
    _, parts = prepared(gray, FAST)
    model = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.Flatten(), nn.Linear(3 * 28 * 28, 10))
    by_hand = 28 * 28 * 3 * 9 + 3 * 28 * 28 * 10
    assert choose_precision(model, parts, FAST)[1] == 32 * by_hand
    assert choose_precision(model, parts, FAST.replace(batch_size=64))[1] == 64 * by_hand


def test_much_work_takes_bfloat16_and_little_does_not(gray, multiplies):
    _, parts = prepared(gray, FAST)
    wide, narrow = (models.build("mlp", gray.shape, 10, hidden=(n, n)) for n in (1024, 16))
    assert [choose_precision(model, parts, FAST)[0] for model in (wide, narrow)] == [
        "bfloat16",
        "float32",
    ]
    assert choose_precision(narrow, parts, FAST, "bfloat16")[0] == "bfloat16"
    assert choose_precision(wide, parts, FAST, "float32")[0] == "float32"


def test_a_processor_that_does_not_multiply_in_it_trains_in_float32(gray, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    _, parts = prepared(gray, FAST)
    wide = models.build("mlp", gray.shape, 10, hidden=(1024, 1024))
    assert choose_precision(wide, parts, FAST)[0] == "float32"


def test_the_choice_looks_at_no_clock_and_leaves_the_network_alone(gray, monkeypatch):
    def clock() -> float:
        raise AssertionError("a busy machine would choose otherwise")

    monkeypatch.setattr(precision.time, "perf_counter", clock)
    model, parts = prepared(gray, FAST)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert choose_precision(model, parts, FAST) == choose_precision(model, parts, FAST)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training


def test_an_unknown_precision_is_refused(gray):
    model, parts = prepared(gray, FAST)
    with pytest.raises(ValueError, match="precision: 'int8' is unknown"):
        choose_precision(model, parts, FAST, "int8")


def test_a_step_takes_some_time_on_a_copy(gray):
    model, parts = prepared(gray, FAST)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert 0 < time_steps(model, parts, FAST, "float32", turns=5) < 10_000
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
