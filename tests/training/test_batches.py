"""The order, sizes and balance of batches, and what mixing makes of them."""

import pytest
import torch

from core.training import batches
from core.training.batches import class_weights, epoch_order, make_mix
from core.training.settings import TrainConfig

pytestmark = pytest.mark.trains


def test_a_last_batch_of_one_image_joins_the_one_before():
    """Batch norm takes no single value a channel in training."""
    assert batches.batch_sizes(10, 4) == [4, 4, 2]
    assert batches.batch_sizes(9, 4) == [4, 5]
    assert batches.batch_sizes(8, 4) == [4, 4]
    assert batches.batch_sizes(3, 1) == [1, 1, 1]
    assert batches.batch_sizes(1, 4) == [1]


def test_class_weights_are_inverse_to_the_frequency_and_one_in_the_mean():
    labels = torch.tensor([0] * 6 + [2] * 2)
    found = class_weights(labels, 4)
    assert found[[0, 2]].tolist() == pytest.approx([8 / 12, 2.0])
    assert float(found[labels].mean()) == pytest.approx(1.0)
    assert len(found) == 4
    assert bool(found.isfinite().all())


def test_sampling_draws_each_class_as_often_and_every_epoch_anew():
    labels = torch.tensor([0] * 4000 + [1] * 900 + [2] * 100)
    config = TrainConfig(balance="sampling")
    generator = torch.Generator().manual_seed(1)
    order = epoch_order(labels, config, generator)
    assert len(order) == 5000
    drawn = torch.bincount(labels[order]) / 5000
    assert drawn.tolist() == pytest.approx([1 / 3] * 3, abs=0.03)
    assert len(order[labels[order] == 2].unique()) == 100
    assert not torch.equal(order, epoch_order(labels, config, generator))
    plain = epoch_order(labels, TrainConfig(), generator)
    assert torch.equal(plain.sort().values, torch.arange(5000))
    assert not torch.equal(plain, torch.arange(5000))


@pytest.mark.parametrize(
    "settings", [{"mixup": 0.7}, {"cutmix": 0.7}, {"mixup": 0.7, "cutmix": 0.7}]
)
def test_labels_are_mixed_as_the_pixels_are(settings):
    """Each image has one value, that of its class: its mean then tells the shares."""
    torch.manual_seed(3)
    mix, labels, whole = make_mix(TrainConfig(**settings), 5), torch.arange(5), set()
    images = labels.float().view(-1, 1, 1, 1).expand(5, 1, 12, 12).contiguous()
    for _ in range(40):
        mixed, shares = mix(images, labels)
        assert shares.shape == (5, 5)
        assert torch.allclose(shares.sum(1), torch.ones(5))
        assert torch.allclose(mixed.mean((1, 2, 3)), shares @ labels.float(), atol=1e-4)
        whole.add(bool((mixed.flatten(1).std(1) < 1e-4).all()))  # no edge: mixed, or all of one
    assert False in whole or "cutmix" not in settings
    assert True in whole or "mixup" not in settings
    assert len(whole) == 1 or "cutmix" in settings
    assert make_mix(TrainConfig(), 5) is None
