"""The line: who is in it, who is refused, what becomes of a run."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from core.jobs import queue
from core.jobs.job import Job
from core.runs import limits, line, status, store
from core.training import recipes
from tests.helpers import ROOT, workers

RECIPE = recipes.get("digits-cnn")


@pytest.fixture(autouse=True)
def empty(artifacts, no_workers):
    """Each test has a line of its own, which nobody works off."""


def test_a_submitted_run_waits_with_its_request():
    done = queue.submit(Job(RECIPE, seed=3, name="Mine"))
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
    queue.submit(Job(RECIPE, seed=1))
    done = [queue.submit(Job(RECIPE, seed=2)) for _ in range(5)]
    assert len({each.run_id for each in done}) == 1
    assert [each.already for each in done] == [False, True, True, True, True]
    assert (done[-1].place, done[-1].waiting) == (2, 2)


def test_two_processes_at_once_make_one_job_too():
    """Cases 3 and 47: each is slow between looking at the line and joining it."""
    code = (
        "import time; from core.jobs import queue; from core.jobs.job import Job;"
        "from core.training import recipes;"
        "check = queue._check_room;"
        "queue._check_room = lambda *given: (check(*given), time.sleep(0.5));"
        "queue.keep_going = lambda: None;"
        "print(queue.submit(Job(recipes.get('digits-cnn'), seed=9)).run_id)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_a_hundred_wishes_of_strangers_meet_a_limit_politely(monkeypatch):
    """Case 35."""
    monkeypatch.setenv("LIGHTBOX_MAX_QUEUE", "5")
    refused = []
    start = time.monotonic()
    for seed in range(100):
        try:
            queue.submit(Job(RECIPE, seed=seed), visitor=f"10.0.0.{seed}")
        except queue.Refused as error:
            refused.append(str(error))
    assert len(refused) == 95
    assert set(refused) == {"the line is full (5 trainings): try again when one has finished"}
    assert (time.monotonic() - start) / 100 < 1


def test_one_visitor_may_not_fill_the_line(monkeypatch):
    """Case 35."""
    monkeypatch.setenv("LIGHTBOX_MAX_PER_VISITOR", "2")
    for seed in range(2):
        queue.submit(Job(RECIPE, seed=seed), visitor="10.0.0.1")
    with pytest.raises(queue.Refused, match="you have 2 trainings in line already"):
        queue.submit(Job(RECIPE, seed=5), visitor="10.0.0.1")
    queue.submit(Job(RECIPE, seed=5), visitor="10.0.0.2")


@pytest.mark.parametrize(
    ("variable", "visitor", "message"),
    [
        ("LIGHTBOX_MAX_QUEUE", None, "the line has room for 2 of 3"),
        (
            "LIGHTBOX_MAX_PER_VISITOR",
            "10.0.0.1",
            "you have 1 trainings in line already, and 3",
        ),
    ],
)
def test_several_are_put_in_line_all_or_none(monkeypatch, variable, visitor, message):
    """Case 35."""
    monkeypatch.setenv(variable, "3")
    first = queue.submit(Job(RECIPE, seed=9), visitor=visitor).run_id
    with pytest.raises(queue.Refused, match=message):
        queue.submit_all([Job(RECIPE, seed=n) for n in range(3)], visitor=visitor)
    assert [run.id for run in queue.active_runs()] == [first]
    done = queue.submit_all([Job(RECIPE, seed=n) for n in (9, 0, 1)], visitor=visitor)
    assert [(each.place, each.already) for each in done] == [(1, True), (2, False), (3, False)]


def test_when_the_second_cannot_be_written_the_first_is_not_in_line_either(monkeypatch):
    """Case 16: the disk is full."""
    create, made = store.create, []

    def failing(*given):
        if made:
            raise OSError(28, "No space left on device")
        made.append(create(*given))
        return made[-1]

    monkeypatch.setattr(store, "create", failing)
    with pytest.raises(OSError, match="No space left"):
        queue.submit_all([Job(RECIPE, seed=1), Job(RECIPE, seed=2)])
    assert made
    assert store.list_runs() == []


def test_a_run_is_resumed_within_the_limits_too(tiny, monkeypatch):
    for name in (store.MANIFEST, store.METRICS):
        (tiny.folder / name).unlink()
    monkeypatch.setenv("LIGHTBOX_MAX_EPOCHS", "1")
    with pytest.raises(ValueError, match="epochs: 2 is more than the 1 allowed here"):
        queue.resume(tiny.id)
    assert queue.active_runs() == []
    monkeypatch.setenv("LIGHTBOX_MAX_EPOCHS", "2")
    assert not queue.resume(tiny.id).already


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
            queue.submit(Job(RECIPE, seed=5), visitor="10.0.0.1")
    finally:
        workers.kill(process)


def test_on_a_hosted_installation_only_ones_own_training_is_stopped_or_resumed(monkeypatch):
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    run_id = queue.submit(Job(workers.SMALL)).run_id
    for steer in (queue.stop, queue.resume):
        with pytest.raises(queue.Refused, match="hosted installation"):
            steer(run_id)
    assert workers.state_of(run_id) == "queued"
    assert queue.resume(run_id, own=True).already
    assert queue.stop(run_id, own=True) == "cancelled"


def test_the_hosted_profile_caps_epochs_before_anything_is_written(artifacts, monkeypatch):
    """Cases 35 and 41."""
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    with pytest.raises(ValueError, match="epochs: 40 is more than the 10 allowed here"):
        queue.submit(Job(RECIPE))
    assert [path.name for path in artifacts.iterdir() if path.is_dir()] == []


def test_when_training_is_off_wishes_are_refused_with_the_reason(monkeypatch):
    """Case 14."""
    monkeypatch.setattr(limits, "training_off", lambda: "it cannot be written: training is off")
    with pytest.raises(queue.Refused, match="training is off"):
        queue.submit(Job(RECIPE))


def test_a_folder_that_cannot_be_written_refuses_before_it_is_touched(monkeypatch, artifacts):
    """Case 14."""
    monkeypatch.setattr(limits.os, "access", lambda *_: False)
    with pytest.raises(queue.Refused, match="cannot be written: viewing works, training is off"):
        queue.submit(Job(RECIPE))
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


def test_a_finished_run_is_not_resumed(tiny):
    with pytest.raises(queue.Refused, match="is finished: only an unfinished run"):
        queue.resume(tiny.id)
    assert queue.stop(tiny.id) == "idle"


@pytest.mark.trains
@pytest.mark.slow
def test_a_started_worker_outlives_the_process_that_asked_for_it(artifacts):
    """Cases 1 and 6: the asker is killed with all its group, the run goes on to its end."""
    code = (
        "import time; from core.jobs import queue; from core.jobs.job import Job;"
        "from tests.helpers.workers import SMALL;"
        "print(queue.submit(Job(SMALL, threads=1, precision='float32')).run_id, flush=True);"
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


def test_who_asked_and_was_killed_before_the_line_was_written_is_not_forgotten(monkeypatch):
    """Case 58: the folder stands, the row does not."""
    put = line.put
    monkeypatch.setattr(line, "put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        queue.submit(Job(RECIPE))
    monkeypatch.setattr(line, "put", put)
    (run,) = store.list_runs()
    assert run.status == "queued"
    assert queue.active_runs() == []
    with queue.changing() as db:
        line.gather(store.root(), db)
    assert [each.id for each in queue.active_runs()] == [run.id]


def test_what_kills_left_is_swept(tiny):
    """A run half deleted, and what a finished run went on from."""
    gone = store.root() / f".gone-{tiny.id}"
    gone.mkdir()
    (gone / store.INFO).touch()
    waiting = queue.submit(Job(RECIPE)).run_id
    for folder in (tiny.folder, store.root() / waiting):
        (folder / store.CHECKPOINT).touch()
    queue.tidy()
    assert not gone.exists()
    assert not (tiny.folder / store.CHECKPOINT).exists()
    assert (store.root() / waiting / store.CHECKPOINT).exists()
    assert store.load(tiny.id).metrics


def test_stopping_a_worker_that_has_not_begun_yet_is_heard():
    run_id = queue.submit(Job(RECIPE)).run_id
    with queue.changing() as db:
        line.put(db, line.Row(run_id, running=True))
    assert queue.stop(run_id) == "stopping"
    assert store.load(run_id).status == "stopped"
    assert queue.stop(run_id) == "idle"
