"""Networks: parameter counts of the originals, any shape, plain state dicts."""

import pytest
import torch
from torch import nn

from core.training import models


@pytest.mark.parametrize("name", ["mlp", "cnn", "house"])
@pytest.mark.parametrize(
    ("shape", "classes"),
    [((1, 28, 28), 10), ((3, 32, 32), 7), ((3, 24, 40), 2), ((1, 16, 16), 100)],
)
def test_every_network_fits_any_shape_and_number_of_classes(name, shape, classes):
    model = models.build(name, shape, classes)
    logits = model(torch.zeros(5, *shape))
    assert logits.shape == (5, classes)


def test_an_image_too_small_for_the_pools_is_refused():
    with pytest.raises(ValueError, match="4x4 pixels are too small for 3 stages"):
        models.build("house", (1, 4, 4), 10)
    with pytest.raises(ValueError, match="2x2 pixels are too small"):
        models.build("cnn", (1, 2, 2), 10)


def test_unknown_names_and_sizes_say_what_is_known():
    with pytest.raises(ValueError, match="choose one of mlp, cnn, house"):
        models.build("resnet", (1, 28, 28), 10)
    with pytest.raises(ValueError, match=r"model 'mlp'.*depth"):
        models.build("mlp", (1, 28, 28), 10, depth=3)
    with pytest.raises(ValueError, match="classes: 1 is too few"):
        models.build("mlp", (1, 28, 28), 1)


def test_glorot_start_is_uniform_within_its_bound_with_zero_biases():
    torch.manual_seed(0)
    model = models.build("cnn", (1, 28, 28), 10, glorot=True)
    dense = next(layer for layer in model if isinstance(layer, nn.Linear))
    bound = (6 / (dense.in_features + dense.out_features)) ** 0.5
    largest = float(dense.weight.detach().abs().max())
    assert 0.99 * bound < largest <= bound
    assert not dense.bias.detach().any()


def test_the_layer_table_adds_up_to_the_parameter_count():
    model = models.build("cnn", (3, 32, 32), 7)
    rows = list(models.layer_table(model, (3, 32, 32)))
    assert sum(count for _, _, count in rows) == models.count_parameters(model)
    assert rows[-1][1] == (7,)
