"""The supervisor's rules on a made-up machine, and the real one with its processes."""

import random
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from core.jobs import background_tasks, queue, supervisor
from core.jobs.job import Job
from core.runs import files, line, locks, status, store
from tests.helpers import workers


class Machine(supervisor.ThisMachine):
    """Processes that live until a test ends them; its room is the real one's."""

    def __init__(self) -> None:
        self.living: list[tuple[str, str]] = []
        self.begun: list[str] = []
        self.ended: list[str] = []

    def start(self, row):
        self.living.append((row.run, row.task))
        self.begun.append(row.run)

    def alive(self, row):
        return (row.run, row.task) in self.living

    def end(self, row):
        self.ended.append(row.run)
        self.living.remove((row.run, row.task))


@pytest.fixture
def machine(artifacts, monkeypatch):
    monkeypatch.setattr(queue, "keep_going", lambda: None)
    return Machine()


@pytest.fixture
def watching(machine):
    return supervisor.Supervisor(machine)


def submit(count: int = 1, **given) -> list[str]:
    jobs = [Job(workers.SMALL, seed=seed, **given) for seed in range(count)]
    return [done.run_id for done in queue.submit_all(jobs)]


def learn(run_id: str, epochs: int) -> None:
    for epoch in range(epochs):
        files.append_json(store.root() / run_id / store.HISTORY, {"epoch": epoch + 1})


def test_one_after_the_other_in_their_order(watching, machine):
    ids = submit(3)
    watching.tick()
    watching.tick()
    assert machine.begun == ids[:1]
    files.write_json(store.root() / ids[0] / status.FAILURE, {"reason": "odd"})
    machine.living.clear()
    watching.tick()
    assert machine.begun == ids[:2]
    assert [row.run for row in line.rows(store.root())] == ids[1:]


def test_by_counted_processors(watching, machine, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_MAX_TRAININGS", "3")
    monkeypatch.setattr(supervisor, "usable_threads", lambda: 4)
    ids = [submit(threads=threads)[0] for threads in (3, 2, 1)]
    watching.tick()
    assert machine.begun == [ids[0], ids[2]]  # 3 and 1 of 4; the one of 2 waits
    monkeypatch.setenv("LIGHTBOX_MAX_TRAININGS", "1")
    machine.living.clear()
    for name in (ids[0], ids[2]):
        (store.root() / name / status.STOP).touch()
    watching.tick()
    assert machine.begun[2:] == [ids[1]]


def test_more_threads_than_there_are_begin_alone(watching, machine, monkeypatch):
    monkeypatch.setattr(supervisor, "usable_threads", lambda: 1)
    (run_id,) = submit(threads=8)
    watching.tick()
    assert machine.begun == [run_id]


def test_a_killed_one_is_begun_again_before_those_behind_it(watching, machine):
    """Case 58."""
    ids = submit(2)
    watching.tick()
    machine.living.clear()
    watching.tick()
    assert machine.begun == [ids[0], ids[0]]
    assert store.load(ids[0]).status == "queued"


def test_one_that_is_killed_again_and_again_without_an_epoch_is_left_with_its_reason(
    watching, machine
):
    (run_id,) = submit()
    for _ in range(supervisor.DEATHS - 1):
        watching.tick()
        machine.living.clear()
    learn(run_id, 1)
    for death in range(supervisor.DEATHS - 1):
        watching.tick()
        assert machine.living, death
        machine.living.clear()
    watching.tick()
    run = store.load(run_id)
    assert run.status == "failed"
    assert "ended 10 times without an epoch" in status.sentence(run.folder, "failed", 1)
    assert line.rows(store.root()) == []


def test_one_killed_for_want_of_memory_is_not_begun_again(watching, machine, monkeypatch):
    """Case 11."""
    (run_id,) = submit()
    watching.tick()
    files.write_json(store.root() / run_id / status.HEARTBEAT, {"memory_kills": 2})
    monkeypatch.setattr(status, "memory_kills", lambda: 3)
    machine.living.clear()
    watching.tick()
    run = store.load(run_id)
    assert run.status == "failed"
    assert "smaller batch" in status.sentence(run.folder, "failed", 0)
    assert machine.begun == [run_id]


def test_what_its_own_command_trains_is_neither_begun_nor_begun_again(watching, machine):
    run_id = queue.submit(Job(workers.SMALL), begin=False).run_id
    watching.tick()
    assert machine.begun == []
    assert line.rows(store.root()) == []
    assert store.load(run_id).status == "interrupted"


def test_a_folder_that_is_gone_leaves_the_line(watching, machine):
    (run_id,) = submit()
    watching.tick()
    machine.living.clear()
    for path in (store.root() / run_id).iterdir():
        path.unlink()
    (store.root() / run_id).rmdir()
    watching.tick()
    assert line.rows(store.root()) == []


def test_stop_ends_one_that_does_not_respond_and_no_other(watching, machine, monkeypatch):
    """Case 10."""
    (run_id,) = submit()
    watching.tick()
    monkeypatch.setattr(status, "quiet_s", lambda folder: status.STALL_S + 1)
    watching.tick()
    assert machine.ended == []
    with locks.lock(store.root() / run_id):
        assert store.load(run_id).status == "stalled"
        assert queue.stop(run_id) == "ending"
        monkeypatch.setattr(status, "quiet_s", lambda folder: status.STALL_S - 1)
        watching.tick()
        assert machine.ended == []
        monkeypatch.setattr(status, "quiet_s", lambda folder: status.STALL_S + 1)
        watching.tick()
    assert machine.ended == [run_id]
    watching.tick()
    assert line.rows(store.root()) == []
    assert store.load(run_id).status == "stopped"


def test_small_jobs_work_one_at_a_time_beside_a_training(watching, machine, tiny):
    background_tasks.start(tiny.id, "neighbours")
    background_tasks.start(tiny.id, "evaluate")
    (run_id,) = submit()
    watching.tick()
    assert sorted(machine.living) == sorted([(tiny.id, "neighbours"), (run_id, line.TRAIN)])
    assert background_tasks.progress(tiny.folder, "neighbours").status == "running"
    assert background_tasks.progress(tiny.folder, "evaluate").status == "waiting"
    machine.living.clear()
    watching.tick()
    assert (tiny.id, "evaluate") in machine.living
    assert background_tasks.progress(tiny.folder, "neighbours").status == "idle"


def test_a_row_that_another_changed_meanwhile_is_left_alone(watching, machine):
    (run_id,) = submit()
    seen = line.find(store.root() / run_id)
    queue.stop(run_id)
    assert not watching._change(seen, running=True)
    assert line.rows(store.root()) == []


def test_a_process_is_ended_only_when_the_number_is_still_its_own(artifacts):
    """No test signals a process that it did not start; neither does Stop."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    folder = artifacts / "run"
    folder.mkdir()
    row, here = line.Row("run"), supervisor.ThisMachine()
    started = psutil.Process(sleeper.pid).create_time()
    try:
        for said in (
            {},
            {"pid": sleeper.pid},
            {"pid": sleeper.pid, "started": started - 1},
            {"pid": str(sleeper.pid), "started": started},
            {"pid": -1, "started": started},
        ):
            files.write_json(folder / status.HEARTBEAT, said)
            here.end(row)
            assert sleeper.poll() is None
        files.write_json(folder / status.HEARTBEAT, {"pid": sleeper.pid, "started": started})
        here.end(row)
        assert sleeper.poll() is not None
    finally:
        sleeper.kill()


def test_a_process_that_is_deaf_to_a_polite_word_is_killed(artifacts, monkeypatch):
    monkeypatch.setattr(supervisor, "POLITE_S", 0.2)
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(1, flush=True); time.sleep(60)"
    )
    deaf = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        deaf.stdout.readline()
        (artifacts / "run").mkdir()
        said = {"pid": deaf.pid, "started": psutil.Process(deaf.pid).create_time()}
        files.write_json(artifacts / "run" / status.HEARTBEAT, said)
        supervisor.ThisMachine().end(line.Row("run"))
        assert deaf.wait(10) == -signal.SIGKILL
    finally:
        deaf.kill()


def test_the_only_one_holds_the_lock_and_others_leave_at_once(artifacts, monkeypatch):
    """Case 47."""
    with locks.lock(artifacts, queue.SUPERVISOR):
        monkeypatch.setattr(supervisor.Supervisor, "tick", lambda self: pytest.fail("a second"))
        supervisor.run()


def test_it_ends_when_the_line_is_empty_or_the_folder_is_gone(artifacts, monkeypatch):
    monkeypatch.setattr(supervisor, "IDLE_S", 0.1)
    supervisor.run()
    assert not locks.is_locked(artifacts, queue.SUPERVISOR)


def test_what_came_into_line_as_it_was_ending_is_not_forgotten(machine, monkeypatch):
    monkeypatch.setattr(supervisor, "IDLE_S", 0.05)
    ticks, rest = [], supervisor.FileLock.release

    def release(lock, *given):
        if "supervisor" in str(lock.lock_file) and not ticks:
            submit()  # who submits sees the lock held
        rest(lock, *given)

    def tick(self):
        rows = line.rows(store.root())
        ticks.extend(row.run for row in rows)
        for row in rows:
            queue.stop(row.run)
        return bool(rows)

    monkeypatch.setattr(supervisor.FileLock, "release", release)
    monkeypatch.setattr(supervisor.Supervisor, "tick", tick)
    supervisor.run()
    assert len(ticks) == 1


def test_whoever_looks_sees_that_a_supervisor_is_there(artifacts, monkeypatch):
    asked = []
    monkeypatch.setattr(queue, "spawn", lambda words, log, threads: asked.append(words))
    monkeypatch.setattr(queue, "_asked", {})
    monkeypatch.setattr(queue, "_without", set())
    queue.keep_going()
    assert asked == []  # nothing is in line
    submit()
    assert asked == [["supervise"]]
    queue.keep_going()
    assert len(asked) == 1  # it has time to come
    queue._asked.clear()
    with locks.lock(artifacts, queue.SUPERVISOR):
        queue.keep_going()
    assert len(asked) == 1
    for path in artifacts.glob(f"{line.NAME}*"):
        path.unlink()
    queue.keep_going()
    assert len(asked) == 2  # the table is lost, a request is there


def test_a_folder_that_cannot_be_written_starts_nothing(artifacts, monkeypatch):
    """Case 14: looking goes on."""
    monkeypatch.setattr(queue, "_asked", {})
    monkeypatch.setattr(queue, "spawn", lambda *_, **__: pytest.fail("it started one"))
    with line.changing(artifacts) as db:
        line.put(db, line.Row("waiting"))
    monkeypatch.setattr(queue.os, "access", lambda *_: False)
    queue.keep_going()


def test_where_training_is_off_only_small_jobs_are_begun(watching, machine, tiny, monkeypatch):
    submit()
    background_tasks.start(tiny.id, "neighbours")
    monkeypatch.setenv("LIGHTBOX_TRAINING", "off")
    watching.tick()
    assert machine.living == [(tiny.id, "neighbours")]


def finished(ids: list[str]) -> bool:
    return {store.load(run_id).status for run_id in ids} == {"finished"}


@pytest.mark.trains
@pytest.mark.slow
def test_killed_at_any_moment_a_line_ends_with_every_run_finished_and_none_doubled(artifacts):
    """Case 58: worker and supervisor, at random; weights are those of an unbroken run."""
    config = workers.SMALL.config.replace(epochs=40)
    fixed = {"config": config, "threads": 1, "precision": "float32", "device": "cpu"}
    unbroken = [
        queue.submit(Job(workers.SMALL, seed=s, name="a", **fixed)).run_id for s in range(2)
    ]
    workers.until(lambda: finished(unbroken), 180)
    ids = [queue.submit(Job(workers.SMALL, seed=s, name="b", **fixed)).run_id for s in range(2)]
    chance, kills = random.Random(3), 0
    while not finished(ids) and kills < 12:
        time.sleep(chance.uniform(0.1, 1.5))
        kills += workers.kill_one(artifacts, chance)
        queue.keep_going()
    workers.until(lambda: queue.keep_going() or finished(ids), 240)
    assert kills > 3
    for first, second in zip(unbroken, ids, strict=True):
        one, two = (store.read_weights(store.load(name)) for name in (first, second))
        assert all(torch.equal(value, two[name]) for name, value in one.items())
        epochs = [record["epoch"] for record in store.load(second).history()[0]]
        assert epochs == list(range(1, 41))
    assert len(store.list_runs()) == 4
