"""Kill worker, supervisor and server at random while a line of ten is worked off, and compare.

Run: python -m bench.training.kills [--kills 200] [--runs 10] [--epochs 200]. Every run must come to
its end, none twice, with weights that equal an unbroken run's bit for bit. A tab of the Train page
is open as long as the server is there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.serving.reruns import Visitor, start


class Server:
    """The app in a process of its own, with a visitor who looks at the Train page again and again;
    it is started again when it was killed.
    """

    def __init__(self) -> None:
        self.process, port = start(stock=False, blocked="")
        self._goes_on = True
        self._visits = threading.Thread(target=self._visit, args=(port,), daemon=True)
        self._visits.start()

    def _visit(self, port: int) -> None:
        while self._goes_on:
            try:
                asyncio.run(self._look(port))
            except Exception:  # it was killed: another is started
                if self._goes_on:
                    self.process.wait()
                    self.process, port = start(stock=False, blocked="")

    async def _look(self, port: int) -> None:
        visitor = await Visitor(port).open()
        while self._goes_on:
            await visitor.rerun("train")
            await asyncio.sleep(0.5)

    def end(self) -> None:
        self._goes_on = False
        self.process.kill()
        self._visits.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=200, help="of each run")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LIGHTBOX_ARTIFACTS"] = folder
        return _measure(options, random.Random(options.seed), Path(folder))


def _measure(options: argparse.Namespace, chance: random.Random, folder: Path) -> int:
    import torch

    from core.jobs import queue
    from core.jobs.job import Job
    from core.runs import status, store
    from tests.helpers import workers

    config = workers.SMALL.config.replace(epochs=options.epochs)
    fixed = {"config": config, "threads": 1, "precision": "float32", "device": "cpu"}

    def submit(name: str) -> list[str]:
        jobs = [Job(workers.SMALL, seed=seed, name=name, **fixed) for seed in range(options.runs)]
        return [done.run_id for done in queue.submit_all(jobs)]

    def ended(ids: list[str]) -> bool:
        queue.keep_going()
        return {store.load(run_id).status for run_id in ids} <= {"finished", "failed"}

    unbroken = submit("unbroken")
    workers.until(lambda: ended(unbroken), 3600)
    broken, kills = submit("broken"), dict.fromkeys(("work", "supervise", "server"), 0)
    begun, server = time.monotonic(), Server()
    while sum(kills.values()) < options.kills and not ended(broken):
        time.sleep(chance.uniform(0.2, 3.0))
        victim = chance.choice(tuple(kills))
        if victim == "server":
            server.process.kill()
            kills[victim] += 1
        else:
            kills[victim] += workers.kill_one(folder, chance, victim)
    workers.until(lambda: ended(broken), 3600)
    server.end()
    wrong = 0
    for first, second in zip(unbroken, broken, strict=True):
        run, one = store.load(second), store.read_weights(store.load(first))
        two = store.read_weights(run) if run.metrics else {}
        epochs = [record["epoch"] for record in run.history()[0]]
        equal = one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
        whole = epochs == list(range(1, options.epochs + 1)) and not run.history()[1]
        if not (equal and whole and run.status == "finished"):
            wrong += 1
            why = status.sentence(run.folder, run.status, len(epochs))
            print(f"{second}: weights equal {equal}, history whole {whole}, {run.status}: {why}")
    doubled = len(store.list_runs()) - 2 * options.runs
    print(
        f"{sum(kills.values())} kills (" + ", ".join(f"{n} {k}" for k, n in kills.items()) + ") in "
        f"{time.monotonic() - begun:.0f} s over {options.runs} runs of {options.epochs} epochs: "
        f"{options.runs - wrong} finished with the weights of an unbroken run, {doubled} doubled"
    )
    return int(bool(wrong or doubled))


if __name__ == "__main__":
    sys.exit(main())
