"""What a training leaves: told, kept in a checkpoint, and read back."""

import numpy as np
import pytest
import torch

from core.training.results import Trained, TrainingData
from core.training.settings import TrainConfig
from tests.helpers.synthetic import synthetic


def trained() -> Trained:
    history = [
        {"epoch": 1, "seconds": 2.0, "total_seconds": 3.0, "validation_loss": 0.4},
        {"epoch": 2, "seconds": 1.5, "total_seconds": 5.0, "validation_loss": 0.3},
    ]
    classes = [torch.tensor([1, 2, 3], dtype=torch.uint8), torch.tensor([1, 2, 2])]
    return Trained(history, 2, classes, [torch.zeros(3, dtype=torch.uint8)] * 2)


def test_the_outcome_is_that_of_the_kept_epoch_and_of_all_seconds():
    found = trained().outcome()
    assert (found["kept_epoch"], found["epochs"], found["validation_loss"]) == (2, 2, 0.3)
    assert (found["training_seconds"], found["total_seconds"]) == (3.5, 5.0)


def test_a_training_without_an_epoch_has_an_outcome_and_no_predictions():
    """Case 60."""
    found = Trained()
    assert found.outcome()["epochs"] == 0
    assert found.predictions(7)["epoch_classes"].shape == (0, 7)


def test_a_checkpoint_brings_back_what_was_done():
    before = trained()
    after = Trained.from_dict(before.to_dict())
    assert after.history == before.history
    assert np.array_equal(after.predictions(3)["epoch_classes"], [[1, 2, 3], [1, 2, 2]])


def test_training_data_is_held_out_and_normalised_as_the_settings_say():
    dataset = synthetic()
    parts = TrainingData.of(dataset, TrainConfig(validation=0.25, normalisation="half"))
    assert (len(parts.fit), len(parts.validation)) == (450, 150)
    assert (parts.mean, parts.std) == ((0.5,), (0.5,))
    with pytest.raises(ValueError, match="batch_size: 451 is more than the 450 training images"):
        parts.check_batch(451)
