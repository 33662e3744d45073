"""Kill a worker at random moments and compare where it ends with an unbroken run, bit for bit.

Run: python -m bench.training.kills [--kills 200]. The longer form of the test of the same name.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LIGHTBOX_ARTIFACTS"] = folder
        return _measure(options.kills, random.Random(options.seed))


def _measure(wanted: int, chance: random.Random) -> int:
    import torch

    from core.jobs import queue
    from core.runs import files, store
    from tests.helpers import workers

    epochs = 15 * wanted
    unbroken = workers.put_in_line(min(epochs, 10_000))
    workers.begin(unbroken).join()
    broken = workers.put_in_line(min(epochs, 10_000), name="another")
    kills = inside_saves = unreadable = 0
    start = time.monotonic()
    process = workers.begin(broken)
    while kills < wanted:
        time.sleep(chance.uniform(0.02, 0.5))
        workers.kill(process)
        if workers.state_of(broken) == "finished":
            print(f"finished after {kills} kills: too short a training", file=sys.stderr)
            return 1
        kills += 1
        folder = store.folder_of(broken)
        inside_saves += bool(list(folder.glob(".checkpoint.pth.*.tmp")))
        unreadable += store.read_history(folder)[1]
        if (folder / store.CHECKPOINT).exists():
            files.read_tensors(folder / store.CHECKPOINT)
        queue.resume(broken, start=False)
        process = workers.begin(broken)
    process.join()
    first, second = (store.read_weights(store.load(name)) for name in (unbroken, broken))
    equal = all(torch.equal(value, second[name]) for name, value in first.items())
    print(
        f"{kills} kills, {inside_saves} of them inside a checkpoint save, in "
        f"{time.monotonic() - start:.0f} s; unreadable history lines: {unreadable}; "
        f"state: {workers.state_of(broken)}; weights equal bit for bit: {equal}"
    )
    return 0 if equal and not unreadable else 1


if __name__ == "__main__":
    sys.exit(main())
