"""Sizes of networks as plain data and as text."""

import inspect

import pytest

from core.training import models, sizes


def test_the_sizes_are_those_of_the_networks():
    assert set(sizes.SIZES) == set(models.MODELS)
    for name, function in models.MODELS.items():
        parameters = inspect.signature(function).parameters.values()
        keywords = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        assert keywords == sizes.SIZES[name]


@pytest.mark.parametrize("value", [(32,), (128, 64), ((16, 32), (48,))])
def test_text_and_numbers_are_the_same(value):
    assert sizes.from_text("widths", sizes.to_text(value), value) == value


def test_text_that_is_no_list_names_the_size():
    with pytest.raises(ValueError, match="hidden: 'many' is not a list of whole numbers"):
        sizes.from_text("hidden", "many", (1,))


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("resnet", {}, "model: 'resnet' is unknown; choose one of mlp, cnn, house"),
        ("mlp", {"widths": (3,)}, "widths: a network 'mlp' has only hidden, dropout"),
        ("mlp", {"hidden": ()}, "hidden: give 1 to 16 numbers"),
        ("mlp", {"hidden": (0,)}, "hidden: 0 is outside 1 to 4096"),
        ("mlp", {"hidden": (10**9,)}, "is outside 1 to 4096"),
        ("cnn", {"dropout": 1.0}, "dropout: 1.0 is outside 0 to 1"),
        ("house", {"stages": ((8,),) * 20}, "stages: give 1 to 16 numbers"),
    ],
)
def test_sizes_out_of_range_are_refused_by_name(model, given, message):
    """Case 41."""
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        sizes.check(model, given)
