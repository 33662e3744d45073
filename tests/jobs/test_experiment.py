"""The whole story, tiny: any data set in, a run out, scored again from its weights, resumed."""

import numpy as np
import pytest
import torch
from torch import nn

from core.analysis import scoring
from core.jobs import experiment
from core.jobs.job import Job
from core.runs import files, store
from core.runs.files import BrokenRun
from core.training import loop, models, recipes
from core.training.results import Diverged
from tests.helpers import one_path
from tests.helpers.synthetic import ONE_THREAD, TINY, recipe_for, synthetic

pytestmark = pytest.mark.trains


@pytest.mark.parametrize(
    ("channels", "side", "classes"),
    one_path([(3, 32, 7), (1, 28, 10), (3, 20, 2), (1, 16, 100)]),
)
def test_any_channels_size_and_classes_pass_through(artifacts, channels, side, classes):
    dataset = synthetic(channels, side, classes, train=6 * classes + 200, test=2 * classes + 20)
    run = experiment.run(Job(recipe_for(dataset), **ONE_THREAD), dataset=dataset)
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
    run = experiment.run(Job(recipe_for(gray, widths=(4, 6), dense=16), threads=1), dataset=gray)
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
    job = Job(recipe, config, **ONE_THREAD)
    unbroken = experiment.run(job, dataset=gray)

    def stop(record):
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run(job, dataset=gray, callbacks=experiment.Callbacks(epoch=stop))
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
            Job(recipe, **ONE_THREAD), dataset=gray, callbacks=experiment.Callbacks(start=stop)
        )
    broken = store.list_runs()[0]
    assert experiment.resume(broken.id, dataset=gray).status == "finished"


def test_what_a_kill_left_beside_the_record_is_swept_when_the_run_begins_again(artifacts, gray):
    """Case 4: killed while run.json was written, so that there is nothing to resume yet."""
    folder = store.create({"id": "asked-for"}, store.REQUEST)
    (folder / ".run.json.x1.tmp").write_text("half")
    run = experiment.run(Job(recipe_for(gray), **ONE_THREAD), dataset=gray, run_id="asked-for")
    assert not list(run.folder.glob(".*"))


def test_bad_settings_leave_no_folder_behind(artifacts, gray):
    """Case 41."""
    recipe = recipe_for(gray)
    with pytest.raises(ValueError, match="batch_size"):
        experiment.run(Job(recipe, recipe.config.replace(batch_size=9000)), dataset=gray)
    with pytest.raises(ValueError, match="device"):
        experiment.run(Job(recipe, device="tpu"), dataset=gray)
    assert list(artifacts.iterdir()) == []


def test_validation_zero_trains_on_everything_and_keeps_the_last_epoch(artifacts):
    config = TINY.replace(epochs=1, validation=0.0)
    run = experiment.run(Job(recipes.get("digits-cnn"), config, **ONE_THREAD))
    assert run.info["images"]["fit"] == 1437
    assert run.metrics["validation_accuracy"] is None
    assert run.metrics["kept_epoch"] == 1


def stopping(epoch: int, raising: type[BaseException] = experiment.Stopped):
    """Callbacks that end a training within that epoch."""

    def batch(now: int, *_):
        if now == epoch:
            raise raising

    return experiment.Callbacks(batch=batch)


def contents(folder) -> dict:
    """What a run shows of itself, byte for byte."""
    return {name: (folder / name).read_bytes() for name in (*store.FINISHED_FILES, store.MANIFEST)}


def test_a_run_stopped_in_its_first_epoch_is_whole_and_has_its_first_weights(artifacts, gray):
    """Case 9."""
    recipe = recipe_for(gray, batch_norm=True)
    run = experiment.run(Job(recipe, **ONE_THREAD), dataset=gray, callbacks=stopping(1))
    assert run.status == "stopped"
    assert (run.metrics["epochs"], run.metrics["kept_epoch"]) == (0, 0)
    assert run.predictions()["epoch_classes"].shape == (0, len(gray.test))
    assert run.history() == ([], 0)
    fresh = models.build("cnn", gray.shape, 10, seed=0, batch_norm=True).state_dict()
    found = store.read_weights(run)
    assert all(torch.equal(value, found[name]) for name, value in fresh.items())
    resumed = experiment.resume(run.id, dataset=gray)
    unbroken = experiment.run(Job(recipe, **ONE_THREAD), dataset=gray)
    first, second = (store.read_weights(each) for each in (resumed, unbroken))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_stopped_run_that_cannot_go_on_keeps_its_results(artifacts, gray, rgb, monkeypatch):
    """Case 59: other data, a broken checkpoint, lost answers, a loss that is not finite."""
    run = experiment.run(Job(recipe_for(gray), **ONE_THREAD), dataset=gray, callbacks=stopping(2))
    before = contents(run.folder)
    with pytest.raises(ValueError, match="is not the one the run was trained on"):
        experiment.resume(run.id, dataset=rgb)
    assert contents(run.folder) == before
    checkpoint, answers = (run.folder / name for name in (store.CHECKPOINT, store.EPOCHS))
    for path, words in ((checkpoint, "not a readable checkpoint"), (answers, "lacks the answers")):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BrokenRun, match=words):
            experiment.resume(run.id, dataset=gray)
        assert contents(run.folder) == before
        path.write_bytes(whole)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "score", lambda *_: {"validation_loss": float("inf")})
        with pytest.raises(Diverged):
            experiment.resume(run.id, dataset=gray)
    assert contents(run.folder) == before
    with pytest.raises(KeyboardInterrupt):
        experiment.resume(run.id, dataset=gray, callbacks=stopping(2, KeyboardInterrupt))
    assert store.load(run.id).status == "stopped"
    assert experiment.resume(run.id, dataset=gray).status == "finished"


def test_a_run_that_ends_early_is_finished_and_says_so(artifacts, gray, monkeypatch):
    told = {"validation_loss": 1.0, "validation_accuracy": 0.5}
    monkeypatch.setattr(loop, "score", lambda *_: told)
    recipe = recipe_for(gray)
    config = recipe.config.replace(epochs=20, patience=1)
    run = experiment.run(Job(recipe, config, **ONE_THREAD), dataset=gray)
    assert run.status == "finished"
    assert (run.metrics["stopped_early"], run.metrics["epochs"]) == (True, 2)
    whole = experiment.run(Job(recipe, **ONE_THREAD), dataset=gray)
    assert whole.metrics["stopped_early"] is False
    stopped = experiment.run(Job(recipe, **ONE_THREAD), dataset=gray, callbacks=stopping(2))
    assert stopped.metrics["stopped_early"] is False


def test_a_stopped_run_has_the_average_of_its_weights(artifacts, gray):
    recipe = recipe_for(gray)
    config = recipe.config.replace(ema=0.9)
    run = experiment.run(Job(recipe, config, **ONE_THREAD), dataset=gray, callbacks=stopping(2))
    average = files.read_tensors(run.folder / store.CHECKPOINT)["average"]
    found = store.read_weights(run)
    assert all(torch.equal(value, found[name]) for name, value in average.items())
    assert run.metrics["test_accuracy"] == run.history()[0][0]["test_accuracy"]


def test_the_first_new_epoch_of_a_stopped_run_replaces_its_results(artifacts, gray):
    recipe = recipe_for(gray)
    config = recipe.config.replace(epochs=3)
    job = Job(recipe, config, **ONE_THREAD)
    run = experiment.run(job, dataset=gray, callbacks=stopping(2))
    with pytest.raises(KeyboardInterrupt):
        experiment.resume(run.id, dataset=gray, callbacks=stopping(3, KeyboardInterrupt))
    assert store.load(run.id).status == "interrupted"
    assert store.load(run.id).metrics == {}


def test_answers_of_every_epoch_are_written_once_and_end_in_the_predictions(artifacts, gray):
    """An epoch whose checkpoint was not reached does not count."""
    job = Job(recipe_for(gray), **ONE_THREAD)
    unbroken = experiment.run(job, dataset=gray)
    run = experiment.run(job, dataset=gray, callbacks=stopping(2))
    answers, checkpoint = (run.folder / name for name in (store.EPOCHS, store.CHECKPOINT))
    assert answers.stat().st_size == 2 * len(gray.test)
    assert set(files.read_tensors(checkpoint)["done"]) == {"history", "kept_epoch"}
    assert run.predictions()["epoch_classes"].shape == (1, len(gray.test))
    with answers.open("ab") as file:
        file.write(b"x" * (3 * len(gray.test)))
    resumed = experiment.resume(run.id, dataset=gray)
    assert not answers.exists()
    found, expected = resumed.predictions(), unbroken.predictions()
    for name in ("epoch_classes", "epoch_confidences"):
        assert np.array_equal(found[name], expected[name])
    right = found["epoch_classes"] == gray.test.labels.numpy()
    told = [record["test_accuracy"] for record in resumed.history()[0]]
    assert right.mean(1).tolist() == pytest.approx(told)


def test_a_checkpoint_of_an_older_version_goes_on(artifacts, gray):
    """It held the answers of all epochs itself."""
    job = Job(recipe_for(gray), **ONE_THREAD)
    unbroken = experiment.run(job, dataset=gray)
    run = experiment.run(job, dataset=gray, callbacks=stopping(2))
    both = torch.from_numpy(files.read_epochs(run.folder / store.EPOCHS, 1, len(gray.test)).copy())
    saved = files.read_tensors(run.folder / store.CHECKPOINT)
    saved["done"] |= {"shown_classes": both[:, 0], "shown_confidences": both[:, 1]}
    files.write_tensors(run.folder / store.CHECKPOINT, saved)
    (run.folder / store.EPOCHS).unlink()
    found, expected = experiment.resume(run.id, dataset=gray).predictions(), unbroken.predictions()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_network_whose_checkpoint_could_not_be_read_is_refused_before_it_trains(
    artifacts, gray, monkeypatch
):
    monkeypatch.setattr(files, "MAX_TENSOR_BYTES", 2_700_000)
    recipe = recipe_for(gray, "mlp", hidden=(64,))
    experiment.run(Job(recipe, **ONE_THREAD), dataset=gray, callbacks=stopping(2))
    large = recipe_for(gray, "mlp", hidden=(128,))
    with pytest.raises(ValueError, match=r"parameters: 101,770 make checkpoints of 3 MB, over"):
        experiment.run(Job(large, **ONE_THREAD), dataset=gray)
    assert len(list(artifacts.iterdir())) == 1


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("select", ["last", "best"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_checkpoint_weighs_what_was_foreseen(artifacts, gray, optimizer, select, ema):
    recipe = recipe_for(gray, "mlp", hidden=(600, 600))
    config = recipe.config.replace(optimizer=optimizer, select=select, ema=ema)
    run = experiment.run(Job(recipe, config, **ONE_THREAD), dataset=gray, callbacks=stopping(2))
    model = models.build("mlp", gray.shape, 10, hidden=(600, 600))
    foreseen = loop.checkpoint_bytes(model, config)
    assert foreseen - 2_100_000 < (run.folder / store.CHECKPOINT).stat().st_size <= foreseen


def test_as_many_threads_compute_as_were_asked_for(artifacts, gray, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    job = Job(recipe_for(gray), precision="float32", threads=3)
    run = experiment.run(job, dataset=gray, callbacks=stopping(2))
    assert asked == [3]
    experiment.resume(run.id, dataset=gray)
    assert asked == [3, run.info["threads"]]
