"""What a training leaves: told, kept in a checkpoint, and read back."""

import pytest

from core.training.results import Trained, TrainingData
from core.training.settings import TrainConfig
from tests.helpers.synthetic import synthetic


def trained() -> Trained:
    history = [
        {"epoch": 1, "seconds": 2.0, "total_seconds": 3.0, "validation_loss": 0.4},
        {"epoch": 2, "seconds": 1.5, "total_seconds": 5.0, "validation_loss": 0.3},
    ]
    return Trained(history, 2)


def test_the_outcome_is_that_of_the_kept_epoch_and_of_all_seconds():
    found = trained().outcome()
    assert (found["kept_epoch"], found["epochs"], found["validation_loss"]) == (2, 2, 0.3)
    assert (found["training_seconds"], found["total_seconds"]) == (3.5, 5.0)


def test_a_training_without_an_epoch_has_an_outcome():
    """Case 60."""
    found = Trained().outcome()
    assert (found["epochs"], found["kept_epoch"], found["validation_loss"]) == (0, 0, None)


def test_a_checkpoint_brings_back_what_was_done():
    before = trained()
    saved = before.to_dict()
    after = Trained.from_dict(saved)
    assert (after.history, after.kept_epoch) == (before.history, 2)
    after.history.append({})
    assert len(saved["history"]) == 2


def test_training_data_is_held_out_and_normalised_as_the_settings_say():
    dataset = synthetic()
    parts = TrainingData.of(dataset, TrainConfig(validation=0.25, normalisation="half"))
    assert (len(parts.fit), len(parts.validation)) == (450, 150)
    assert (parts.mean, parts.std) == ((0.5,), (0.5,))
    with pytest.raises(ValueError, match="batch_size: 451 is more than the 450 training images"):
        parts.check_batch(451)
