"""What stands behind a run's number: read from its files, said in words."""

import hashlib
import json
import shutil
import statistics as standard

import pytest

from core.evaluation.uncertainty import wilson_interval
from core.runs import files, provenance, store


def another(run: store.Run, name: str, accuracy: float | None = None, **changes) -> store.Run:
    """A copy of a run with other settings and another result."""
    folder = run.folder.with_name(name)
    shutil.copytree(run.folder, folder)
    (folder / store.INFO).write_text(json.dumps(run.info | {"id": name} | changes))
    if accuracy is not None:
        metrics = run.metrics | {"test_accuracy": accuracy}
        (folder / store.METRICS).write_text(json.dumps(metrics))
    return store.load(name)


def test_seeds_are_those_of_runs_that_differ_by_nothing_else(tiny):
    other = another(tiny, "seed-three", 0.5, seed=3)
    another(tiny, "other-config", 0.6, seed=4, config=tiny.info["config"] | {"lr": 9})
    unfinished = another(tiny, "seed-five", seed=5)
    (unfinished.folder / store.MANIFEST).unlink()
    expected = [(tiny.info["seed"], tiny.metrics["test_accuracy"]), (3, 0.5)]
    known = store.list_runs()
    assert provenance.seeds(tiny, known) == provenance.seeds(other, known) == expected


def test_of_two_runs_with_one_seed_the_run_itself_counts(tiny):
    again = another(tiny, "again", 0.25)
    known = store.list_runs()
    assert provenance.seeds(again, known) == [(tiny.info["seed"], 0.25)]
    assert provenance.seeds(tiny, known) == [(tiny.info["seed"], tiny.metrics["test_accuracy"])]
    assert provenance.seeds(tiny, []) == [(tiny.info["seed"], tiny.metrics["test_accuracy"])]


def test_the_spread_is_said_in_points(tiny):
    accuracies = [0.97, 0.975, 0.968]
    said = provenance.spread_sentence([*enumerate(accuracies)])
    mean, deviation = 100 * standard.mean(accuracies), 100 * standard.stdev(accuracies)
    assert f"seeds 0, 1, 2: {mean:.2f} %, standard deviation {deviation:.2f} points" in said
    assert "One seed only" in provenance.spread_sentence([(0, 0.97)])


def test_the_facts_are_those_of_the_files(tiny):
    facts = provenance.facts(tiny)
    weights = hashlib.sha256((tiny.folder / store.WEIGHTS).read_bytes()).hexdigest()
    assert facts["Weights, sha256"] == weights
    assert facts["Data set, sha256"] == tiny.info["dataset_sha256"]
    assert facts["Test images"] == f"360, of them {tiny.metrics['test_right']} right"
    assert facts["Images"] == "1,317 to fit, 120 to validation, 360 to test"
    assert f"torch {tiny.info['versions']['torch']}" in facts["Versions"]
    assert facts["Trained on"] == "cpu, 1 threads, float32; scored in float32"
    assert facts["Seed"] == str(tiny.info["seed"])
    kept = tiny.metrics["kept_epoch"]
    assert facts["Kept"].startswith(f"epoch {kept} of 2, chosen by ")
    assert all(isinstance(value, str) for value in facts.values())


def test_the_commit_is_the_recorded_one(tiny):
    recorded = json.loads((tiny.folder / store.INFO).read_text())
    commits = {value for name, value in recorded.items() if "commit" in name and value}
    assert provenance.facts(tiny)["Commit"] in (commits or {"not recorded"})


def test_facts_that_an_old_run_lacks_are_said_to_be_missing(tiny):
    old = another(tiny, "old")
    info = {k: v for k, v in old.info.items() if k not in ("versions", "created")}
    (old.folder / store.INFO).write_text(json.dumps(info))
    (old.folder / store.MANIFEST).write_text(json.dumps({"files": {}}))
    facts = provenance.facts(store.load("old"))
    assert facts["Weights, sha256"] == facts["Trained at"] == "not recorded"


def test_a_run_without_its_manifest_has_no_facts(tiny):
    (tiny.folder / store.MANIFEST).unlink()
    with pytest.raises(files.BrokenRun, match=r"manifest\.json is missing"):
        provenance.facts(tiny)


def test_answering_only_when_sure_is_said_with_its_interval():
    low, high = wilson_interval(398, 400)
    assert provenance.coverage_sentence(400, 398, 500, 0.995) == (
        f"Answering only when at least 99.5 % sure it is right on 99.50 % (95 % interval "
        f"{100 * low:.2f} to {100 * high:.2f} %) and leaves 20.0 % of the images to a person."
    )
    assert "leaves 0.0 %" in provenance.coverage_sentence(500, 498, 500, 0.5)
    never = provenance.coverage_sentence(0, 0, 500, 0.999)
    assert never == "Never 99.9 % sure: every image is left to a person."


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.0, "needs no correction"),
        (1.04, "needs no correction"),
        (1.5, "too sure of itself"),
        (0.6, "less sure than it could be"),
    ],
)
def test_a_temperature_says_whether_the_network_is_too_sure(value, words):
    assert words in provenance.temperature_sentence(value)
    assert f"{value:.2f}" in provenance.temperature_sentence(value)


def test_duplicates_are_said_with_those_under_another_label():
    found = {"exact": 0, "near": 0, "images": {"train": 60_000, "test": 10_000}, "pairs": []}
    assert provenance.duplicates_sentence(found).startswith("None of the 10,000 test images")
    pairs = [{"labels": [1, 1]}, {"labels": [1, 7]}, {"labels": [2, 2]}]
    said = provenance.duplicates_sentence(found | {"exact": 1, "near": 2, "pairs": pairs})
    assert "1 exactly and 2 nearly repeat one of the training part; 1 of them under" in said
    said = provenance.duplicates_sentence(found | {"exact": 1, "pairs": pairs[:1]})
    assert "another label" not in said
