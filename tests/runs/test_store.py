"""The run folder: what is read from it in good and in bad states."""

import json
import os

import pytest

from core.runs import files, locks, store

INFO = {
    "recipe": "mnist-mlp",
    "title": "MLP",
    "dataset": "mnist",
    "seed": 0,
    "classes": ["a", "b"],
    "shape": [1, 2, 2],
}


def make(run_id: str, **changes) -> store.Run:
    store.create({"id": run_id, **INFO, **changes})
    return store.load(run_id)


def finish(run_id: str, accuracy: float) -> None:
    folder = make(run_id).folder
    metrics = {"test_accuracy": accuracy, "confusion": [[1]], "per_class": []}
    files.write_json(folder / store.METRICS, metrics)
    files.write_json(folder / store.MANIFEST, {"files": {}})


def test_a_finished_run_has_every_file_and_no_checkpoint(tiny):
    names = {path.name for path in tiny.folder.iterdir()} - {"lock"}
    assert names == {*store.FINISHED_FILES, store.MANIFEST}
    assert tiny.status == "finished"
    assert tiny.title == "Tiny"


def test_the_stable_names_that_other_tools_read_are_there(tiny):
    info = json.loads((tiny.folder / "run.json").read_text())
    assert info["recipe"] == "digits-cnn"
    assert info["dataset"] == "digits"
    assert info["seed"] == 0
    assert info["parameters"] == 68_026
    metrics = json.loads((tiny.folder / "metrics.json").read_text())
    low, high = metrics["test_accuracy_interval"]
    assert 0 <= low <= metrics["test_accuracy"] <= high <= 1
    assert metrics["test_loss"] > 0
    assert len(metrics["per_class"]) == len(metrics["confusion"]) == 10


def test_ids_are_fresh_and_fit_the_pattern():
    made = {store.new_id("mnist-mlp") for _ in range(50)}
    assert len(made) > 45
    assert all(store.ID_PATTERN.fullmatch(name) for name in made)
    assert store.ID_PATTERN.fullmatch(store.new_id("../Ünsafe Name/" * 20))


@pytest.mark.parametrize(
    "hostile", ["../x", "..", "", "a/b", "a\0b", "x" * 10_000, "/etc", "Run", "-x", "no-such", None]
)
def test_hostile_and_missing_ids_are_unknown_runs(artifacts, hostile):
    """Case 39."""
    with pytest.raises(store.RunNotFound, match="unknown run"):
        store.load(hostile)


def test_a_link_out_of_the_folder_is_no_run(artifacts, tmp_path):
    """Case 20."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "run.json").write_text(json.dumps(INFO))
    os.symlink(outside, artifacts / "linked")
    assert store.list_runs() == []
    with pytest.raises(store.RunNotFound):
        store.load("linked")


def test_foreign_files_in_the_folder_are_ignored(artifacts):
    """Case 20."""
    make("good")
    (artifacts / ".DS_Store").write_bytes(b"x")
    (artifacts / "README.md").write_text("x")
    (artifacts / "folder-without-run").mkdir()
    (artifacts / ".good.tmp").mkdir()
    assert [run.id for run in store.list_runs()] == ["good"]


def test_a_missing_folder_means_no_runs(monkeypatch, tmp_path):
    """Case 14."""
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(tmp_path / "nowhere"))
    assert store.list_runs() == []


def test_runs_are_listed_best_first_then_unfinished_then_damaged(artifacts):
    finish("low", 0.5)
    finish("high", 0.9)
    make("waiting")
    broken = artifacts / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    assert [run.id for run in store.list_runs()] == ["high", "low", "waiting", "broken"]


@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_run_with_broken_json_is_damaged_and_left_untouched(artifacts, name, content):
    """Case 17."""
    finish("good", 0.5)
    finish("bad", 0.6)
    (artifacts / "bad" / name).write_text(content)
    listed = {run.id: run for run in store.list_runs()}
    assert listed["good"].status == "finished"
    assert listed["bad"].status == "damaged"
    assert name in listed["bad"].problem
    assert (artifacts / "bad" / name).read_text() == content


def test_a_run_of_a_newer_schema_says_so(artifacts):
    """Case 19."""
    before = (make("future", schema=99).folder / store.INFO).read_bytes()
    run = store.load("future")
    assert (run.folder / store.INFO).read_bytes() == before
    assert run.status == "damaged"
    assert "newer version" in run.problem


def test_history_keeps_whole_lines_and_ignores_a_torn_last_one(artifacts):
    """Case 15."""
    folder = make("run").folder
    files.append_json(folder / store.HISTORY, {"epoch": 1, "train_loss": 0.5})
    with open(folder / store.HISTORY, "ab") as file:
        file.write(b'{"epoch": 2, "train_l')
    assert store.read_history(folder) == ([{"epoch": 1, "train_loss": 0.5}], 0)
    files.append_json(folder / store.HISTORY, {"epoch": 2, "train_loss": 0.4})
    records, unreadable = store.read_history(folder)
    assert [record["epoch"] for record in records] == [1, 2]
    assert unreadable == 1  # now it stands in the middle


def test_garbage_inside_the_history_is_counted(artifacts):
    """Case 16."""
    folder = make("run").folder
    lines = ['{"epoch": 1}', "garbage", "[]", '{"no": "epoch"}', '{"epoch": 2}', ""]
    (folder / store.HISTORY).write_text("\n".join(lines))
    records, unreadable = store.read_history(folder)
    assert [record["epoch"] for record in records] == [1, 2]
    assert unreadable == 3


def test_the_later_attempt_at_an_epoch_holds_and_epochs_are_in_order(artifacts):
    """Cases 8 and 43."""
    folder = make("run").folder
    for epoch, loss in ((1, 0.9), (3, 0.7), (2, 0.8), (2, 0.75), (3, 0.6)):
        files.append_json(folder / store.HISTORY, {"epoch": epoch, "train_loss": loss})
    records, _ = store.read_history(folder)
    assert [(r["epoch"], r["train_loss"]) for r in records] == [(1, 0.9), (2, 0.75), (3, 0.6)]


def test_state_follows_the_lock(artifacts):
    run = make("run")
    assert run.status == "interrupted"
    with locks.lock(run.folder):
        assert store.load("run").status == "running"
    assert store.load("run").status == "interrupted"


def test_predictions_that_cannot_be_read_name_their_file(tiny):
    (tiny.folder / store.PREDICTIONS).write_bytes(b"PK garbage")
    with pytest.raises(files.BrokenRun, match=r"predictions\.npz cannot be read"):
        tiny.predictions()
    (tiny.folder / store.PREDICTIONS).unlink()
    with pytest.raises(files.BrokenRun, match=r"predictions\.npz is missing"):
        tiny.predictions()


def test_a_thousand_runs_are_listed_within_two_seconds(tiny, artifacts):
    """Case 21."""
    import shutil
    import time

    for number in range(1000):
        folder = artifacts / f"copy-{number:04}"
        folder.mkdir()
        for name in (store.INFO, store.METRICS, store.MANIFEST):
            shutil.copyfile(tiny.folder / name, folder / name)
    start = time.process_time()
    assert len(store.list_runs()) == 1001
    assert time.process_time() - start < 2
