"""Settings that are out of range or contradict themselves are refused by name."""

import pytest

from core.training import recipes, settings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lr", 0),
        ("lr", 1e9),
        ("lr", float("nan")),
        ("lr", "fast"),
        ("epochs", 0),
        ("epochs", 1_000_000),
        ("epochs", 2.5),
        ("epochs", True),
        ("batch_size", -1),
        ("label_smoothing", 1.0),
        ("rotation", 400),
        ("validation", 1.0),
        ("optimizer", "lion"),
        ("schedule", "linear"),
        ("flip", 1),
        ("normalisation", "imagenet"),
        ("select", "test"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(field, value):
    """Case 41."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        settings.TrainConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "low", "high", "step"),
    [
        ("epochs", 1, 10_000, 1),
        ("batch_size", 1, 65_536, 1),
        ("lr", 1e-8, 10.0, 1e-9),
        ("label_smoothing", 0.0, 0.9, 0.01),
        ("rotation", 0.0, 180.0, 0.1),
        ("upstrokes", 0.0, 1.0, 0.01),
    ],
)
def test_both_ends_of_a_range_are_allowed_and_nothing_beyond(field, low, high, step):
    """Case 41."""
    for value in (low, high):
        assert getattr(settings.TrainConfig(**{field: value}), field) == value
    for value in (low - step, high + step):
        with pytest.raises(ValueError, match=f"^{field}: .* is outside"):
            settings.TrainConfig(**{field: value})


def test_choosing_on_validation_needs_a_validation_split():
    with pytest.raises(ValueError, match="select: 'best' needs a validation split"):
        settings.TrainConfig(select="best", validation=0.0)
    changed = recipes.get("mnist-house").config.replace(validation=0.0)
    assert changed.select == "last"


@pytest.mark.parametrize(
    "asked", [{"patience": 3}, {"schedule": "plateau"}], ids=lambda asked: next(iter(asked))
)
def test_what_watches_validation_needs_a_validation_split(asked):
    settings.TrainConfig(**asked)
    with pytest.raises(ValueError, match="needs a validation split"):
        settings.TrainConfig(**asked, validation=0.0)


def test_normalisations_give_moments_for_every_channel():
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    config = settings.TrainConfig()
    assert config.moments(mean, std) == (mean, std)
    assert config.replace(normalisation="half").moments(mean, std) == ((0.5,) * 3, (0.5,) * 3)
    assert config.replace(normalisation="unit").moments(mean, std) == ((0.0,) * 3, (1.0,) * 3)
