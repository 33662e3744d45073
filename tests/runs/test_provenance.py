"""What stands behind a run's number: read from its files, said in words."""

import hashlib
import json
import shutil

import pytest

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


def test_the_facts_are_those_of_the_files(tiny):
    facts = provenance.table(tiny)
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
    assert provenance.table(tiny)["Commit"] in (commits or {"not recorded"})


def test_facts_that_an_old_run_lacks_are_said_to_be_missing(tiny):
    old = another(tiny, "old")
    info = {k: v for k, v in old.info.items() if k not in ("versions", "created")}
    (old.folder / store.INFO).write_text(json.dumps(info))
    (old.folder / store.MANIFEST).write_text(json.dumps({"files": {}}))
    facts = provenance.table(store.load("old"))
    assert facts["Weights, sha256"] == facts["Trained at"] == "not recorded"


def test_a_run_without_its_manifest_has_no_facts(tiny):
    (tiny.folder / store.MANIFEST).unlink()
    with pytest.raises(files.BrokenRun, match=r"manifest\.json is missing"):
        provenance.table(tiny)


def test_the_note_names_only_effects_that_are_there(tiny):
    assert "dropout and augmentation" in provenance.training_note(tiny.info)
    config = dict.fromkeys(tiny.info["config"], 0)
    plain = {"config": config, "sizes": {"dropout": 0.0}}
    assert "include" not in provenance.training_note(plain)
