"""The commands that train: from a recipe to a finished run, and the line of those that wait."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from core.jobs import fine_tuning, queue, worker
from core.reports import summary
from core.runs import limits, store
from core.training import distributed, recipes, settings

MACHINE = ("device", "precision", "threads")


def _recipes(options: argparse.Namespace) -> None:
    for recipe in recipes.RECIPES.values():
        stated = f"author: {recipe.stated}" if recipe.stated else recipe.source
        print(f"{recipe.name:<16} {recipe.dataset:<14} {recipe.title:<38} {stated}")


def _train(options: argparse.Namespace) -> int:
    recipe = recipes.get(options.recipe)
    config = _changed(recipe, options)
    return _begin(options, recipe=recipe, config=config, **_given(options, "seed", "name"))


def _fine_tune(options: argparse.Namespace) -> int:
    """A training that goes on from a finished run."""
    changes = _given(options, "epochs", "lr", "seed", "name")
    return _begin(options, **fine_tuning.request(options.run, **changes))


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names}


def _begin(options: argparse.Namespace, **request: Any) -> int:
    """Put a training in line and follow it here."""
    world = distributed.join(options.device)
    if world.rank:
        return worker.assist(world)
    if earlier := world.recall():  # torchrun has started the group again
        return _take_up(earlier, world)
    submitted = queue.submit(**request, **_given(options, *MACHINE), start=False)
    if not submitted.already:
        world.remember(submitted.run_id)
    return _follow(submitted, world)


def _plan(options: argparse.Namespace) -> None:
    """Layers, parameters and the time a training would take here."""
    from core.jobs import plan

    if options.request:
        text = sys.stdin.read() if options.request == "-" else Path(options.request).read_text()
        request = json.loads(text)
        recipe, config = recipes.from_description(request)
        wanted = {name: request.get(name) for name in MACHINE}
    else:
        recipe = recipes.get(options.recipe)
        config = _changed(recipe, options)
        wanted = _given(options, *MACHINE)
    found = plan.estimate(recipe, config, **wanted)
    if options.json:
        print(json.dumps(found))
        return
    table = plan.layers(recipe)
    for layer, shape, count in table:
        print(f"{layer:<76} {'x'.join(map(str, shape)):<12} {count:>9,}")
    print(
        f"{sum(count for *_, count in table):,} parameters; {found['precision']}, "
        f"{found['step_ms']:.2f} ms a step, about {found['epoch_s']:.1f} s an epoch, "
        f"{found['total_s']:.0f} s for {config.epochs}"
    )


def _changed(recipe: recipes.Recipe, options: argparse.Namespace) -> settings.TrainConfig:
    """The recipe's settings with those that the command line names."""
    changes = _given(options, "epochs", "batch_size", "lr", "validation")
    return recipe.config.replace(**{k: v for k, v in changes.items() if v is not None})


def _resume(options: argparse.Namespace) -> int:
    info = store.load(options.run).info
    if threads := info.get("threads"):
        os.environ["OMP_NUM_THREADS"] = str(threads)
    world = distributed.join(info.get("device") or "auto")
    if world.rank:
        return worker.assist(world)
    if world.recall():
        return _take_up(options.run, world)
    world.remember(options.run)
    return _follow(queue.resume(options.run, start=False), world)


def _take_up(run_id: str, world: distributed.World) -> int:
    """Go on with the run of this torchrun's earlier attempt, unless that attempt ended it."""
    run = store.load(run_id)
    if run.status in ("finished", "stopped"):
        print(f"{run_id} is {run.status}")
        world.leave()
        return 0
    return _follow(queue.resume(run_id, start=False, left=True, own=True), world)


def _work(options: argparse.Namespace) -> int:
    """A worker started by a page: like a person's command, with lower priority and no terminal."""
    limits.lower_priority()
    worker.work(options.run)
    return 0


def _queue(options: argparse.Namespace) -> None:
    active = queue.active_runs()
    if not active:
        print("nothing trains or waits")
    for place, run in enumerate(active, 1):
        heartbeat = queue.progress(run)
        epochs = run.info["config"]["epochs"]
        where = f"epoch {heartbeat['epoch']}/{epochs}" if "epoch" in heartbeat else ""
        print(f"{place}  {run.id:<44} {run.status:<9} {where}")


def _stop(options: argparse.Namespace) -> None:
    done = {
        "stopping": "stops after the current step and keeps what it has learned",
        "ended": "did not respond and was ended; resume goes on from the last epoch",
        "cancelled": "no longer waits",
        "idle": "was not active",
    }[queue.stop(options.run)]
    print(f"{options.run} {done}")


def _delete(options: argparse.Namespace) -> None:
    queue.delete(options.run)
    print(f"{options.run} is deleted")


def _follow(submitted: queue.Submitted, world: distributed.World) -> int:
    """Wait and train here, telling the terminal; a bar only where there is one to draw it."""
    run_id = submitted.run_id
    if submitted.already:
        print(f"{run_id} is in line already ({submitted.place} of {submitted.waiting})")
        world.leave()
        return 0
    if submitted.place > 1:
        print(f"{run_id} waits its turn ({submitted.place} of {submitted.waiting})", flush=True)
    from core.jobs import progress

    try:
        run = worker.work(run_id, callbacks=progress.callbacks(), world=world)
    except KeyboardInterrupt:
        print(f"\ninterrupted; go on with: python -m core resume {run_id}", file=sys.stderr)
        return 130
    world.leave()
    if not run.metrics:
        print(f"{run_id} was cancelled")
        return 0
    print(summary.result_line(run))
    return 0


COMMANDS = {
    "recipes": _recipes,
    "train": _train,
    "fine-tune": _fine_tune,
    "plan": _plan,
    "resume": _resume,
    "queue": _queue,
    "stop": _stop,
    "delete": _delete,
    "work": _work,
}
