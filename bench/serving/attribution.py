"""How long it takes to look into a run: maps, neighbours, scoring again, and what pages read.

Run: python -m bench.serving.attribution [RUN ...] [--repeats 5] [--slow]; one thread, in this
process. Each row is the median and the range of the repeats; --slow adds what is computed once a
run (neighbours of all test images) and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

GOALS_MS = {"saliency": 50, "grad_cam": 50, "occlusion": 300}


def measure(work: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of each repeat, after one that does not count."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - start))
    return taken


def say(run: str, what: str, taken: list[float]) -> None:
    goal = GOALS_MS.get(what)
    verdict = (
        f"goal {goal}: {'met' if statistics.median(taken) <= goal else 'MISSED'}" if goal else ""
    )
    print(
        f"{run:<18} {what:<28} {statistics.median(taken):>9.2f} "
        f"({min(taken):.2f} to {max(taken):.2f})  {verdict}",
        flush=True,
    )


def look_into(run, repeats: int, slow: bool) -> None:
    import numpy as np
    import torch

    from core.analysis import attribution, neighbours, scoring
    from core.data import datasets
    from core.evaluation import curves, label_issues
    from core.reading import reader
    from core.runs import reproduction, store

    name = run.info["recipe"]
    known, predictions = reader.open_run(run.id), run.predictions()
    image = datasets.load_test(run.info["dataset"])[0][0]
    target = int(predictions["probs"][0].argmax())
    for method in attribution.methods(known.model):
        say(
            name,
            method,
            measure(
                lambda m=method: attribution.attributions(
                    known.model, image, target, run.info["mean"], run.info["std"], wanted=[m]
                ),
                repeats,
            ),
        )
    say(name, "read neighbours", measure(lambda: neighbours.read(run), repeats))
    say(name, "read stamp", measure(lambda: reproduction.read(run), repeats))
    same = [r for r in store.list_runs() if r.metrics and r.info["dataset"] == run.info["dataset"]]
    stored = [other.predictions() for other in same]
    labels, probs = predictions["labels"], [part["probs"] for part in stored]
    recipes = [curves.seed_key(other.info) for other in same]

    def suspects() -> None:
        label_issues.suspect_labels(labels, label_issues.vote_of_recipes(recipes, probs))

    say(
        name,
        f"suspect labels of {len(same)} runs",
        measure(suspects, repeats),
    )
    whole = datasets.load(run.info["dataset"])
    say(name, "score again", measure(lambda: scoring.reproduce(run.id, whole), min(repeats, 2)))
    if not slow:
        return
    start = time.perf_counter()
    features = neighbours.features(run, known.model, whole.train.images)
    say(name, "features of training images", [1000 * (time.perf_counter() - start)])
    index = neighbours.Index(features, np.arange(len(features)), whole.train.labels.numpy())
    queries = neighbours.features(run, known.model, whole.test.images)
    say(name, "one drawing's neighbours", measure(lambda: index.nearest(queries[:1]), repeats))
    start = time.perf_counter()
    index.nearest(queries)
    say(name, "neighbours of all test images", [1000 * (time.perf_counter() - start)])
    assert torch.get_num_threads() == 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help="ids; all finished ones by default")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slow", action="store_true")
    options = parser.parse_args()
    import torch

    from core.runs import store

    torch.set_num_threads(1)
    chosen = [store.load(name) for name in options.runs] or store.list_runs()
    chosen = [run for run in chosen if run.metrics]
    if not chosen:
        print("no finished run to look into: python -m core train digits-cnn", file=sys.stderr)
        return 1
    start = time.perf_counter()
    from core.analysis import attribution

    print(f"{'':<18} {'':<28} {'median ms':>9} (range), one thread")
    say(attribution.__name__, "import with Captum", [1000 * (time.perf_counter() - start)])
    for run in chosen:
        look_into(run, options.repeats, options.slow)
    return 0


if __name__ == "__main__":
    sys.exit(main())
