"""Small jobs about a run, in their own processes."""

import numpy as np
import pytest

from core.analysis import neighbours
from core.jobs import background_tasks, queue
from core.runs import files, limits, line, locks, store
from tests.helpers.workers import task_done


def test_a_task_works_in_a_process_of_its_own_and_says_when_it_is_done(tiny):
    """Case 3: a second click starts nothing."""
    assert background_tasks.progress(tiny.folder, "neighbours") == background_tasks.Progress("idle")
    assert background_tasks.start(tiny.id, "neighbours")
    assert background_tasks.progress(tiny.folder, "neighbours").active
    assert not background_tasks.start(tiny.id, "neighbours")
    assert task_done(tiny, "neighbours") == background_tasks.Progress("done", 1.0)
    assert len(neighbours.read(tiny).indices) == 360


def test_a_task_that_fails_says_why(tiny):
    weights = tiny.folder / store.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    background_tasks.start(tiny.id, "neighbours")
    found = task_done(tiny, "neighbours")
    assert found.status == "failed"
    assert "checksum mismatch" in found.reason


def test_a_killed_task_is_known_to_be_dead_and_can_be_started_again(tiny, monkeypatch):
    monkeypatch.setattr(queue, "keep_going", lambda: None)
    path = tiny.folder / "neighbours.task.json"
    files.write_json(path, {"state": "running", "share": 0.4})
    found = background_tasks.progress(tiny.folder, "neighbours")
    assert (found.status, found.active) == ("failed", False)
    assert "start it again" in found.reason
    assert background_tasks.start(tiny.id, "neighbours")
    assert background_tasks.progress(tiny.folder, "neighbours").status == "waiting"


def test_a_task_tells_its_share_while_it_works(tiny, monkeypatch):
    monkeypatch.setattr(background_tasks.limits, "lower_priority", lambda: None)
    with line.changing(store.root()) as db:
        line.put(db, line.Row(tiny.id, "neighbours", running=True))
    with background_tasks.reporting(tiny.id, "neighbours") as reporting:
        reporting(0.25)
        assert locks.is_locked(tiny.folder, line.Row(tiny.id, "neighbours").lock)
        assert background_tasks.progress(tiny.folder, "neighbours") == background_tasks.Progress(
            "running", 0.25
        )
    assert background_tasks.progress(tiny.folder, "neighbours").status == "done"


def test_a_folder_that_cannot_be_written_is_named(tiny, monkeypatch):
    """Case 14."""
    monkeypatch.setattr(background_tasks.os, "access", lambda *_: False)
    with pytest.raises(files.BrokenRun, match="cannot be written"):
        background_tasks.start(tiny.id, "neighbours")


def test_unknown_tasks_and_runs_are_named(tiny):
    """Case 39."""
    with pytest.raises(ValueError, match="unknown task 'guess': choose one of neighbours"):
        background_tasks.start(tiny.id, "guess")
    with pytest.raises(store.RunNotFound):
        background_tasks.start("../evil", "neighbours")


def test_progress_of_garbage_is_idle(tiny):
    (tiny.folder / "neighbours.task.json").write_bytes(np.random.RandomState(0).bytes(50))
    assert background_tasks.progress(tiny.folder, "neighbours") == background_tasks.Progress("idle")


@pytest.mark.parametrize("name", background_tasks.TASKS)
def test_on_a_hosted_installation_no_visitor_starts_one(tiny, monkeypatch, name):
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    with pytest.raises(limits.Refused, match="hosted installation"):
        background_tasks.start(tiny.id, name)
    assert not (tiny.folder / f"{name}.task.json").exists()
