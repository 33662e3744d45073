"""A training's progress on the terminal: a line an epoch, and a bar where there is one to draw
it.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from core.jobs import queue
from core.runs import status, store

if TYPE_CHECKING:
    from core.jobs.experiment import Callbacks

LOOK_S = 0.2


def callbacks() -> Callbacks:
    """Calls that print to standard output, and draw the bar on standard error."""
    started: dict[str, Any] = {}
    drawn = sys.stderr.isatty()

    def start(info: dict[str, Any]) -> None:
        started.update(info=info, since=None)
        images = info["images"]
        print(
            f"{info['id']}: {info['title']}, {info['parameters']:,} parameters, {info['dataset']} "
            f"({images['fit']:,} + {images['validation']:,} images), "
            f"{info['device']}, {info['precision']}, {info['threads']} threads",
            flush=True,
        )

    def batch(epoch: int, seen: int, loss: float, accuracy: float) -> None:
        per_epoch, epochs = started["info"]["images"]["fit"], started["info"]["config"]["epochs"]
        done, total = (epoch - 1) * per_epoch + seen, epochs * per_epoch
        started["since"] = started["since"] or (time.perf_counter(), done)
        elapsed, counted = time.perf_counter() - started["since"][0], done - started["since"][1]
        if not counted:
            return
        speed = counted / elapsed
        left = (total - done) / speed
        bar = ("█" * (30 * done // total)).ljust(30, "░")
        print(
            f"\r\033[K{bar} epoch {epoch}/{epochs}  loss {loss:.4f}  {speed:,.0f} images/s  "
            f"{left // 60:.0f}:{left % 60:02.0f} left",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def epoch(record: dict[str, Any]) -> None:
        if drawn:
            print("\r\033[K", end="", file=sys.stderr)
        held_out = ""
        if record["validation_loss"] is not None:
            held_out = (
                f"validation loss {record['validation_loss']:.4f} "
                f"accuracy {100 * record['validation_accuracy']:.2f} %  "
            )
        print(
            f"epoch {record['epoch']:>3}  train loss {record['train_loss']:.4f} "
            f"accuracy {100 * record['train_accuracy']:.2f} %  {held_out}"
            f"{record['seconds']:.1f} s  {record['images_per_second']:,.0f} images/s",
            flush=True,
        )

    from core.jobs.experiment import Callbacks

    return Callbacks(start=start, batch=batch if drawn else None, epoch=epoch)


def follow(run_id: str) -> store.Run | None:
    """Tell the terminal how a run in line goes until it comes to an end; the run as it is then, or
    None when it was cancelled.
    """
    tell, begun = callbacks(), False
    told = len(store.load(run_id).history()[0])
    while True:
        queue.keep_going()
        try:
            run = store.load(run_id)
        except store.RunNotFound:
            return None
        active, beat = run.status in status.ACTIVE, queue.progress(run)
        if not begun and (run.folder / store.INFO).exists():
            begun = True
            tell.start(run.info)
        for record in (history := run.history()[0])[told:]:
            if "problem" not in record:
                tell.epoch(record)
        told = len(history)
        if tell.batch and beat.get("phase") == "training":
            tell.batch(*(beat[name] for name in ("epoch", "seen", "loss", "accuracy")))
        if not active:
            return store.load(run_id)
        time.sleep(LOOK_S)
