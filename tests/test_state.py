"""States are derived from files and the lock, and never stored."""

import json
import os
import time

import pytest

from core import files, state


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def aged(path, seconds: float):
    """Set a file's time that far into the past."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_nothing_but_a_folder_is_interrupted(folder):
    assert state.derive(folder, None) == "interrupted"


def test_after_a_restart_of_the_machine_nothing_is_said_to_run(folder):
    """Case 7: lock file and heartbeat are still there, but nobody holds or writes them."""
    (folder / "lock").touch()
    files.write_json(folder / state.HEARTBEAT, {"pid": os.getpid(), "phase": "training"})
    assert state.derive(folder, None) == "interrupted"
    assert state.derive(folder, {}) == "finished"
    files.write_json(folder / state.TICKET, {"number": 1})
    aged(folder / state.TICKET, state.START_S + 5)
    assert state.derive(folder, None) == "interrupted"


def test_a_lock_that_may_not_be_opened_is_held_by_nobody(folder, monkeypatch):
    """Case 14: in a folder that cannot be written nobody trains, and viewing goes on."""
    import filelock

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    (folder / "lock").touch()
    monkeypatch.setattr(filelock.FileLock, "acquire", refused)
    assert state.derive(folder, {}) == "finished"


def test_a_held_lock_is_running_and_with_a_ticket_queued(folder):
    with state.lock(folder):
        files.write_json(folder / state.HEARTBEAT, {})
        assert state.derive(folder, None) == "running"
        files.write_json(folder / state.TICKET, {"number": 1})
        assert state.derive(folder, None) == "queued"
    assert not state.is_locked(folder)


def test_a_worker_that_says_nothing_is_not_responding_since_then(folder):
    """Case 10."""
    files.write_json(folder / state.HEARTBEAT, {})
    aged(folder / state.HEARTBEAT, state.STALL_S + 5)
    with state.lock(folder):
        assert state.derive(folder, None) == "stalled"
        assert state.sentence(folder, "stalled", 3).startswith("Not responding since ")
        files.write_json(folder / state.HEARTBEAT, {})
        assert state.derive(folder, None) == "running"


def test_a_ticket_gives_its_worker_some_time_to_start(folder):
    files.write_json(folder / state.TICKET, {"number": 1})
    assert state.derive(folder, None) == "queued"
    assert state.derive(folder, {"stopped": True}) == "queued"
    aged(folder / state.TICKET, state.START_S + 5)
    assert state.derive(folder, None) == "interrupted"


def test_results_tell_finished_from_stopped(folder):
    assert state.derive(folder, {}) == "finished"
    assert state.derive(folder, {"stopped": True}) == "stopped"
    files.write_bytes(folder / state.STOP, b"")
    assert state.derive(folder, {}) == "finished"
    assert state.derive(folder, None) == "stopped"


def test_a_failure_gives_its_reason(folder):
    files.write_json(folder / state.FAILURE, {"reason": "Disk full: free some space."})
    assert state.derive(folder, None) == "failed"
    assert state.sentence(folder, "failed", 2) == "Disk full: free some space."


def test_sentences_say_where_and_how_to_go_on(folder):
    """Cases 4 and 9."""
    assert "Interrupted at epoch 4. Resume" in state.sentence(folder, "interrupted", 4)
    assert "Stopped by you after epoch 2" in state.sentence(folder, "stopped", 2)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_small_file_that_is_half_there_reads_as_empty(folder, content):
    (folder / "heartbeat.json").write_bytes(content)
    assert state.read(folder, "heartbeat.json") == {}
    assert state.read(folder, "missing.json") == {}


def test_a_run_that_the_system_ended_for_want_of_memory_says_so(tmp_path, monkeypatch):
    """Case 11: nobody is left to note it, but Linux counts such ends."""
    counter = tmp_path / "vmstat"
    monkeypatch.setattr(state, "VMSTAT", counter)
    counter.write_text("nr_free_pages 1\noom_kill 3\n")
    (tmp_path / state.HEARTBEAT).write_text(json.dumps({"memory_kills": state.memory_kills()}))
    assert "memory" not in state.sentence(tmp_path, "interrupted", 2)
    counter.write_text("nr_free_pages 1\noom_kill 4\n")
    said = state.sentence(tmp_path, "interrupted", 2)
    assert "Interrupted at epoch 2" in said
    assert "smaller batch or model" in said
    counter.unlink()
    assert state.memory_kills() == 0
