"""Workers: turns, kills at any moment, stops, faults. Each is a real process."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from filelock import Timeout

from core.jobs import queue, supervisor, worker
from core.runs import files, locks, status, store
from core.training import results
from tests.helpers import ROOT, workers

pytestmark = pytest.mark.trains


def weights(run_id: str) -> dict:
    return store.read_weights(store.load(run_id))


def same(first: dict, second: dict) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.fixture
def in_line(artifacts):
    workers.ready()
    return workers.put_in_line


def test_a_worker_trains_what_is_in_line_and_frees_its_lock(in_line):
    run_id = in_line()
    process = workers.begin(run_id)
    process.join(60)
    run = store.load(run_id)
    assert run.status == "finished"
    assert run.metrics["epochs"] == 3
    assert not locks.is_locked(run.folder)


@pytest.mark.slow
def test_killed_at_thirty_random_moments_it_ends_with_the_weights_of_an_unbroken_run(in_line):
    """Cases 4, 5 and 8."""
    epochs = 300
    unbroken = in_line(epochs)
    whole = workers.begin(unbroken)
    whole.join(300)
    broken = in_line(epochs, name="another")
    if broken == unbroken:
        pytest.fail("a finished run is not active: the same wish makes a new run")
    chance = random.Random(4)
    folder, done = store.folder_of(broken), 0
    for _ in range(30):
        process, further = workers.begin(broken), chance.randrange(10)  # 0: as it starts
        workers.until(lambda least=done + further: workers.epochs_done(broken) >= least)
        time.sleep(chance.uniform(0, 0.02))
        workers.kill(process)
        assert workers.state_of(broken) != "finished", "too short a training for thirty kills"
        history, unreadable = store.read_history(folder)
        assert unreadable == 0
        assert [record["epoch"] for record in history] == list(range(1, len(history) + 1))
        if (folder / store.CHECKPOINT).exists():
            saved = files.read_tensors(folder / store.CHECKPOINT)
            done = len(saved["done"]["history"])
            assert done in (len(history), len(history) - 1)
        queue.resume(broken, begin=False)
    workers.begin(broken).join(300)
    run = store.load(broken)
    assert run.status == "finished"
    assert same(weights(unbroken), weights(broken))
    assert run.metrics["confusion"] == store.load(unbroken).metrics["confusion"]
    assert not list(run.folder.glob(".*"))
    for path in run.folder.glob("*.json"):
        json.loads(path.read_text())


def test_killed_inside_a_checkpoint_save_the_previous_checkpoint_loads(in_line):
    """Case 5."""
    run_id = in_line()
    process = workers.begin(run_id, fault="die in save")
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    run = store.load(run_id)
    assert run.status == "interrupted"
    assert list(run.folder.glob(".checkpoint.pth.*.tmp"))
    assert len(files.read_tensors(run.folder / store.CHECKPOINT)["done"]["history"]) == 1
    assert len(run.history()[0]) == 2
    queue.resume(run_id, begin=False)
    workers.begin(run_id).join(60)
    unbroken = in_line(name="another")
    workers.begin(unbroken).join(60)
    assert same(weights(unbroken), weights(run_id))
    assert not list(store.load(run_id).folder.glob(".*.tmp"))


def test_a_killed_worker_is_seen_as_interrupted_at_once(in_line):
    """Case 4."""
    run_id = in_line(5000)
    process = workers.begin(run_id)
    workers.until(lambda: workers.epochs_done(run_id) >= 2)
    assert workers.state_of(run_id) == "running"
    start = time.monotonic()
    workers.kill(process)
    assert workers.state_of(run_id) == "interrupted"
    assert time.monotonic() - start < 10


def test_stop_ends_within_seconds_with_usable_weights(in_line):
    """Case 9."""
    run_id = in_line(5000)
    process = workers.begin(run_id)
    workers.until(lambda: workers.epochs_done(run_id) >= 3)
    start = time.monotonic()
    assert queue.stop(run_id) == "stopping"
    process.join(20)
    assert time.monotonic() - start < 10
    run = store.load(run_id)
    assert run.status == "stopped"
    assert run.metrics["epochs"] >= 3
    assert 0.3 < run.metrics["test_accuracy"] <= 1
    best = min(run.history()[0], key=lambda record: record["validation_loss"])
    assert run.metrics["kept_epoch"] == best["epoch"]
    best_so_far = files.read_tensors(run.folder / store.CHECKPOINT)["best_weights"]
    assert same(best_so_far, weights(run_id))


@pytest.mark.slow
def test_a_stopped_run_resumes_to_the_end_of_an_unbroken_one(in_line):
    """Cases 8 and 9."""
    run_id = in_line(60)
    process = workers.begin(run_id)
    workers.until(lambda: workers.epochs_done(run_id) >= 3)
    queue.stop(run_id)
    process.join(20)
    assert workers.state_of(run_id) == "stopped"
    queue.resume(run_id, begin=False)
    workers.begin(run_id).join(60)
    unbroken = in_line(60, name="another")
    workers.begin(unbroken).join(60)
    assert store.load(run_id).status == "finished"
    assert same(weights(unbroken), weights(run_id))


def test_a_worker_that_hangs_is_said_not_to_respond_and_the_supervisor_ends_it(
    in_line, monkeypatch
):
    """Case 10."""
    monkeypatch.setattr(status, "STALL_S", 1.0)
    run_id = in_line()
    process = workers.begin(run_id, fault="hang")
    workers.until(lambda: workers.state_of(run_id) == "stalled")
    monkeypatch.setattr(queue, "keep_going", lambda: None)
    assert queue.stop(run_id) == "ending"
    supervisor.Supervisor(supervisor.ThisMachine()).tick()
    process.join(10)
    assert workers.state_of(run_id) == "stopped"


def test_a_second_worker_of_a_run_leaves_it_to_the_first(in_line, monkeypatch):
    """Case 58: a supervisor that was killed had begun one."""
    run_id = in_line(5000)
    process = workers.begin(run_id)
    workers.until(lambda: workers.state_of(run_id) == "running")
    monkeypatch.setattr(locks, "LOCK_S", 0.1)
    with pytest.raises(Timeout):
        worker.work(run_id)
    assert workers.state_of(run_id) == "running"
    workers.kill(process)
    (store.folder_of(run_id) / status.STOP).touch()
    before = sorted(path.name for path in store.folder_of(run_id).iterdir())
    worker.work(run_id)  # stopped before it began: there is nothing to do
    assert sorted(path.name for path in store.folder_of(run_id).iterdir()) == before


def test_a_full_disk_fails_cleanly_and_the_last_checkpoint_is_whole(in_line):
    """Case 13."""
    run_id = in_line()
    workers.begin(run_id, fault="full disk").join(60)
    run = store.load(run_id)
    assert run.status == "failed"
    assert status.sentence(run.folder, "failed", 2).startswith("Disk full")
    assert len(files.read_tensors(run.folder / store.CHECKPOINT)["done"]["history"]) == 1
    queue.resume(run_id, begin=False)
    workers.begin(run_id).join(60)
    assert workers.state_of(run_id) == "finished"


def test_running_out_of_memory_says_what_to_do(in_line):
    """Case 11."""
    run_id = in_line()
    workers.begin(run_id, fault="no memory").join(60)
    run = store.load(run_id)
    assert run.status == "failed"
    reason = status.sentence(run.folder, "failed", 0)
    assert reason == "Ran out of memory: take a smaller batch or a smaller model."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 1e9}, "lr: 1000000000.0 is outside 1e-08 to 10"),
        ({"epochs": 1_000_000}, "epochs: 1000000 is outside 1 to 10000"),
        ({"batch_size": 9000}, "batch_size: 9000 is more than the 1317 training images"),
        ({"momentum": 2}, "momentum"),
    ],
)
def test_settings_edited_in_the_file_are_refused_by_name(in_line, changes, words):
    """Case 41."""
    run_id = in_line()
    path = store.folder_of(run_id) / store.REQUEST
    request = json.loads(path.read_text())
    request["config"] |= changes
    path.write_text(json.dumps(request))
    workers.begin(run_id).join(60)
    run = store.load(run_id)
    assert run.status == "failed"
    assert words in status.sentence(run.folder, "failed", 0)
    assert not (run.folder / store.CHECKPOINT).exists()


def test_a_loss_that_becomes_nan_is_flagged_at_its_epoch_and_the_last_finite_one_kept(in_line):
    """Case 12."""
    run_id = in_line()
    workers.begin(run_id, fault="diverge").join(60)
    run = store.load(run_id)
    assert run.status == "failed"
    assert "nan in epoch 2: try a smaller learning rate" in status.sentence(run.folder, "failed", 1)
    first, second = run.history()[0]
    assert "problem" not in first
    assert second["epoch"] == 2
    assert "nan" in second["problem"]
    assert "train_loss" not in second
    saved = files.read_tensors(run.folder / store.CHECKPOINT)
    assert len(saved["done"]["history"]) == 1
    assert all(torch.isfinite(value).all() for value in saved["model"].values())


EDITED = "a newer version of this file, not yet finished ("
SUBMIT = """
from core.jobs import queue
from core.jobs.job import Job
from core.training import recipes, settings
recipe = recipes.Recipe("small", "A small network", "digits", "mlp", {"hidden": (32,)})
config = settings.TrainConfig(epochs=200, lr=3e-3)
print(queue.submit(Job(recipe, config, threads=1, precision="float32")).run_id)
"""


@pytest.mark.slow
def test_code_that_is_edited_meanwhile_does_not_reach_a_worker(artifacts, tmp_path):
    """Case 45: nothing of core is imported once training has begun, and no edit starts a job."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "core", source / "core", ignore=shutil.ignore_patterns("__pycache__"))
    asked = subprocess.run([sys.executable, "-c", SUBMIT], cwd=source, stdout=subprocess.PIPE)
    run_id = asked.stdout.decode().strip()
    workers.until(lambda: workers.epochs_done(run_id) >= 1, seconds=90)
    for path in (source / "core").rglob("*.py"):
        path.write_text(EDITED)
    assert workers.state_of(run_id) == "running"
    workers.until(lambda: workers.state_of(run_id) != "running", seconds=90)
    run = store.load(run_id)
    assert run.status == "finished", (run.folder / store.LOG).read_text()
    assert len(run.history()[0]) == run.metrics["epochs"] == 200
    assert set(weights(run_id))
    assert [other.id for other in store.list_runs()] == [run_id]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "Disk full"),
        (MemoryError(), "Ran out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "Ran out of memory"),
        (ValueError("odd"), "Failed with ValueError: odd"),
    ],
)
def test_faults_are_explained_in_words(error, words):
    """Cases 11, 13 and 42."""
    assert results.explain(error).startswith(words)
