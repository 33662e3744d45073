"""States are derived from files and the lock, and never stored."""

import json
import os
import time

import pytest

from core.runs import files, line, locks, status


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    return path


def in_line(folder, **values):
    with line.changing(folder.parent) as db:
        line.put(db, line.Row(folder.name, **values))


def aged(path, seconds: float):
    """Set a file's time that far into the past."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_nothing_but_a_folder_is_interrupted(folder):
    assert status.derive(folder, {}) == "interrupted"


def test_after_a_restart_of_the_machine_nothing_is_said_to_run(folder):
    """Case 7: lock file and heartbeat are still there, but nobody holds or writes them."""
    (folder / "lock").touch()
    files.write_json(folder / status.HEARTBEAT, {"pid": os.getpid(), "phase": "training"})
    assert status.derive(folder, {}) == "interrupted"
    assert status.derive(folder, {"stopped": False}) == "finished"


def test_a_lock_that_may_not_be_opened_is_held_by_nobody(folder, monkeypatch):
    """Case 14: in a folder that cannot be written nobody trains, and viewing goes on."""

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    (folder / "lock").touch()
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "open", refused)
        assert status.derive(folder, {"stopped": False}) == "finished"
        assert status.derive(folder, {}) == "interrupted"


def test_a_held_lock_is_running_whatever_the_line_says(folder):
    with locks.lock(folder):
        files.write_json(folder / status.HEARTBEAT, {})
        assert status.derive(folder, {}) == "running"
        in_line(folder)
        assert status.derive(folder, {}) == "running"
    assert not locks.is_locked(folder)


def test_a_worker_that_says_nothing_is_not_responding_since_then(folder):
    """Case 10."""
    files.write_json(folder / status.HEARTBEAT, {})
    aged(folder / status.HEARTBEAT, status.STALL_S + 5)
    with locks.lock(folder):
        assert status.derive(folder, {}) == "stalled"
        assert status.sentence(folder, "stalled", 3).startswith("Not responding since ")
        files.write_json(folder / status.HEARTBEAT, {})
        assert status.derive(folder, {}) == "running"


@pytest.mark.parametrize("metrics", [{}, {"stopped": True}], ids=["fresh", "stopped before"])
@pytest.mark.parametrize("running", [False, True])
def test_in_line_without_a_worker_is_queued_until_an_end_is_written(folder, metrics, running):
    """Case 58: a worker that begins, or that was killed and is begun again."""
    in_line(folder, running=running)
    assert status.derive(folder, metrics) == "queued"
    files.write_json(folder / status.FAILURE, {"reason": "x"})
    assert status.derive(folder, metrics) == "failed"
    files.write_bytes(folder / status.STOP, b"")
    assert status.derive(folder, metrics) == "stopped"
    assert status.derive(folder, {"stopped": False}) == "finished"


def test_a_run_that_its_own_command_trains_is_interrupted_without_it(folder):
    in_line(folder, running=True, deaths=line.OWN)
    assert status.derive(folder, {}) == "interrupted"


def test_results_that_were_written_since_the_run_was_read_count(folder):
    files.write_json(folder / "metrics.json", {"stopped": False})
    files.write_json(folder / "manifest.json", {})
    assert status.derive(folder, {}) == "finished"


def test_a_run_that_ends_between_two_looks_is_never_seen_as_interrupted(folder, monkeypatch):
    """Case 57: the lock is free and the row gone a moment after the row was seen."""
    in_line(folder, running=True)

    def free(path):
        monkeypatch.setattr(locks, "is_locked", lambda path: False)
        files.write_json(folder / "metrics.json", {"stopped": False})
        files.write_json(folder / "manifest.json", {})
        with line.changing(folder.parent) as db:
            line.drop(db, folder.name)
        return False

    monkeypatch.setattr(locks, "is_locked", free)
    assert status.derive(folder, {}) == "finished"


def test_results_tell_finished_from_stopped(folder):
    assert status.derive(folder, {"stopped": False}) == "finished"
    assert status.derive(folder, {"stopped": True}) == "stopped"
    files.write_bytes(folder / status.STOP, b"")
    assert status.derive(folder, {"stopped": False}) == "finished"
    assert status.derive(folder, {}) == "stopped"


def test_a_failure_gives_its_reason(folder):
    files.write_json(folder / status.FAILURE, {"reason": "Disk full: free some space."})
    assert status.derive(folder, {}) == "failed"
    assert status.sentence(folder, "failed", 2) == "Disk full: free some space."


def test_sentences_say_where_and_how_to_go_on(folder):
    """Cases 4 and 9."""
    assert "Interrupted at epoch 4. Resume" in status.sentence(folder, "interrupted", 4)
    assert "Stopped by you after epoch 2" in status.sentence(folder, "stopped", 2)


def test_a_run_that_the_system_ended_for_want_of_memory_says_so(tmp_path, monkeypatch):
    """Case 11: nobody is left to note it, but Linux counts such ends."""
    counter = tmp_path / "vmstat"
    monkeypatch.setattr(status, "VMSTAT", counter)
    counter.write_text("nr_free_pages 1\noom_kill 3\n")
    (tmp_path / status.HEARTBEAT).write_text(json.dumps({"memory_kills": status.memory_kills()}))
    assert "memory" not in status.sentence(tmp_path, "interrupted", 2)
    counter.write_text("nr_free_pages 1\noom_kill 4\n")
    said = status.sentence(tmp_path, "interrupted", 2)
    assert "Interrupted at epoch 2" in said
    assert "smaller batch or model" in said
    counter.unlink()
    assert status.memory_kills() == 0
