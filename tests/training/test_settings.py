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
        ("schedule", "cosine"),
        ("normalisation", "imagenet"),
        ("select", "test"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(field, value):
    """Case 41."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        settings.TrainConfig(**{field: value})


def test_choosing_on_validation_needs_a_validation_split():
    with pytest.raises(ValueError, match="select: 'best' needs a validation split"):
        settings.TrainConfig(select="best", validation=0.0)
    changed = recipes.get("mnist-house").config.replace(validation=0.0)
    assert changed.select == "last"


def test_normalisations_give_moments_for_every_channel():
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    config = settings.TrainConfig()
    assert config.moments(mean, std) == (mean, std)
    assert config.replace(normalisation="half").moments(mean, std) == ((0.5,) * 3, (0.5,) * 3)
    assert config.replace(normalisation="unit").moments(mean, std) == ((0.0,) * 3, (1.0,) * 3)
