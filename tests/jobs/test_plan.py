"""What a training would be, before it starts."""

import numpy as np
import pytest
import torch

from core.data import datasets
from core.jobs import plan
from core.jobs.job import Job
from core.training import models, precision, recipes
from core.training.results import TrainingData

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
    found = plan.estimate(Job(DIGITS, config, **MACHINE))
    run = experiment.run(Job(DIGITS, config, precision="float32", threads=1))
    measured = run.history()[0][1]["seconds"]
    assert found["total_s"] == pytest.approx(2 * found["epoch_s"])
    # other work on the machine moves both: the order of magnitude is what is promised
    assert measured / 4 < found["epoch_s"] - found["evaluation_s"] < measured * 4


def test_a_set_that_is_not_here_is_stood_in_for(no_data):
    found = plan.estimate(Job(recipes.get("mnist-mlp"), **MACHINE))
    assert found["epoch_s"] > 0
    assert not no_data.exists()


def test_an_estimate_fetches_nothing_where_only_the_test_part_is_here(no_data, monkeypatch):
    test = np.zeros((9, 1, 28, 28), np.uint8), np.arange(9), ""
    monkeypatch.setattr(datasets, "load_test", lambda name: test)
    monkeypatch.setattr(datasets, "fetch", lambda *_, **__: pytest.fail("it was fetched"))
    found = plan.estimate(Job(recipes.get("mnist-mlp"), **MACHINE))
    assert found["epoch_s"] > 0


def test_images_are_changed_on_the_device_that_trains(gray, monkeypatch):
    """The device "meta" computes nothing, so that what would be timed there is seen here."""
    seen = []
    monkeypatch.setattr(precision, "train_step", lambda *_: (0.0, None))
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: None)

    def prepared(few, *_):
        seen.append(few.images.device.type)
        yield few.images, few.labels

    monkeypatch.setattr(precision, "prepared_batches", prepared)
    model = models.build("mlp", gray.shape, len(gray.classes)).to("meta")
    precision.time_steps(model, TrainingData.of(gray, DIGITS.config), DIGITS.config, "float32")
    assert seen == ["meta", "meta"]


def test_the_estimate_in_a_worker_says_what_does_not_fit():
    config = DIGITS.config.replace(batch_size=2000)
    with pytest.raises(ValueError, match="batch_size: 2000 is more than the 1317"):
        plan.in_worker("plan", Job(DIGITS, config, **MACHINE))


def test_augmented_samples_differ_from_the_images_and_keep_their_form():
    images = datasets.load_test("digits")[0][:8]
    changed = plan.augmented("digits", DIGITS.config)
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    assert (changed != images).any()
