"""What a training would be, before it starts."""

import pytest

from core.data import datasets
from core.jobs import plan
from core.training import recipes

DIGITS = recipes.get("digits-cnn")
MACHINE = {"device": "cpu", "precision": "float32", "threads": 1}


def test_layers_add_up_and_end_in_the_classes():
    table = plan.layers(recipes.get("mnist-mlp"))
    assert sum(count for *_, count in table) == 109_386
    assert table[-1][1] == (10,)


@pytest.mark.trains
@pytest.mark.slow
def test_the_estimate_is_near_the_time_that_training_takes(artifacts):
    from core.jobs import experiment

    config = DIGITS.config.replace(epochs=2)
    found = plan.estimate(DIGITS, config, **MACHINE)
    run = experiment.run(DIGITS, config=config, precision="float32", threads=1)
    measured = run.history()[0][1]["seconds"]
    assert found["total_s"] == pytest.approx(2 * found["epoch_s"])
    # other work on the machine moves both: the order of magnitude is what is promised
    assert measured / 4 < found["epoch_s"] - found["evaluation_s"] < measured * 4


def test_a_set_that_is_not_here_is_stood_in_for(no_data):
    found = plan.estimate(recipes.get("mnist-mlp"), recipes.get("mnist-mlp").config, **MACHINE)
    assert found["epoch_s"] > 0
    assert not no_data.exists()


def test_the_estimate_in_a_worker_says_what_does_not_fit():
    config = DIGITS.config.replace(batch_size=2000)
    with pytest.raises(ValueError, match="batch_size: 2000 is more than the 1317"):
        plan.estimate_in_worker(DIGITS, config, **MACHINE)


def test_augmented_samples_differ_from_the_images_and_keep_their_form():
    images = datasets.load_test("digits")[0][:8]
    changed = plan.augmented("digits", DIGITS.config)
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    assert (changed != images).any()
