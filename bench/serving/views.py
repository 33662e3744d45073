"""What a change of view costs: time until the script has finished, and bytes sent.

Run: python -m bench.serving.views [--reruns 9] [--recipe fashion-cnn --other fashion-house]. Each
view of a shipped run of 10,000 test images is asked for in turn with the others, as a visitor does
who clicks from one to the next; the first time counts apart, for it fills the caches.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from urllib.parse import urlencode

from bench.serving.reruns import Visitor, start
from core.data import datasets
from core.runs import store

LIMIT_MS, LIMIT_KB = 300, 100


def views(run: store.Run, other: store.Run) -> dict[str, tuple[str, dict[str, object]]]:
    """Name -> (page, query)."""
    classes = run.info["classes"]
    true, said, _ = run.metrics["most_confused"][0]
    cell = {"true": classes[true], "said": classes[said]}
    return {
        "Curves": ("curves", {}),
        "Curves, smoothed, two runs": ("curves", {"with": other.id, "smooth": 60}),
        "Matrix": ("confusion_matrix", {}),
        "Matrix, one cell open": ("confusion_matrix", cell),
        "Matrix, one class open": ("confusion_matrix", {"true": classes[true]}),
        "Samples, 25": ("samples", {}),
        "Samples, 100": ("samples", {"per": 100}),
        "Samples, wrong, by loss": ("samples", {"show": "Wrong", "order": "Highest loss"}),
        "Samples, learned last": ("samples", {"order": "Learned last"}),
        "One sample": ("samples", {"image": 18}),
        "Time machine, epoch 1": ("time_machine", {"epoch": 1}),
        "Time machine, forgotten often": (
            "time_machine",
            {"epoch": 2, "event": "Forgotten more than once"},
        ),
        "Compare": ("compare", {"b": other.id}),
        "Compare, only B right": ("compare", {"b": other.id, "quadrant": "Only B right"}),
        "Is it true?": ("claim", {}),
        "Is it true?, at 95 %": ("claim", {"when": 0.95}),
    }


async def measure(port: int, run: store.Run, other: store.Run, reruns: int) -> bool:
    """Print a row a view; whether all stay within the limits."""
    visitor = await Visitor(port).open()
    asked = views(run, other)
    times: dict[str, list[float]] = {name: [] for name in asked}
    sizes = dict.fromkeys(asked, 0.0)
    for _ in range(reruns + 1):
        for name, (page, query) in asked.items():
            seconds, received = await visitor.rerun(page, urlencode({"run": run.id, **query}))
            times[name].append(1000 * seconds)
            sizes[name] = max(sizes[name], received / 1000)
    print(f"{'view':<30}{'first':>10}{'then p50 (max)':>22}{'kB':>8}")
    within = True
    for name, (first, *rest) in times.items():
        middle = statistics.median(rest)
        within &= middle <= LIMIT_MS and sizes[name] <= LIMIT_KB
        print(f"{name:<30}{first:>7.0f} ms{middle:>11.0f} ({max(rest):.0f}) ms{sizes[name]:>8.1f}")
    print(f"all within {LIMIT_MS} ms and {LIMIT_KB} kB: {'yes' if within else 'no'}")
    return within


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reruns", type=int, default=9)
    parser.add_argument("--recipe", default="fashion-cnn")
    parser.add_argument("--other", default="fashion-house", help="a recipe on the same test images")
    options = parser.parse_args()
    by_recipe = {run.info["recipe"]: run for run in store.list_runs() if run.metrics}
    try:
        run, other = by_recipe[options.recipe], by_recipe[options.other]
        datasets.load_test(run.info["dataset"])
    except (KeyError, datasets.DatasetError) as error:
        print(f"cannot measure: {error} is not here", file=sys.stderr)
        return 1
    server, port = start(stock=False, blocked="")
    try:
        return 0 if asyncio.run(measure(port, run, other, options.reruns)) else 1
    finally:
        server.terminate()


if __name__ == "__main__":
    sys.exit(main())
