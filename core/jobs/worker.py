"""What a worker does: hold the run's lock for life, wait its turn, train, and say how it goes.

The page and the command line start the same thing. torch is imported when the turn has come.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
import traceback
from pathlib import Path
from typing import Any

from core.jobs import fine_tuning, queue
from core.runs import files, limits, status, store
from core.training.distributed import ALONE, World, is_lost
from core.training.recipes import from_description

POLL_S = 0.3
BEAT_S = 0.5
POINTS = 200  # of the first epoch, for its live curve


def work(run_id: str, *, callbacks: Any = None, world: World = ALONE) -> store.Run:
    """Wait for the run's turn and train it, in this process; what a worker does.

    `callbacks` are experiment.Callbacks, called beside the heartbeat. In a `world` of several
    processes only the first comes here, the others `assist`. Raises what went wrong after writing
    it into the run.
    """
    run = store.load(run_id)
    with files.lock(run.folder):
        if not _wait(run.folder):
            return store.load(run_id) if run.folder.exists() else run
        try:
            return _train(store.load(run_id), callbacks, world)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            _note_failure(run.folder, error)
            raise


def assist(world: World) -> int:
    """What all processes but the first do: train along with it until it lets them go.

    Returns the exit status: 0, or 1 when another process is gone, so that torchrun takes no machine
    for done whose group it has to start again.
    """
    try:
        while (job := world.broadcast()) is not None:
            from core.jobs import experiment

            experiment.assist(job, world)
        world.leave()
    except RuntimeError as error:
        if not is_lost(error):
            raise
        return 1  # the words of the process that ended say why
    return 0


def _train(run: store.Run, callbacks: Any, world: World) -> store.Run:
    """The work itself, with a heartbeat and an ear for `stop`."""
    _heartbeat(run.folder, {"phase": "loading"})
    from core.jobs import experiment

    experiment.warm_up()
    callbacks = callbacks or experiment.Callbacks()
    clock: dict[str, Any] = {"beat": 0.0, "since": None, "points": [], "info": {}}

    def begin(info: dict[str, Any]) -> None:
        clock["info"] = info
        callbacks.start(info)

    def batch(epoch: int, seen: int, loss: float, accuracy: float) -> None:
        if (run.folder / status.STOP).exists():
            raise experiment.Stopped
        if callbacks.batch:
            callbacks.batch(epoch, seen, loss, accuracy)
        if time.monotonic() - clock["beat"] < BEAT_S:
            return
        clock["beat"] = time.monotonic()
        info = clock["info"]
        per_epoch, epochs = info["images"]["fit"], info["config"]["epochs"]
        done = (epoch - 1) * per_epoch + seen
        clock["since"] = clock["since"] or (time.monotonic(), done)
        elapsed, counted = time.monotonic() - clock["since"][0], done - clock["since"][1]
        speed = counted / elapsed if elapsed > 0 and counted else None
        if epoch == 1:
            clock["points"] = [*clock["points"], [seen, loss, accuracy]][-POINTS:]
        _heartbeat(
            run.folder,
            {
                "phase": "training",
                "epoch": epoch,
                "seen": seen,
                "loss": loss,
                "accuracy": accuracy,
                "images_per_second": speed,
                "left_s": (epochs * per_epoch - done) / speed if speed else None,
                "points": clock["points"],
            },
        )

    def epoch_done(record: dict[str, Any]) -> None:
        callbacks.epoch(record)
        _heartbeat(
            run.folder, {**status.read(run.folder, status.HEARTBEAT), "phase": "between epochs"}
        )

    watching = experiment.Callbacks(start=begin, batch=batch, epoch=epoch_done)
    if (run.folder / store.INFO).exists():
        return experiment.resume(run.id, callbacks=watching, world=world)
    recipe, config = from_description(run.info)
    wanted = {key: run.info[key] for key in ("seed", "device", "precision", "threads", "name")}
    wanted["tuning"] = fine_tuning.frozen(run.folder, run.info)
    return experiment.run(
        recipe, config=config, run_id=run.id, callbacks=watching, world=world, **wanted
    )


def _wait(folder: Path) -> bool:
    """Stand in line; True when the turn has come, False when the job was cancelled meanwhile."""
    while True:
        with queue.queue_lock():
            if not (folder / status.TICKET).exists():
                return False
            active = queue.active_runs()
            training = [run for run in active if run.status != "queued"]
            first = next((run for run in active if run.status == "queued"), None)
            if len(training) < limits.trainings() and first and first.id == folder.name:
                (folder / status.TICKET).unlink()
                (folder / status.FAILURE).unlink(missing_ok=True)
                _heartbeat(folder, {"phase": "starting"})
                return True
        time.sleep(POLL_S)


def _heartbeat(folder: Path, entry: dict[str, Any]) -> None:
    entry = {**entry, "pid": os.getpid(), "memory_kills": status.memory_kills()}
    files.write_json(folder / status.HEARTBEAT, entry, sync=False)


def _note_failure(folder: Path, error: BaseException) -> None:
    """Why it failed, in a sentence for people; the traceback goes to the log."""
    traceback.print_exc()
    with contextlib.suppress(OSError):  # no room even for that: the log has it
        files.write_json(folder / status.FAILURE, {"reason": explain(error)})


def explain(error: BaseException) -> str:
    """An error of a training as a sentence that says what to do."""
    text = str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "Disk full: free some space, then resume; the last checkpoint is whole."
    memory = isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text
    if isinstance(error, RuntimeError) and is_lost(error):
        return "A process that trained along ended; Resume goes on from the last epoch."
    if memory:
        return "Ran out of memory: take a smaller batch or a smaller model."
    if type(error).__module__.startswith("core."):
        return text[:1].upper() + text[1:]
    return f"Failed with {type(error).__name__}: {text[:300]}"
