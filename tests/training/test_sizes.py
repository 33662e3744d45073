"""Sizes of networks as plain data and as text."""

import inspect

import pytest

from core.training import models, settings, sizes


def test_the_sizes_are_those_of_the_networks():
    assert set(sizes.SIZES) == set(models.MODELS)
    for name, function in models.MODELS.items():
        parameters = inspect.signature(function).parameters.values()
        keywords = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        assert keywords == {key: field.default for key, field in sizes.SIZES[name].items()}


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        ("cnn", "widths", (32,)),
        ("mlp", "hidden", (128, 64)),
        ("house", "stages", ((16, 32), (48,))),
    ],
)
def test_text_and_numbers_are_the_same(model, name, value):
    assert settings.from_text(sizes.SIZES[model][name], settings.to_text(value)) == value


@pytest.mark.parametrize("text", ["many", "16 / 32", "1.5"])
def test_text_that_is_no_list_names_the_size(text):
    with pytest.raises(ValueError, match=f"hidden: '{text}' is not a list of whole numbers"):
        settings.from_text(sizes.SIZES["mlp"]["hidden"], text)


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("resnet", {}, "model: 'resnet' is unknown; choose one of mlp, cnn, house"),
        ("mlp", {"widths": (3,)}, "widths: a network 'mlp' has only hidden, dropout"),
        ("mlp", {"hidden": ()}, "hidden: give 1 to 16 numbers"),
        ("mlp", {"hidden": (0,)}, "hidden: 0 is outside 1 to 4096"),
        ("mlp", {"hidden": (10**9,)}, "is outside 1 to 4096"),
        ("cnn", {"dropout": 1.0}, "dropout: 1.0 is outside 0 to 0.99"),
        ("cnn", {"dense": True}, "dense: True is not a whole number"),
        ("cnn", {"batch_norm": 1}, "batch_norm: 1 is not true or false"),
        ("cnn", {"widths": 8}, "widths: give 1 to 16 numbers"),
        ("house", {"stages": ((8,),) * 20}, "stages: give 1 to 16 numbers"),
        ("house", {"stages": ((8,), ())}, "stages: give 1 to 16 numbers"),
        ("house", {"stages": 8}, "stages: give 1 to 16 numbers"),
        ("house", {"stages": (8, 8)}, "stages: give 1 to 16 numbers"),
    ],
)
def test_sizes_out_of_range_are_refused_by_name(model, given, message):
    """Case 41."""
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        sizes.check(model, given)
