"""What a worker does: hold the run's lock for life, train, and say how it goes. The supervisor
starts it when the run's turn has come.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from pathlib import Path
from typing import Any

import psutil

from core.jobs import fine_tuning, queue
from core.jobs.job import Job
from core.runs import files, line, locks, status, store
from core.training import results
from core.training.distributed import ALONE, World, is_lost

BEAT_S = 0.5
POINTS = 200  # of the first epoch, for its live curve


def work(run_id: str, *, callbacks: Any = None, world: World = ALONE) -> store.Run:
    """Train a run in this process; what a worker does.

    `callbacks` are experiment.Callbacks, called beside the heartbeat. In a `world` of several
    processes only the first comes here, the others `assist`. Raises what went wrong after writing
    it into the run, Timeout when another process trains it.
    """
    folder = store.folder_of(run_id)
    with locks.lock(folder):
        _heartbeat(folder, {"phase": "loading"})
        if line.ended(folder):  # another worker did it, or it was stopped meanwhile
            return store.load(run_id)
        try:
            return _train(store.load(run_id), callbacks, world)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            _note_failure(folder, error)
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
    from core.jobs import experiment

    experiment.warm_up()
    callbacks = callbacks or experiment.Callbacks()
    watched = (row := line.find(run.folder)) and row.deaths != line.OWN
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
        if watched:
            queue.keep_going()
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
        _heartbeat(run.folder, {**queue.progress(run), "phase": "between epochs"})

    watching = experiment.Callbacks(start=begin, batch=batch, epoch=epoch_done)
    if (run.folder / store.INFO).exists():
        return experiment.resume(run.id, callbacks=watching, world=world)
    job = Job.read(run.info, fine_tuning.frozen(run.folder, run.info))
    return experiment.run(job, run_id=run.id, callbacks=watching, world=world)


def _heartbeat(folder: Path, entry: dict[str, Any]) -> None:
    me = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    entry = {**entry, **me, "memory_kills": status.memory_kills()}
    files.write_json(folder / status.HEARTBEAT, entry, sync=False)


def _note_failure(folder: Path, error: BaseException) -> None:
    """Why it failed, in a sentence for people; the traceback goes to the log."""
    traceback.print_exc()
    with contextlib.suppress(OSError):  # no room even for that: the log has it
        files.write_json(folder / status.FAILURE, {"reason": results.explain(error)})
