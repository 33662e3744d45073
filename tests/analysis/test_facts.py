"""What is true of a run's number: each fact against its source, with n, interval and method."""

import json
import shutil
import statistics

import numpy as np
import pytest

from core.analysis import facts
from core.evaluation.uncertainty import prediction_interval, wilson_interval
from core.runs import dataset_cache, files, store
from tests.helpers import ROOT


def changed(run: store.Run, file: str, /, **changes) -> store.Run:
    value = json.loads((run.folder / file).read_text())
    files.write_json(run.folder / file, value | changes)
    return store.load(run.id)


def test_the_accuracy_is_said_with_n_and_an_interval_that_is_rightly_named(tiny):
    right, count = tiny.metrics["test_right"], tiny.metrics["test_count"]
    fact = facts.accuracy(tiny)
    assert (fact.value, fact.n) == (right / count, count)
    assert fact.interval == wilson_interval(right, count)
    low = fact.interval[0]
    assert f"of 360 test images are classified correctly; 95 % interval {100 * low:.2f} to" in (
        fact.sentence
    )
    assert "other images" not in fact.sentence + fact.how


def test_what_to_expect_of_other_images_is_a_prediction_interval(tiny):
    right, count = tiny.metrics["test_right"], tiny.metrics["test_count"]
    fact = facts.other_images(tiny)
    assert fact.interval == prediction_interval(right, count)
    inner = facts.accuracy(tiny).interval
    assert fact.interval[0] < inner[0]
    assert "prediction interval" in fact.how


def another(run: store.Run, name: str, accuracy: float, **changes) -> store.Run:
    folder = run.folder.with_name(name)
    shutil.copytree(run.folder, folder)
    (folder / store.INFO).write_text(json.dumps(run.info | {"id": name} | changes))
    (folder / store.METRICS).write_text(json.dumps(run.metrics | {"test_accuracy": accuracy}))
    return store.load(name)


def test_seeds_are_counted_also_where_an_older_run_lacks_a_setting(tiny):
    """A setting that did not exist yet had its default."""
    assert facts.seeds(tiny).concern
    assert "One seed (0) was trained" in facts.seeds(tiny).sentence
    older = {name: value for name, value in tiny.info["config"].items() if name != "upstrokes"}
    other = another(tiny, "older", 0.5, seed=1, config=older)
    for run in (tiny, other):
        fact = facts.seeds(run)
        accuracies = [tiny.metrics["test_accuracy"], 0.5]
        assert (fact.n, fact.concern) == (2, False)
        assert fact.value == pytest.approx(statistics.mean(accuracies))
        assert fact.sentence.startswith("Over seeds 0, 1 the mean is ")
        assert f"deviation {100 * statistics.stdev(accuracies):.2f} points" in fact.sentence


def test_three_seeds_of_the_shipped_mlp_are_three(monkeypatch):
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(ROOT / "artifacts"))
    mlps = [run for run in store.list_runs() if run.info.get("recipe") == "mnist-mlp"]
    assert [facts.seeds(run).n for run in mlps] == [3, 3, 3]


def test_a_seed_on_other_data_is_no_seed_of_this_run(tiny):
    another(tiny, "other-data", 0.5, seed=1, dataset_sha256="0" * 64)
    assert facts.seeds(tiny).n == 1


def test_what_the_test_images_were_used_for_is_said(tiny):
    """They are scored after every epoch, so they did not judge it "once"."""
    fact = facts.split(tiny)
    assert fact.sentence == (
        "1,317 images of Digits (bundled) taught it, 120 were held out for choices, 360 judged it."
    )
    assert "scored after every epoch, for the record" in fact.how


def duplicates(exact: int, near: int, labels: tuple[list[int], ...] = ()) -> dict:
    pairs = [{"labels": pair} for pair in labels]
    return {"exact": exact, "near": near, "images": {"test": 360}, "pairs": pairs}


@pytest.mark.parametrize(
    ("known", "words", "asks"),
    [
        (duplicates(0, 0), "None of the 360 test images stands in the training part", False),
        (duplicates(1, 0, ([1, 1],)), "1 exactly and none nearly repeat", True),
        (duplicates(0, 2, ([1, 7], [2, 2])), "1 of them under another label", True),
    ],
)
def test_images_that_stand_in_both_parts_are_counted(tiny, known, words, asks):
    digest = {"dataset_sha256": tiny.info["dataset_sha256"]}
    dataset_cache.write("digits", "duplicates", digest | known)
    fact = facts.repeated(tiny)
    assert words in fact.sentence
    assert fact.concern is asks


def test_what_was_not_looked_for_is_said_with_its_command(tiny):
    run = changed(tiny, store.INFO, dataset="own", dataset_sha256="0" * 64)
    assert "python -m core duplicates own" in facts.repeated(run).sentence


@pytest.mark.parametrize(("held_out", "asks"), [(0, True), (120, False)])
def test_nothing_held_out_asks_for_an_answer(tiny, held_out, asks):
    run = changed(tiny, store.INFO, images=tiny.info["images"] | {"validation": held_out})
    told = [fact.sentence for fact in facts.of_data(run) if fact.concern]
    assert told == (["Nothing was held out: no setting can have been chosen honestly."] * asks)


@pytest.mark.parametrize(("most", "asks"), [(30, False), (31, True)])
def test_a_test_part_is_uneven_from_half_as_many_again(tiny, most, asks):
    run = changed(tiny, store.METRICS, per_class=[{"support": 20}, {"support": most}])
    assert any("20 to 31 images a class" in fact.sentence for fact in facts.of_data(run)) is asks


def scored(run: store.Run, log_odds: list[float], right: list[bool]) -> store.Run:
    """The run with these answers on as many images of class 0."""
    arrays = {
        "labels": np.zeros(len(right), int),
        "probs": np.where(np.array(right)[:, None], [[1.0, 0]], [[0, 1.0]]).astype(np.float16),
        "log_odds": np.array(log_odds, np.float32),
    }
    files.write_arrays(run.folder / store.PREDICTIONS, **arrays)
    return run


def test_answering_only_when_sure_is_said_with_its_interval(tiny):
    run = scored(tiny, [9.0] * 400 + [0.1] * 100, [True] * 398 + [False] * 102)
    low, high = wilson_interval(398, 400)
    assert facts.coverage(run, 0.995).sentence == (
        "Answering only when at least 99.5 % sure it is right on 99.50 % of 400 images (95 % "
        f"interval {100 * low:.2f} to {100 * high:.2f} %) and leaves 20.0 % to a person."
    )
    assert "leaves 0.0 %" in facts.coverage(run, 0.5).sentence
    never = facts.coverage(run, 0.9999).sentence
    assert never == "Never 99.99 % sure: every image is left to a person."


def test_a_stopped_training_and_its_author_are_named(tiny):
    run = changed(tiny, store.METRICS, stopped=True, epochs=2)
    run = changed(run, store.INFO, stated="97 %")
    told = {fact.sentence: fact.concern for fact in facts.of_limits(run)}
    assert told["The training was stopped after 2 epochs."]
    assert not told["Its author stated 97 %."]
