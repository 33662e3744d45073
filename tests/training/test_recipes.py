"""Recipes: what the table of originals says, and settings that contradict themselves."""

import dataclasses

import pytest

from core.data.sources import DATASETS
from core.training import models, recipes


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("mnist-mlp", 109_386),
        ("mnist-cnn-bn", 421_834),
        ("mnist-cnn-keras", 121_930),
        ("mnist-cnn-128", 225_034),
        ("fashion-cnn", 421_642),
    ],
)
def test_the_originals_have_their_parameter_counts(name, parameters):
    recipe = recipes.get(name)
    model = models.build(recipe.model, (1, 28, 28), 10, **recipe.sizes)
    assert models.count_parameters(model) == parameters


def test_every_recipe_builds_on_a_known_data_set():
    for recipe in recipes.RECIPES.values():
        assert recipe.dataset in DATASETS
        model = models.build(recipe.model, (1, 28, 28), 10, **recipe.sizes)
        assert models.count_parameters(model) < 500_000
        assert recipe.source


def test_originals_keep_the_last_epoch_and_house_recipes_choose_on_validation():
    for name, recipe in recipes.RECIPES.items():
        house = name.endswith("-house") or name == "digits-cnn"
        assert recipe.config.select == ("best" if house else "last")
        assert recipe.config.validation == pytest.approx(1 / 12)


def test_a_recipe_cannot_be_changed():
    recipe = recipes.get("mnist-mlp")
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.config.lr = 1.0
    with pytest.raises(TypeError):
        recipe.sizes["hidden"] = (1,)


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown recipe 'mlp': choose one of digits-cnn"):
        recipes.get("mlp")
