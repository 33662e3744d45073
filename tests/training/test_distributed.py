"""Several processes, one training: the same gradient, one run, no one left hanging."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from core.analysis import scoring
from core.jobs import experiment, queue
from core.jobs.job import Job
from core.reading import personal
from core.runs import locks, status, store
from core.training import distributed, hardware, models, results
from core.training.batches import prepared_batches
from core.training.distributed import ALONE, World
from core.training.loop import _mix
from core.training.settings import TrainConfig
from tests.helpers import ROOT, together
from tests.helpers.drawings import keep_training_images

LAUNCH = ["torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
TRAIN = ["core", "train", "digits-cnn", "--precision", "float32"]
EPOCHS = 6


def launch(artifacts: Path, *arguments: str, count: int = 2) -> subprocess.Popen:
    """Start `count` processes that train together; what they say goes to a file beside the runs."""
    environment = {
        **os.environ,
        "LIGHTBOX_ARTIFACTS": str(artifacts),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "PYTHONUNBUFFERED": "1",
    }
    with open(artifacts.parent / "said.txt", "wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", *LAUNCH, f"--nproc-per-node={count}", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def ended(agent: subprocess.Popen, artifacts: Path, seconds: float = 120) -> str:
    """What a launch said; it must have ended well within the time."""
    try:
        status = agent.wait(seconds)
    finally:
        agent.terminate()  # torchrun ends its processes
        agent.wait(40)
    said = (artifacts.parent / "said.txt").read_text()
    assert status == 0, said
    return said


def first(artifacts: Path, name: str, agent: subprocess.Popen) -> Path:
    """The first run's file of that name, once it is there."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and agent.poll() is None:
        if found := list(artifacts.glob(f"digits-cnn-2*/{name}")):
            return found[0]
        time.sleep(0.02)
    agent.terminate()
    raise AssertionError((artifacts.parent / "said.txt").read_text())


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> store.Run:
    """A run on the bundled digits by two processes, unbroken."""
    artifacts = tmp_path_factory.mktemp("pair") / "artifacts"
    artifacts.mkdir()
    agent = launch(artifacts, "-m", *TRAIN, "--epochs", str(EPOCHS))
    said = ended(agent, artifacts)
    assert said.count("\nepoch ") == EPOCHS, said  # one process alone prints
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIGHTBOX_ARTIFACTS", str(artifacts))
        found = store.list_runs()
        assert len(found) == 1
        assert found[0].status == "finished"
    return found[0]


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> list[dict]:
    """What each of two processes ended with in tests/helpers/together.py."""
    artifacts = tmp_path_factory.mktemp("both") / "artifacts"
    artifacts.mkdir()
    ended(launch(artifacts, "-m", "tests.helpers.together", str(artifacts)), artifacts)
    return [torch.load(artifacts / f"{rank}.pth") for rank in (0, 1)]


@pytest.mark.trains
@pytest.mark.slow
def test_two_processes_write_one_run_that_says_so(pair):
    assert pair.info["world_size"] == 2
    assert pair.info["backend"] == "gloo"
    assert pair.info["device"] == "cpu"
    assert pair.info["threads"] == max(1, hardware.usable_threads() // 2)
    history, unreadable = pair.history()
    assert [record["epoch"] for record in history] == list(range(1, EPOCHS + 1))
    assert not unreadable
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert pair.metrics["test_accuracy"] > 0.5  # chance reads a tenth


@pytest.mark.trains
@pytest.mark.slow
def test_two_processes_train_further_with_the_first_ones_drawings(tiny):
    """The second is told the drawings; it reads no folder."""
    keep_training_images(personal.kind_of(tiny), 24)
    artifacts = tiny.folder.parent
    command = ["-m", "core", "fine-tune", tiny.id, "--precision", "float32"]
    ended(launch(artifacts, *command), artifacts)
    run = next(run for run in store.list_runs() if run.id != tiny.id)
    assert run.status == "finished"
    assert run.info["world_size"] == 2
    drawings = run.info["personal"]
    assert run.info["images"]["fit"] == 1317 + drawings["count"] * drawings["repeats"]
    assert run.metrics["personal"]["held_out"] == drawings["held_out"]


@pytest.mark.trains
@pytest.mark.slow
def test_the_weights_of_two_processes_load_in_a_plain_network(pair):
    plain = models.build("house", tuple(pair.info["shape"]), 10, **pair.info["sizes"])
    assert type(plain) is torch.nn.Sequential
    plain.load_state_dict(torch.load(pair.folder / store.WEIGHTS, weights_only=True))
    assert type(scoring.load_model(pair)) is torch.nn.Sequential


def test_one_process_alone_says_so_too(tiny):
    assert tiny.info["world_size"] == 1
    assert tiny.info["backend"] is None


@pytest.mark.trains
@pytest.mark.slow
@pytest.mark.parametrize("name", together.CASES)
def test_two_processes_take_the_steps_of_one(both, name):
    """float32 sums in another order: 1e-6 of weights around 0.1; unweighted means differ by
    more than 1e-4.
    """
    alone = together.weights(together.CASES[name], ALONE)
    ours = both[0]["cases"][name]
    for key, value in alone["state"].items():
        torch.testing.assert_close(ours["state"][key], value, rtol=0, atol=1e-6)
    expected, found = alone["history"][0], ours["history"][0]
    assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)
    assert found["train_accuracy"] == expected["train_accuracy"]


@pytest.mark.trains
@pytest.mark.slow
def test_with_batch_norm_all_processes_end_with_the_same_weights_and_statistics(both):
    first_state, second = (found["norm"]["state"] for found in both)
    assert "1.running_mean" in first_state
    assert float(first_state["1.running_mean"].abs().max()) > 0
    for name, value in first_state.items():
        assert torch.equal(value, second[name]), name


@pytest.mark.trains
@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 4])
def test_several_processes_go_on_to_the_weights_of_an_unbroken_training(both, tmp_path, count):
    """Three and more sum in an order that must not change after the first step."""
    found = both
    if count > 2:
        artifacts = tmp_path / "artifacts"
        artifacts.mkdir()
        agent = launch(artifacts, "-m", "tests.helpers.together", str(artifacts), count=count)
        ended(agent, artifacts)
        found = [torch.load(artifacts / f"{rank}.pth") for rank in range(count)]
    assert [each["resumed"] for each in found] == [True] * count


@pytest.mark.trains
@pytest.mark.slow
def test_all_processes_lower_the_rate_and_end_early_together(both):
    """Only the first evaluates; the others hear the loss. After four epochs, one step down."""
    assert [found["early"] for found in both] == [[0.025]] * 2


@pytest.mark.trains
@pytest.mark.slow
def test_what_ends_the_first_process_ends_the_other_and_spoils_no_later_word(both):
    assert both[0]["endings"] == {"batch": "OSError", "epoch": "OSError", "diverged": "Diverged"}
    assert both[1]["endings"] == {"batch": "Ended", "epoch": "Ended", "diverged": "Diverged"}
    assert [found["broadcast"]["from"] for found in both] == [0, 0]
    assert both[1]["norm"]["history"] == []  # only the first evaluates


@pytest.mark.trains
@pytest.mark.slow
def test_a_killed_process_is_started_again_and_goes_on_with_the_same_run(pair, tmp_path):
    """Another interrupted run of the same recipe lies there and is left alone."""
    artifacts = tmp_path / "artifacts"
    other = artifacts / "digits-cnn-other"
    other.mkdir(parents=True)
    (other / store.INFO).write_text(json.dumps({**pair.info, "id": other.name}))
    before = sorted(other.iterdir())
    agent = launch(artifacts, "--max-restarts", "1", "-m", *TRAIN, "--epochs", str(EPOCHS))
    folder = first(artifacts, store.CHECKPOINT, agent).parent
    os.kill(process(agent, rank=1), signal.SIGKILL)
    ended(agent, artifacts)
    assert {path.name for path in artifacts.iterdir() if path.is_dir()} == {
        other.name,
        folder.name,
    }
    assert sorted(other.iterdir()) == before
    lines = (folder / store.HISTORY).read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, EPOCHS + 1))
    assert (folder / store.MANIFEST).exists()
    broken, unbroken = (torch.load(each / store.WEIGHTS) for each in (folder, pair.folder))
    assert all(torch.equal(value, unbroken[name]) for name, value in broken.items())


def process(agent: subprocess.Popen, rank: int) -> int:
    """The process id of that rank among torchrun's children."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            ours = parent == agent.pid
            if ours and f"RANK={rank}".encode() in (path / "environ").read_bytes().split(b"\0"):
                return int(path.name)
        except OSError:
            continue
    raise AssertionError(f"rank {rank} was not found")


@pytest.mark.trains
@pytest.mark.slow
def test_a_stop_file_ends_both_and_the_run_resumes_in_one_process(artifacts, monkeypatch):
    agent = launch(artifacts, "-m", *TRAIN, "--epochs", "500")
    folder = first(artifacts, store.CHECKPOINT, agent).parent
    (folder / status.STOP).touch()
    ended(agent, artifacts, seconds=30)
    run = store.load(folder.name)
    assert run.status == "stopped"
    assert run.metrics["stopped"]
    done = len(run.history()[0])

    info = json.loads((folder / store.INFO).read_text())
    info["config"]["epochs"] = done + 1  # 500 would take minutes
    (folder / store.INFO).write_text(json.dumps(info))
    resumed = experiment.resume(run.id)
    assert resumed.status == "finished"
    history, _ = resumed.history()
    assert len(history) == done + 1
    assert "world_size" not in history[-2]
    assert history[-1]["world_size"] == 1


# Without a launch


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_parts_of_a_batch_are_the_batch_and_their_weights_its_mean(size):
    for count in range(1, 70):
        slices = [World(rank, size).share(count, 64) for rank in range(size)]
        own = [len(range(count)[each]) for each in slices]
        weights = [World(rank, size).weigh(count, n) for rank, n in enumerate(own)]
        assert min(own) > 0
        assert sum(counted for _, counted in weights) == count
        share = [factor / size for factor, _ in weights]  # of the averaged gradient
        assert sum(share) == pytest.approx(1)
        if count >= 2 * size:
            assert [i for each in slices for i in range(count)[each]] == list(range(count))
            assert share == pytest.approx([n / count for n in own])
        else:
            assert own == [count] * size


def test_two_processes_see_the_order_of_one_and_share_each_batch():
    data = together.parts()
    config = TrainConfig(batch_size=25)
    streams = [
        prepared_batches(data.fit, data, config, torch.Generator().manual_seed(4), None, world)
        for world in (ALONE, World(0, 2), World(1, 2))
    ]
    for whole, left, right in zip(*streams, strict=True):
        assert torch.equal(whole[0], torch.cat([left[0], right[0]]))
        assert torch.equal(whole[1], torch.cat([left[1], right[1]]))


def test_every_epoch_and_rank_draws_from_a_seed_of_its_own():
    seeds = [_mix(1, epoch, rank) for epoch in (1, 2, 10_000) for rank in (0, 1, 2, 511)]
    low = {seed % 2**32 for seed in seeds}  # torch's generator on the CPU keeps 32 bits
    assert len(low) == len(seeds)


def test_a_batch_smaller_than_the_group_is_refused():
    with pytest.raises(ValueError, match="batch_size: 3 is fewer than the 4 processes: raise"):
        World(0, 4).check_batch(3)
    World(0, 4).check_batch(4)


def test_without_torchrun_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert distributed.join() is ALONE
    assert distributed.from_environment({}) is ALONE
    model = together.network()
    assert ALONE.wrap(model) is model
    assert ALONE.recall() is None


def test_torchruns_variables_describe_the_world():
    names = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert distributed.from_environment(names) == World(3, 4, 1, 2)


def test_a_device_that_cannot_be_shared_is_refused(monkeypatch):
    names = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**names, "TORCHELASTIC_RUN_ID": "test"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="device: 'mps' cannot be shared by 2 processes"):
        distributed.join("mps")


def test_only_the_same_store_recalls_a_run():
    store = torch.distributed.HashStore()
    World(store=store).remember("mine")
    assert World(store=store).recall() == "mine"
    assert World(store=torch.distributed.HashStore()).recall() is None


def test_a_run_whose_worker_died_waiting_is_put_in_line_again(artifacts):
    from core.training import recipes

    submitted = queue.submit(Job(recipes.get("digits-cnn")), begin=False)
    again = queue.resume(submitted.run_id, begin=False)
    assert not again.already
    assert again.run_id == submitted.run_id
    with locks.lock(store.folder_of(submitted.run_id)):
        assert queue.resume(submitted.run_id, begin=False).already


def test_the_loss_of_another_process_is_said_in_words():
    error = RuntimeError("[gloo/transport/tcp/pair.cc:561] Connection closed by peer [10.0.0.2]")
    assert results.explain(error).startswith("A process that trained along ended")
