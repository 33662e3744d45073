"""The whole story, tiny: any data set in, a run out, scored again from its weights, resumed."""

import numpy as np
import pytest
import torch
from torch import nn

from core.analysis import scoring
from core.jobs import experiment
from core.runs import store
from core.training import recipes
from tests.helpers import one_path
from tests.helpers.synthetic import ONE_THREAD, TINY, recipe_for, synthetic

pytestmark = pytest.mark.trains


@pytest.mark.parametrize(
    ("channels", "side", "classes"),
    one_path([(3, 32, 7), (1, 28, 10), (3, 20, 2), (1, 16, 100)]),
)
def test_any_channels_size_and_classes_pass_through(artifacts, channels, side, classes):
    dataset = synthetic(channels, side, classes, train=6 * classes + 200, test=2 * classes + 20)
    run = experiment.run(recipe_for(dataset), **ONE_THREAD, dataset=dataset)
    assert run.status == "finished"
    assert run.info["shape"] == [channels, side, side]
    assert np.array(run.metrics["confusion"]).shape == (classes, classes)
    assert len(run.metrics["per_class"]) == classes
    stored = run.predictions()
    assert stored["probs"].shape == (len(dataset.test), classes)
    assert stored["probs"].dtype == np.float16
    assert stored["epoch_classes"].shape == (2, len(dataset.test))
    held_out = run.info["images"]["validation"]
    assert stored["validation_probs"].shape == (held_out, classes)
    for part in ("", "validation_"):
        odds, confidence = stored[f"{part}log_odds"], stored[f"{part}probs"].max(1)
        assert (odds.dtype, odds.shape) == (np.float32, confidence.shape)
        assert 1 / (1 + np.exp(-odds)) == pytest.approx(confidence, abs=1e-3)
    again = scoring.reproduce(run.id, dataset)
    assert again.exact
    assert again.found == run.metrics["test_accuracy"]


def test_the_settings_recorded_are_those_that_ran(tiny):
    info = tiny.info
    assert info["config"]["epochs"] == 2
    assert info["changed"] == {"epochs": [recipes.get("digits-cnn").config.epochs, 2]}
    assert info["images"] == {"fit": 1317, "validation": 120, "test": 360}
    assert info["threads"] == 1
    assert info["precision"] == "float32"
    assert info["created"][-6] in "+-"  # case 43: the time carries its zone
    assert sum(row["parameters"] for row in info["layers"]) == info["parameters"]


def test_the_weights_load_with_plain_torch_into_a_network_written_by_hand(artifacts, gray):
    run = experiment.run(recipe_for(gray, widths=(4, 6), dense=16), threads=1, dataset=gray)
    by_hand = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 49, 16),
        nn.ReLU(),
        nn.Linear(16, 10),
    )
    by_hand.load_state_dict(torch.load(run.folder / "model.pth", weights_only=True))
    pixels = (gray.test.images / 255 - gray.mean[0]) / gray.std[0]
    with torch.no_grad():
        predicted = by_hand.eval()(pixels).argmax(1)
    accuracy = float((predicted == gray.test.labels).double().mean())
    assert accuracy == pytest.approx(run.metrics["test_accuracy"])


def test_an_interrupted_run_is_resumed_to_the_end_of_an_unbroken_one(artifacts, gray):
    """Cases 4 and 8."""
    recipe = recipe_for(gray, batch_norm=True)
    config = recipe.config.replace(epochs=3)
    fixed = {"config": config, **ONE_THREAD, "dataset": gray}
    unbroken = experiment.run(recipe, **fixed)

    def stop(record):
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run(recipe, **fixed, callbacks=experiment.Callbacks(epoch=stop))
    broken = next(run for run in store.list_runs() if run.id != unbroken.id)
    assert broken.status == "interrupted"
    assert len(broken.history()[0]) == 2
    with pytest.raises(ValueError, match="has no final weights yet"):
        scoring.load_model(broken)

    resumed = experiment.resume(broken.id, dataset=gray)
    assert resumed.status == "finished"
    assert resumed.metrics["test_accuracy"] == unbroken.metrics["test_accuracy"]
    first, second = (store.read_weights(run) for run in (unbroken, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert len((resumed.folder / store.HISTORY).read_text().splitlines()) == 3  # none twice
    assert not (resumed.folder / store.CHECKPOINT).exists()


def test_a_run_broken_before_its_first_checkpoint_starts_over(artifacts, gray):
    recipe = recipe_for(gray)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run(
            recipe, **ONE_THREAD, dataset=gray, callbacks=experiment.Callbacks(start=stop)
        )
    broken = store.list_runs()[0]
    assert experiment.resume(broken.id, dataset=gray).status == "finished"


def test_what_a_kill_left_beside_the_record_is_swept_when_the_run_begins_again(artifacts, gray):
    """Case 4: killed while run.json was written, so that there is nothing to resume yet."""
    folder = store.create({"id": "asked-for"}, store.REQUEST)
    (folder / ".run.json.x1.tmp").write_text("half")
    run = experiment.run(recipe_for(gray), **ONE_THREAD, dataset=gray, run_id="asked-for")
    assert not list(run.folder.glob(".*"))


def test_bad_settings_leave_no_folder_behind(artifacts, gray):
    """Case 41."""
    recipe = recipe_for(gray)
    with pytest.raises(ValueError, match="batch_size"):
        experiment.run(recipe, config=recipe.config.replace(batch_size=9000), dataset=gray)
    with pytest.raises(ValueError, match="device"):
        experiment.run(recipe, device="tpu", dataset=gray)
    assert list(artifacts.iterdir()) == []


def test_validation_zero_trains_on_everything_and_keeps_the_last_epoch(artifacts):
    config = TINY.replace(epochs=1, validation=0.0)
    run = experiment.run(recipes.get("digits-cnn"), config=config, **ONE_THREAD)
    assert run.info["images"]["fit"] == 1437
    assert run.metrics["validation_accuracy"] is None
    assert run.metrics["kept_epoch"] == 1
