"""Real worker processes for tests, forked from one that has torch loaded already: a start costs
milliseconds instead of seconds. What they do is what `python -m core work` does.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from core.jobs import background_tasks, queue, worker
from core.jobs.job import Job
from core.runs import store
from core.training import recipes
from core.training.settings import TrainConfig

SERVER = multiprocessing.get_context("forkserver")
MAIN = sys.modules["__main__"]  # AppTest leaves a script of its own there, which workers would run
SERVER.set_forkserver_preload(
    [
        "core.jobs.worker",
        "core.jobs.experiment",
        "scipy.stats",
        "sklearn.metrics",
        "torchvision.datasets",
    ]
)

SMALL = recipes.Recipe(
    "small",
    "A small network",
    "digits",
    "mlp",
    {"hidden": (32,), "dropout": 0.1},
    TrainConfig(epochs=3, lr=3e-3, select="best"),
)


def ready() -> None:
    """Wait until workers start at once."""
    _start(SERVER.Process(target=time.time, daemon=True)).join(120)


def put_in_line(epochs: int = 3, **settings) -> str:
    """A run of the small recipe that the caller trains by `begin`; its id."""
    fixed = {"precision": "float32", "threads": 1, "device": "cpu"}
    config, visitor = SMALL.config.replace(epochs=epochs), settings.pop("visitor", None)
    return queue.submit(
        Job(SMALL, config, **(fixed | settings)), visitor=visitor, begin=False
    ).run_id


def begin(run_id: str, fault: str | None = None):
    """A worker on a run in line; `fault` names one of FAULTS to happen to it."""
    names = ("LIGHTBOX_ARTIFACTS", "LIGHTBOX_MAX_TRAININGS")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    return _start(SERVER.Process(target=_work, args=(run_id, environment, fault), daemon=True))


def _start(process):
    left, sys.modules["__main__"] = sys.modules["__main__"], MAIN
    try:
        process.start()
    finally:
        sys.modules["__main__"] = left
    return process


def _work(run_id: str, environment: dict[str, str], fault: str | None) -> None:
    os.environ.update(environment)
    if fault:
        FAULTS[fault]()
    worker.work(run_id)


def _die_in_save() -> None:
    """SIGKILL between writing the second checkpoint and moving it into place."""
    replace, seen = os.replace, []

    def dying(source, target):
        if str(target).endswith(store.CHECKPOINT):
            seen.append(target)
            if len(seen) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = dying


def _fill_disk() -> None:
    """No space left when half of the second checkpoint is on the disk."""
    begin, sync, names = tempfile.mkstemp, os.fsync, {}

    def begun(**settings):
        descriptor, path = begin(**settings)
        names[descriptor] = path
        return descriptor, path

    def full(descriptor):
        path = Path(names[descriptor])
        if store.CHECKPOINT in path.name and (path.parent / store.CHECKPOINT).exists():
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    tempfile.mkstemp, os.fsync = begun, full


def _exhaust_memory() -> None:
    """torch's words when an allocation fails, at the first step."""
    from core.training import loop

    def failing(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")

    loop.train_step = failing


def _hang() -> None:
    """A step that never returns."""
    from core.training import loop

    loop.train_step = lambda *_: time.sleep(3600)


def _diverge() -> None:
    """The loss becomes NaN in the second epoch."""
    from core.training import loop

    step, seen = loop.train_step, []

    def poisoned(model, images, labels, *rest):
        seen.append(1)
        if len(seen) == 25:
            images = images * float("nan")
        return step(model, images, labels, *rest)

    loop.train_step = poisoned


FAULTS: dict[str, Callable[[], None]] = {
    "die in save": _die_in_save,
    "full disk": _fill_disk,
    "no memory": _exhaust_memory,
    "hang": _hang,
    "diverge": _diverge,
}


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition; AssertionError when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def task_done(run: store.Run, name: str, seconds: float = 90) -> background_tasks.Progress:
    """What a background task came to, once it is no longer at work."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = background_tasks.progress(run.folder, name)
        if not found.active:
            return found
        time.sleep(0.1)
    raise AssertionError(f"still at work: {found}; {(run.folder / f'{name}.log').read_text()}")


def processes(artifacts: Path, *commands: str) -> list[psutil.Process]:
    """The processes of these commands that a test's own folder has."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.environ().get("LIGHTBOX_ARTIFACTS") == str(artifacts.resolve())
            _, _, program, command, *_ = [*process.cmdline(), "", "", "", ""]
            if mine and program == "core" and command in commands:
                found.append(process)
    return found


def kill_one(artifacts: Path, chance: random.Random, *commands: str) -> int:
    """SIGKILL one of them, by default worker or supervisor, chosen by chance; how many were."""
    if not (found := processes(artifacts, *(commands or ("work", "supervise")))):
        return 0
    with contextlib.suppress(psutil.Error):
        chance.choice(found).kill()
    return 1


def epochs_done(run_id: str) -> int:
    return len(store.load(run_id).history()[0])


def state_of(run_id: str) -> str:
    return store.load(run_id).status


def kill(process) -> None:
    """SIGKILL, and wait until it is gone."""
    process.kill()
    process.join(10)


__all__ = [
    "SMALL",
    "begin",
    "epochs_done",
    "kill",
    "kill_one",
    "processes",
    "put_in_line",
    "ready",
    "state_of",
    "task_done",
    "until",
]
