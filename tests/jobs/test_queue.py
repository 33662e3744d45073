"""The line: who is in it, who is refused, what becomes of a run."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from core.jobs import queue
from core.runs import limits, status, store
from core.training import recipes
from tests.helpers import ROOT, workers

RECIPE = recipes.get("digits-cnn")


@pytest.fixture(autouse=True)
def empty(artifacts):
    """Each test has a line of its own."""


def test_a_submitted_run_waits_with_its_request():
    done = queue.submit(RECIPE, seed=3, name="Mine", start=False)
    assert (done.place, done.waiting, done.already) == (1, 1, False)
    run = store.load(done.run_id)
    assert run.status == "queued"
    assert run.title == "Mine"
    recipe, config = recipes.from_description(run.info)
    assert (recipe.name, recipe.dataset, recipe.model) == ("digits-cnn", "digits", "house")
    assert recipe.sizes == RECIPE.sizes
    assert config == recipe.config == RECIPE.config


def test_the_same_wish_five_times_is_one_job():
    """Case 3."""
    queue.submit(RECIPE, seed=1, start=False)
    done = [queue.submit(RECIPE, seed=2, start=False) for _ in range(5)]
    assert len({each.run_id for each in done}) == 1
    assert [each.already for each in done] == [False, True, True, True, True]
    assert (done[-1].place, done[-1].waiting) == (2, 2)


def test_two_processes_at_once_make_one_job_too():
    """Cases 3 and 47: each is slow between looking at the line and joining it."""
    code = (
        "import time; from core.jobs import queue; from core.training import recipes;"
        "check = queue._check_room;"
        "queue._check_room = lambda *given: (check(*given), time.sleep(0.5));"
        "print(queue.submit(recipes.get('digits-cnn'), seed=9, start=False).run_id)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_tickets_are_numbered_whatever_the_clock_says(monkeypatch):
    """Case 43."""
    first = queue.submit(RECIPE, seed=1, start=False).run_id
    with monkeypatch.context() as patch:
        patch.setattr(queue.time, "time", lambda: 1.0)
        second = queue.submit(RECIPE, seed=2, start=False).run_id
    numbers = [
        status.read(store.root() / name, status.TICKET)["number"] for name in (first, second)
    ]
    assert numbers == [1, 2]


def test_a_hundred_wishes_of_strangers_meet_a_limit_politely(monkeypatch):
    """Case 35."""
    monkeypatch.setenv("LIGHTBOX_MAX_QUEUE", "5")
    refused = []
    start = time.monotonic()
    for seed in range(100):
        try:
            queue.submit(RECIPE, seed=seed, visitor=f"10.0.0.{seed}", start=False)
        except queue.Refused as error:
            refused.append(str(error))
    assert len(refused) == 95
    assert set(refused) == {"the line is full (5 trainings): try again when one has finished"}
    assert (time.monotonic() - start) / 100 < 1


def test_one_visitor_may_not_fill_the_line(monkeypatch):
    """Case 35."""
    monkeypatch.setenv("LIGHTBOX_MAX_PER_VISITOR", "2")
    for seed in range(2):
        queue.submit(RECIPE, seed=seed, visitor="10.0.0.1", start=False)
    with pytest.raises(queue.Refused, match="you have 2 trainings in line already"):
        queue.submit(RECIPE, seed=5, visitor="10.0.0.1", start=False)
    queue.submit(RECIPE, seed=5, visitor="10.0.0.2", start=False)


@pytest.mark.trains
def test_the_one_that_trains_counts_for_its_visitor(monkeypatch):
    """Case 35: run.json, which it has by then, names no visitor."""
    monkeypatch.setenv("LIGHTBOX_MAX_PER_VISITOR", "1")
    run_id = workers.put_in_line(5000, visitor="10.0.0.1")
    process = workers.begin(run_id)
    try:
        workers.until(lambda: workers.state_of(run_id) == "running")
        workers.until(lambda: (store.root() / run_id / store.INFO).exists())
        with pytest.raises(queue.Refused, match="you have 1 trainings in line already"):
            queue.submit(RECIPE, seed=5, visitor="10.0.0.1", start=False)
    finally:
        workers.kill(process)


def test_on_a_hosted_installation_only_ones_own_training_is_stopped_or_resumed(monkeypatch):
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    run_id = queue.submit(workers.SMALL, start=False).run_id
    for steer in (queue.stop, queue.resume):
        with pytest.raises(queue.Refused, match="hosted installation"):
            steer(run_id)
    assert workers.state_of(run_id) == "queued"
    assert queue.resume(run_id, start=False, own=True).already
    assert queue.stop(run_id, own=True) == "cancelled"


def test_the_hosted_profile_caps_epochs_before_anything_is_written(artifacts, monkeypatch):
    """Cases 35 and 41."""
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    with pytest.raises(ValueError, match="epochs: 40 is more than the 10 allowed here"):
        queue.submit(RECIPE, start=False)
    assert [path.name for path in artifacts.iterdir() if path.is_dir()] == []


def test_when_training_is_off_wishes_are_refused_with_the_reason(monkeypatch):
    """Case 14."""
    monkeypatch.setattr(limits, "training_off", lambda: "it cannot be written: training is off")
    with pytest.raises(queue.Refused, match="training is off"):
        queue.submit(RECIPE, start=False)


def test_a_folder_that_cannot_be_written_refuses_before_it_is_touched(monkeypatch, artifacts):
    """Case 14."""
    monkeypatch.setattr(limits.os, "access", lambda *_: False)
    with pytest.raises(queue.Refused, match="cannot be written: viewing works, training is off"):
        queue.submit(RECIPE, start=False)
    assert list(artifacts.iterdir()) == []


@pytest.mark.trains
def test_a_run_is_not_deleted_while_somebody_works_on_it():
    """Case 38."""
    run_id = workers.put_in_line(5000)
    process = workers.begin(run_id)
    workers.until(lambda: workers.epochs_done(run_id) >= 1)
    with pytest.raises(queue.Refused, match="is being trained: stop it first"):
        queue.delete(run_id)
    assert workers.state_of(run_id) == "running"
    workers.kill(process)
    queue.delete(run_id)
    assert list(store.root().glob("*small*")) == []
    with pytest.raises(store.RunNotFound):
        queue.delete(run_id)


@pytest.mark.slow
def test_stop_ends_a_worker_that_does_not_respond_by_the_number_it_left(monkeypatch):
    """Case 10: the worker is known by its command line, and is deaf to a polite signal."""
    monkeypatch.setattr(status, "STALL_S", 0.5)
    run_id = workers.put_in_line()
    folder = store.folder_of(run_id)
    (folder / status.TICKET).unlink()
    code = (
        "import pathlib, signal, sys, time;"
        "from core.jobs import worker; from core.runs import files;"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"folder = pathlib.Path({str(folder)!r}); held = files.lock(folder); held.acquire();"
        "worker._heartbeat(folder, {}); time.sleep(120)"
    )
    hung = subprocess.Popen([sys.executable, "-c", code, "core", "work", run_id], cwd=ROOT)
    try:
        workers.until(lambda: workers.state_of(run_id) == "stalled")
        assert queue.stop(run_id) == "ended"
        assert hung.wait(10) == -signal.SIGKILL
    finally:
        hung.kill()
    assert workers.state_of(run_id) == "stopped"


def test_a_finished_run_is_not_resumed(tiny):
    with pytest.raises(queue.Refused, match="is finished: only an unfinished run"):
        queue.resume(tiny.id, start=False)
    assert queue.stop(tiny.id) == "idle"


def test_names_and_notes_leave_the_record_untouched(tiny):
    before = (tiny.folder / store.INFO).read_bytes()
    queue.annotate(tiny.id, name="  Best one  ", note="x" * 9000)
    queue.annotate(tiny.id, note="short")
    run = store.load(tiny.id)
    assert run.title == "Best one"
    assert run.notes["note"] == "short"
    assert (tiny.folder / store.INFO).read_bytes() == before


@pytest.mark.trains
@pytest.mark.slow
def test_a_started_worker_outlives_the_process_that_asked_for_it(artifacts):
    """Cases 1 and 6: the asker is killed with all its group, the run goes on to its end."""
    code = (
        "import time; from core.jobs import queue;"
        "from tests.helpers.workers import SMALL;"
        "print(queue.submit(SMALL, threads=1, precision='float32').run_id, flush=True);"
        "time.sleep(60)"
    )
    asker = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    run_id = asker.stdout.readline().strip()
    os.killpg(asker.pid, signal.SIGKILL)  # as a closed terminal or a killed server does
    asker.wait()
    workers.until(lambda: workers.state_of(run_id) == "finished", seconds=90)
    heartbeat = json.loads((artifacts / run_id / status.HEARTBEAT).read_text())
    assert heartbeat["pid"] != asker.pid
