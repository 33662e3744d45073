"""Training further with own drawings: what it begins from is frozen, honest and resumable."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from core.analysis import scoring
from core.data import datasets
from core.evaluation import curves
from core.jobs import experiment, fine_tuning, queue
from core.jobs.job import Job
from core.reading import personal
from core.runs import files, provenance, store
from core.training import recipes
from tests.helpers import one_path
from tests.helpers.drawings import further, keep_training_images
from tests.helpers.synthetic import synthetic


@pytest.fixture
def kept(tiny) -> store.Run:
    """The tiny run, with 24 drawings that it reads."""
    keep_training_images(personal.kind_of(tiny), 24)
    return tiny


def test_the_drawings_held_out_are_never_trained_on(kept):
    kind = personal.kind_of(kept)
    found = fine_tuning.prepare(kept.id)
    entries = personal.entries(kind)
    held = {entry.id for entry in entries if entry.held_out}
    assert {personal.identify(image) for image in found.held_out[0]} == held
    assert {personal.identify(image) for image in found.fit[0]} == {e.id for e in entries} - held
    assert found.personal["held_out"] == len(held) > 0
    assert found.personal["count"] == 24 - len(held)


@pytest.mark.parametrize(
    ("images", "drawings", "expected"),
    [(55_000, 500, 22), (55_000, 5, 50), (1317, 20, 13), (9, 9, 1)],
)
def test_drawings_count_as_a_fifth_of_the_images_and_at_most_fifty_times(
    images, drawings, expected
):
    assert fine_tuning.repeats(images, drawings) == expected


def test_test_images_among_the_drawings_are_left_out(kept):
    """Kept from the Draw page's own test images, bright or pale, or as the picture itself."""
    kind = personal.kind_of(kept)
    test = datasets.load_test("digits")[0]
    pale = (test[1] * 0.8).astype(np.uint8)
    for image in (test[0], pale):
        personal.add(kind, Image.new("L", (50, 50)), image, "0")
    other = np.eye(28, dtype=np.uint8)[None] * 255
    personal.add(kind, Image.fromarray(255 - test[2, 0]), other, "0")
    found = fine_tuning.prepare(kept.id)
    assert found.personal["test_images_left_out"] == 3
    assert found.personal["count"] + found.personal["held_out"] == 24
    assert not fine_tuning.near_duplicates(found.fit[0], test).any()


def test_test_images_are_made_ready_once_however_many_small_pictures_there_are(kept, monkeypatch):
    kind, test = personal.kind_of(kept), datasets.load_test("digits")[0]
    for place in range(5):
        other = np.eye(28, k=place, dtype=np.uint8)[None] * 255
        personal.add(kind, Image.fromarray(255 - test[place, 0]), other, "0")
    sizes, unit = [], fine_tuning._unit
    monkeypatch.setattr(fine_tuning, "_unit", lambda rows: sizes.append(len(rows)) or unit(rows))
    assert fine_tuning.prepare(kept.id).personal["test_images_left_out"] == 5
    assert sizes.count(len(test)) == 1


def test_a_run_trained_further_says_from_what_and_with_what(kept):
    run = experiment.run(further(kept))
    drawings = run.info["personal"]
    assert run.info["start_from"]["run"] == kept.id
    assert run.info["start_from"]["weights_sha256"] == store.weights_sha256(kept)
    stored = files.read_arrays(run.folder / fine_tuning.DRAWINGS)
    classes = tuple(run.info["classes"])
    assert drawings["sha256"] == datasets.hash_part(stored["images"], stored["labels"], classes)
    assert run.info["images"]["fit"] == 1317 + drawings["count"] * drawings["repeats"]
    assert run.info["images"]["test"] == 360
    for name in ("test_sha256", "dataset_sha256", "mean", "std"):
        assert run.info[name] == kept.info[name]  # so that the two compare
    assert run.info["config"]["epochs"] == 1  # a quarter of two
    assert run.info["config"]["lr"] == pytest.approx(0.3 * kept.info["config"]["lr"])
    held = run.metrics["personal"]
    assert held["held_out"] == drawings["held_out"]
    labels = torch.from_numpy(stored["held_out_labels"]).numpy()
    model = scoring.load_model(kept)
    part = (stored["held_out_images"], labels)
    args = (kept.info["mean"], kept.info["std"])
    assert held["right_before"] == scoring.count_right(model, part, *args)
    assert held["right_after"] == scoring.count_right(scoring.load_model(run), part, *args)
    assert not (run.folder / fine_tuning.START).exists()


def test_it_starts_from_the_weights_and_not_from_chance(kept):
    """One epoch at a rate that changes nothing: what comes out is what went in."""
    run = experiment.run(further(kept, epochs=1, lr=1e-8))
    before, after = store.read_weights(kept), store.read_weights(run)
    for name, value in before.items():
        if "running" not in name and "num_batches" not in name:
            assert torch.allclose(value, after[name], atol=1e-4), name


def test_evaluate_reproduces_it_when_the_set_has_grown_and_the_first_run_is_gone(kept):
    run = experiment.run(further(kept))
    keep_training_images(personal.kind_of(kept), 5, first=100)
    queue.delete(kept.id)
    assert scoring.reproduce(run.id).exact


def broken_off(kept: store.Run, after: int, **changes) -> store.Run:
    def stop(record):
        if record["epoch"] == after:
            raise KeyboardInterrupt

    callbacks = experiment.Callbacks(epoch=stop)
    if after == 0:
        callbacks = experiment.Callbacks(start=lambda info: stop({"epoch": 0}))
    with pytest.raises(KeyboardInterrupt):
        experiment.run(further(kept, **changes), callbacks=callbacks)
    return next(run for run in store.list_runs() if run.status == "interrupted")


@pytest.mark.parametrize("after", one_path([1, 0]))
def test_it_is_resumed_to_the_end_of_an_unbroken_one(kept, after):
    """Case 8: also when meanwhile the set has grown and the first run is gone, and also when it
    was broken off before its first checkpoint.
    """
    unbroken = experiment.run(further(kept, epochs=2))
    broken = broken_off(kept, after, epochs=2)
    keep_training_images(personal.kind_of(kept), 9, first=200)
    queue.delete(kept.id)
    resumed = experiment.resume(broken.id)
    assert resumed.status == "finished"
    first, second = (store.read_weights(run) for run in (unbroken, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert resumed.metrics["personal"] == unbroken.metrics["personal"]


def test_drawings_changed_under_a_run_are_noticed(kept):
    """Case 26."""
    broken = broken_off(kept, 1, epochs=2)
    path = broken.folder / fine_tuning.DRAWINGS
    arrays = files.read_arrays(path)
    arrays["labels"] = (arrays["labels"] + 1) % 10
    files.write_arrays(path, **arrays)
    with pytest.raises(files.BrokenRun, match="not the drawings that the run began with"):
        experiment.resume(broken.id)
    path.unlink()
    with pytest.raises(files.BrokenRun, match=r"personal\.npz is missing"):
        experiment.resume(broken.id)


def test_the_line_freezes_what_was_there_when_it_was_asked_for(kept, no_workers):
    kind = personal.kind_of(kept)
    submitted = queue.submit(further(kept))
    again = queue.submit(further(kept))
    assert (again.run_id, again.already) == (submitted.run_id, True)  # case 3
    run = store.load(submitted.run_id)
    keep_training_images(kind, 9, first=300)
    found = fine_tuning.frozen(run.folder, run.info)
    assert found.personal == run.info["personal"]
    assert len(found.fit[1]) + len(found.held_out[1]) == 24
    more = queue.submit(further(kept))
    assert not more.already
    plain = queue.submit(dataclasses.replace(further(kept), tuning=None))
    assert not plain.already  # the same settings from the beginning are another wish


def test_it_is_no_seed_of_the_recipe_that_it_goes_on_from(kept):
    info = dict(kept.info)
    assert curves.seed_key(info) != curves.seed_key(info | {"start_from": {"run": "x"}})


def test_a_further_training_of_a_further_training_counts_only_images_of_the_set(kept):
    first = experiment.run(further(kept))
    found = fine_tuning.request(first.id)
    assert found.tuning.personal["repeats"] == first.info["personal"]["repeats"]
    assert found.config.lr == first.info["config"]["lr"]  # gentle already
    assert found.name.endswith("with own drawings")


def test_other_data_under_the_same_name_is_refused(kept):
    with pytest.raises(ValueError, match="is not the one the run was trained on"):
        experiment.run(further(kept), dataset=synthetic())


def test_what_cannot_be_trained_further_says_why(tiny, monkeypatch, no_workers):
    with pytest.raises(ValueError, match=r"of 0 drawings .* none is there to train on"):
        fine_tuning.prepare(tiny.id)
    with pytest.raises(store.RunNotFound):
        fine_tuning.prepare("nobody")
    waiting = queue.submit(Job(recipes.get("digits-cnn"))).run_id
    with pytest.raises(ValueError, match="only a finished run can be trained further"):
        fine_tuning.prepare(waiting)


def test_a_damaged_first_run_leaves_nothing_in_line(kept, no_workers):
    """Case 26."""
    found = further(kept)
    path = kept.folder / store.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    with pytest.raises(files.BrokenRun, match="checksum mismatch"):
        queue.submit(found)
    assert queue.active_runs() == []
    assert [run.id for run in store.list_runs()] == [kept.id]


def test_a_copy_of_a_run_from_elsewhere_without_its_drawings_is_still_evaluated(kept):
    run = experiment.run(further(kept))
    (run.folder / fine_tuning.DRAWINGS).unlink()
    assert scoring.reproduce(run.id).exact
    info = json.loads((run.folder / store.INFO).read_text())
    assert info["personal"]["count"]
    shutil.rmtree(run.folder)


def test_a_finished_run_goes_on_for_more_epochs_as_a_run_of_its_own(tiny):
    before = store.read_weights(tiny)
    job = fine_tuning.extend(tiny.id, 2)
    assert (job.config.epochs, job.config.lr) == (2, tiny.info["config"]["lr"])
    run = experiment.run(dataclasses.replace(job, precision="float32", threads=1))
    assert run.id != tiny.id
    assert run.info["start_from"]["run"] == tiny.id
    assert provenance.table(run)["Went on from"].startswith(tiny.id)
    assert "Own drawings" not in provenance.table(run)
    assert len(run.history()[0]) == 2
    assert run.info["images"] == tiny.info["images"]
    again = experiment.run(
        dataclasses.replace(fine_tuning.extend(tiny.id, 1, lr=1e-8), precision="float32", threads=1)
    )
    moved = [
        (before[name] - value).abs().max()
        for name, value in store.read_weights(again).items()
        if name.endswith("weight")
    ]
    assert max(moved) < 1e-4


def test_only_a_finished_run_is_extended(tiny):
    (tiny.folder / store.MANIFEST).unlink()
    with pytest.raises(ValueError, match="only a finished run can be trained further"):
        fine_tuning.extend(tiny.id, 2)
