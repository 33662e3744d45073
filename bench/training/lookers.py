"""A hundred lookers beside five hundred runs, ten of which train or wait: is a look ever wrong, and
what does it cost?

Run: python -m bench.training.lookers [--lookers 100] [--runs 500] [--line 10]. A run may only go
from queued over running to finished; every other step that a looker sees is wrong.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from core.data.folders import CODE

ORDER = ("queued", "running", "finished")


def look(artifacts: str, ids: list[str], steps: int) -> tuple[int, int, list[float], float]:
    """What a process of several lookers sees until the line is empty: (looks, wrong ones, seconds
    of the processor for each look at the line, those for the states of all runs).
    """
    os.environ["LIGHTBOX_ARTIFACTS"] = artifacts
    from core.jobs import queue
    from core.runs import store

    known = [dict.fromkeys(ids, 0) for _ in range(steps)]
    looks = wrong = 0
    spent: list[float] = []
    while any(place < 2 for each in known for place in each.values()):
        for each in known:
            start = time.process_time()
            active = {run.id: run.status for run in queue.active_runs()}
            spent.append(time.process_time() - start)
            for run_id in ids:
                seen = active.get(run_id) or store.load(run_id).status
                # the line's look and the run's own are two: it may have begun or ended between
                seen = store.load(run_id).status if seen not in ORDER else seen
                place = ORDER.index(seen) if seen in ORDER else -1
                looks += 1
                wrong += place < each[run_id]
                each[run_id] = max(place, each[run_id])
        time.sleep(0.05)
    start = time.process_time()
    for _ in range(5):
        [run.status for run in store.list_runs()]
    return looks, wrong, spent, (time.process_time() - start) / 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lookers", type=int, default=100)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--line", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LIGHTBOX_ARTIFACTS"] = folder
        return _measure(options, Path(folder))


def _measure(options: argparse.Namespace, folder: Path) -> int:
    from core.jobs import queue
    from core.jobs.job import Job
    from tests.helpers.workers import SMALL

    source = next((CODE / "artifacts").glob("digits-cnn-*"))
    for number in range(options.runs):
        shutil.copytree(source, folder / f"{source.name}-{number}")
        (folder / f"{source.name}-{number}" / "lock").touch()  # as after a training here
    config = SMALL.config.replace(epochs=20)
    jobs = [Job(SMALL, config, seed=seed, threads=1) for seed in range(options.line)]
    ids = [done.run_id for done in queue.submit_all(jobs)]
    share = options.lookers // 4
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.starmap(look, [(str(folder), ids, share)] * 4)
    spent = sorted(second for each in found for second in each[2])
    looks, wrong = (sum(each[place] for each in found) for place in (0, 1))
    print(
        f"{4 * share} lookers, {options.runs} runs, {options.line} in line: {looks:,} states seen, "
        f"{wrong} wrong; a look at the line {1000 * spent[len(spent) // 2]:.2f} ms (median), "
        f"{1000 * spent[int(0.99 * len(spent))]:.2f} ms (99 %); states of all runs "
        f"{1000 * min(each[3] for each in found):.0f} ms"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
