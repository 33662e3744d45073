"""The commands that train: from a recipe to a finished run, and the line of those that wait."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.jobs import fine_tuning, queue, worker
from core.jobs.job import OPTIONS, Job
from core.reports import summary
from core.runs import limits, status, store
from core.training import distributed, recipes, settings
from core.training.settings import FIELDS
from core.training.sizes import SIZES


def _recipes(options: argparse.Namespace) -> None:
    for recipe in recipes.RECIPES.values():
        stated = f"author: {recipe.stated}" if recipe.stated else recipe.source
        print(f"{recipe.name:<16} {recipe.dataset:<14} {recipe.title:<38} {stated}")


def _train(options: argparse.Namespace) -> int:
    return _begin(_asked(options))


def _fine_tune(options: argparse.Namespace) -> int:
    """A training that goes on from a finished run."""
    known = {name: field for name, field in (FIELDS | OPTIONS).items() if name in options}
    return _begin(fine_tuning.request(options.run, **_given(options, known)))


def _extend(options: argparse.Namespace) -> int:
    """A training that goes on from a finished run's weights with its own images."""
    known = {name: field for name, field in (FIELDS | OPTIONS).items() if name in options}
    return _begin(fine_tuning.extend(options.run, **{"epochs": 5} | _given(options, known)))


def _asked(options: argparse.Namespace) -> Job:
    """A recipe with what the command line changes."""
    recipe = recipes.get(options.recipe)
    parts = SIZES[recipe.model], FIELDS, OPTIONS
    given = _given(options, parts[0] | parts[1] | parts[2])
    sizes, config, own = ({k: v for k, v in given.items() if k in part} for part in parts)
    chosen = dataclasses.replace(recipe, sizes={**recipe.sizes, **sizes})
    return Job(chosen, recipe.config.replace(**config), **own)


def _given(options: argparse.Namespace, known: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, by options of their own or by --set. Raises ValueError."""
    found = {k: v for k, v in vars(options).items() if k in known and v is not None}
    for pair in options.set:
        name, _, text = pair.partition("=")
        if name not in known:
            raise ValueError(f"--set: {name!r} is unknown; choose one of {', '.join(known)}")
        found[name] = settings.from_text(known[name], text)
    return found


def _begin(job: Job) -> int:
    """Put a training in line and follow it here; a group of torchrun's trains it itself."""
    if not distributed.is_launched():
        return _follow(queue.submit(job))
    world = distributed.join(job.device)
    if world.rank:
        return worker.assist(world)
    if earlier := world.recall():  # torchrun has started the group again
        return _take_up(earlier, world)
    return _together(queue.submit(job, begin=False), world)


def _plan(options: argparse.Namespace) -> None:
    """Layers, parameters and the time a training would take here."""
    from core.jobs import plan

    job = _requested(options)
    found = plan.estimate(job)
    if options.json:
        print(json.dumps(found))
        return
    table = plan.layers(job.recipe)
    for layer, shape, count in table:
        print(f"{layer:<76} {'x'.join(map(str, shape)):<12} {count:>9,}")
    print(
        f"{sum(count for *_, count in table):,} parameters; {found['precision']}, "
        f"{found['step_ms']:.2f} ms a step, about {found['epoch_s']:.1f} s an epoch, "
        f"{found['total_s']:.0f} s for {job.config.epochs}"
    )


def _find_lr(options: argparse.Namespace) -> None:
    """The loss at learning rates that grow, and the rate at which it falls fastest."""
    from core.jobs import plan

    found = plan.learning_rates(_requested(options))
    if options.json:
        print(json.dumps(found))
        return
    pairs = list(zip(found["rates"], found["losses"], strict=True))
    for rate, loss in pairs[:: max(1, len(pairs) // 12)]:
        print(f"{rate:<10.2g} loss {loss:.4f}")
    best = found["suggested"]
    print(f"the loss falls fastest at {best:g}" if best else "the loss falls at no rate")


def _requested(options: argparse.Namespace) -> Job:
    """The training that a file or the options ask for."""
    if not options.request:
        return _asked(options)
    text = sys.stdin.read() if options.request == "-" else Path(options.request).read_text()
    return Job.read(json.loads(text))


def _resume(options: argparse.Namespace) -> int:
    if not distributed.is_launched():
        return _follow(queue.resume(options.run))
    world = distributed.join(store.load(options.run).info.get("device") or "auto")
    if world.rank:
        return worker.assist(world)
    return _take_up(options.run, world)


def _take_up(run_id: str, world: distributed.World) -> int:
    """Go on with a run in this group of torchrun's, unless an earlier attempt of it ended it."""
    run = store.load(run_id)
    if world.recall() and run.status in ("finished", "stopped"):
        print(f"{run_id} is {run.status}")
        world.leave()
        return 0
    return _together(queue.resume(run_id, begin=False, own=True), world)


def _together(submitted: queue.Submitted, world: distributed.World) -> int:
    """Train with the other processes of the group, telling the terminal."""
    from core.jobs import progress

    if submitted.already:
        _tell_place(submitted)
    else:
        world.remember(submitted.run_id)
        run = worker.work(submitted.run_id, callbacks=progress.callbacks(), world=world)
        print(summary.result_line(run))
    world.leave()
    return 0


def _work(options: argparse.Namespace) -> int:
    """A worker started by a page: like a person's command, with lower priority and no terminal."""
    limits.lower_priority()
    worker.work(options.run)
    return 0


def _supervise(options: argparse.Namespace) -> None:
    from core.jobs import supervisor

    supervisor.run()


def _queue(options: argparse.Namespace) -> None:
    queue.keep_going()
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
        "ending": "does not respond and is ended; resume goes on from the last epoch",
        "cancelled": "no longer waits",
        "idle": "was not active",
    }[queue.stop(options.run)]
    print(f"{options.run} {done}")


def _delete(options: argparse.Namespace) -> None:
    queue.delete(options.run)
    print(f"{options.run} is deleted")


def _tell_place(submitted: queue.Submitted) -> None:
    how = "is in line already" if submitted.already else "waits its turn"
    place = f"({submitted.place} of {submitted.waiting})"
    print(f"{submitted.run_id} {how} {place}", flush=True)


def _follow(submitted: queue.Submitted) -> int:
    """Tell the terminal how a training goes that works in a process of its own; Ctrl-C stops it."""
    from core.jobs import progress

    run_id = submitted.run_id
    if submitted.already or submitted.place > 1:
        _tell_place(submitted)
    if submitted.already:
        return 0
    try:
        run = progress.follow(run_id)
    except KeyboardInterrupt:
        print(f"\nstopping; go on with: python -m core resume {run_id}", file=sys.stderr)
        queue.stop(run_id, own=True)
        with contextlib.suppress(KeyboardInterrupt):  # a second one does not wait for it
            progress.follow(run_id)
        return 130
    if run is None:
        print(f"{run_id} was cancelled")
    elif run.metrics:
        print(summary.result_line(run))
    else:
        why = status.sentence(run.folder, run.status, len(run.history()[0]))
        print(f"error: {run_id}: {why}", file=sys.stderr)
        return 2
    return 0


COMMANDS = {
    "recipes": _recipes,
    "train": _train,
    "fine-tune": _fine_tune,
    "extend": _extend,
    "plan": _plan,
    "find-lr": _find_lr,
    "resume": _resume,
    "queue": _queue,
    "stop": _stop,
    "delete": _delete,
    "work": _work,
    "supervise": _supervise,
}
