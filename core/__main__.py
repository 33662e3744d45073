"""The command line: python -m core COMMAND. Heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from core import (
    arguments,
    beginning,
    distributed,
    jobs,
    limits,
    recipes,
    runs,
    summary,
    tasks,
    worker,
)


def main(given: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 not reproduced, 2 an error, 130
    Ctrl-C.
    """
    options = arguments.parser().parse_args(given)
    if threads := getattr(options, "threads", None):
        os.environ["OMP_NUM_THREADS"] = str(threads)  # read once, when torch is imported
    try:
        return COMMANDS[options.command](options) or 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, LookupError, RuntimeError, ArithmeticError, OSError) as error:
        if not _is_told(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


def _is_told(error: Exception) -> bool:
    """Whether an error is one of ours or of the file system, whose text is meant for people."""
    ours = type(error).__module__.startswith("core.")
    return ours or type(error) is ValueError or isinstance(error, OSError)


def _recipes(options: argparse.Namespace) -> None:
    for recipe in recipes.RECIPES.values():
        stated = f"author: {recipe.stated}" if recipe.stated else recipe.source
        print(f"{recipe.name:<16} {recipe.dataset:<14} {recipe.title:<38} {stated}")


def _train(options: argparse.Namespace) -> int:
    recipe = recipes.get(options.recipe)
    wish = {"config": _changed(recipe, options), "seed": options.seed, "name": options.name}
    return _begin(options, recipe=recipe, **wish)


def _further(options: argparse.Namespace) -> int:
    """A training that goes on from a finished run."""
    names = ("epochs", "lr", "seed", "name")
    return _begin(options, **beginning.wish(options.run, **{n: getattr(options, n) for n in names}))


def _begin(options: argparse.Namespace, **wish: Any) -> int:
    """Put a training in line and follow it here."""
    world = distributed.join(options.device)
    if world.rank:
        return worker.assist(world)
    if earlier := world.recall():  # torchrun has started the group again
        return _take_up(earlier, world)
    submitted = jobs.submit(
        **wish,
        device=options.device,
        precision=options.precision,
        threads=options.threads,
        start=False,
    )
    if not submitted.already:
        world.remember(submitted.run_id)
    return _follow(submitted, world)


def _plan(options: argparse.Namespace) -> None:
    """Layers, parameters and the time a training would take here."""
    from core import plan

    if options.request:
        text = sys.stdin.read() if options.request == "-" else Path(options.request).read_text()
        wish = json.loads(text)
        recipe, config = recipes.from_description(wish)
        wanted = {key: wish.get(key) for key in ("device", "precision", "threads")}
    else:
        recipe = recipes.get(options.recipe)
        config = _changed(recipe, options)
        wanted = {key: getattr(options, key) for key in ("device", "precision", "threads")}
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


def _changed(recipe: recipes.Recipe, options: argparse.Namespace) -> recipes.TrainConfig:
    """The recipe's settings with those that the command line names."""
    names = ("epochs", "batch_size", "lr", "validation")
    changes = {name: getattr(options, name) for name in names}
    return recipe.config.replace(**{k: v for k, v in changes.items() if v is not None})


def _resume(options: argparse.Namespace) -> int:
    info = runs.load(options.run).info
    if threads := info.get("threads"):
        os.environ["OMP_NUM_THREADS"] = str(threads)
    world = distributed.join(info.get("device") or "auto")
    if world.rank:
        return worker.assist(world)
    if world.recall():
        return _take_up(options.run, world)
    world.remember(options.run)
    return _follow(jobs.resume(options.run, start=False), world)


def _take_up(run_id: str, world: distributed.World) -> int:
    """Go on with the run of this torchrun's earlier attempt, unless that attempt ended it."""
    run = runs.load(run_id)
    if run.state in ("finished", "stopped"):
        print(f"{run_id} is {run.state}")
        world.leave()
        return 0
    return _follow(jobs.resume(run_id, start=False, left=True), world)


def _work(options: argparse.Namespace) -> int:
    """A worker started by a page: like a person's command, with lower priority and no terminal."""
    limits.step_back()
    worker.work(options.run)
    return 0


def _queue(options: argparse.Namespace) -> None:
    active = jobs.queue()
    if not active:
        print("nothing trains or waits")
    for place, run in enumerate(active, 1):
        said = jobs.progress(run)
        epochs = run.info["config"]["epochs"]
        where = f"epoch {said['epoch']}/{epochs}" if "epoch" in said else ""
        print(f"{place}  {run.id:<44} {run.state:<9} {where}")


def _stop(options: argparse.Namespace) -> None:
    done = {
        "stopping": "stops after the current step and keeps what it has learned",
        "ended": "did not respond and was ended; resume goes on from the last epoch",
        "cancelled": "no longer waits",
        "idle": "was not active",
    }[jobs.stop(options.run)]
    print(f"{options.run} {done}")


def _delete(options: argparse.Namespace) -> None:
    jobs.delete(options.run)
    print(f"{options.run} is deleted")


def _follow(submitted: jobs.Submitted, world: distributed.World) -> int:
    """Wait and train here, telling the terminal; a bar only where there is one to draw it."""
    run_id = submitted.run_id
    if submitted.already:
        print(f"{run_id} is in line already ({submitted.place} of {submitted.waiting})")
        world.leave()
        return 0
    if submitted.place > 1:
        print(f"{run_id} waits its turn ({submitted.place} of {submitted.waiting})", flush=True)
    from core import terminal

    try:
        run = worker.work(run_id, calls=terminal.calls(), world=world)
    except KeyboardInterrupt:
        print(f"\ninterrupted; go on with: python -m core resume {run_id}", file=sys.stderr)
        return 130
    world.leave()
    if run.metrics is None:
        print(f"{run_id} was cancelled")
        return 0
    print(summary.result_line(run))
    return 0


def _runs(options: argparse.Namespace) -> None:
    found = runs.list_runs()
    if options.markdown:
        from core.summary import results_table

        print(results_table(found))
        return
    if options.json:
        rows = [
            {
                "id": run.id,
                "recipe": run.info.get("recipe"),
                "dataset": run.info.get("dataset"),
                "seed": run.info.get("seed"),
                "state": run.state,
                "test_accuracy": (run.metrics or {}).get("test_accuracy"),
                "problem": run.problem,
            }
            for run in found
        ]
        print(json.dumps(rows, indent=1))
        return
    if not found:
        print(f"no runs in {runs.root()}/ yet: python -m core train digits-cnn")
    for run in found:
        result = f"{100 * run.metrics['test_accuracy']:.2f} %" if run.metrics else "-"
        print(f"{run.id:<44} {result:>8}  {run.state:<12} {run.problem or run.title}")


def _evaluate(options: argparse.Namespace) -> int:
    with tasks.told(options.run, "evaluate", page=options.task):
        from core import scoring  # and with it torch, when the turn has come

        result = (scoring.stamp if options.stamp else scoring.reproduce)(options.run)
    verdict = "reproduced" if result.exact else "NOT reproduced"
    print(
        f"{options.run}: stored {100 * result.stored:.2f} %, found {100 * result.found:.2f} % "
        f"of {result.count:,} test images: {verdict}; "
        f"{result.changed_predictions} predictions differ from the stored ones"
    )
    return 0 if result.exact else 1


def _neighbours(options: argparse.Namespace) -> None:
    from core import neighbours

    with tasks.told(options.run, "neighbours", page=options.task) as told:
        found = neighbours.store(options.run, told)
    print(
        f"{options.run}: {found.indices.shape[1]} nearest training images of each of "
        f"{len(found.indices):,} test images; 99 % lie within {found.test_limit:.3g}"
    )


def _baselines(options: argparse.Namespace) -> None:
    from core import baselines, data

    for row in baselines.store(data.load(options.dataset))["rows"]:
        print(
            f"{row['name']:<20} {100 * row['accuracy']:6.2f} %  {row['setting']:<20} "
            f"{row['seconds']:.1f} s"
        )


def _duplicates(options: argparse.Namespace) -> None:
    from core import data, duplicates

    found = duplicates.store(data.load(options.dataset))
    print(
        f"{options.dataset}: of {found['images']['test']:,} test images {found['exact']} stand "
        f"among the training images too, {found['near']} nearly so"
    )
    for pair in found["pairs"]:
        print(f"test {pair['test']:>6}  train {pair['train']:>6}  distance {pair['distance']:.4f}")


def _personal(options: argparse.Namespace) -> None:
    """The person's own drawings that a run reads."""
    from core import files, personal, personal_zip, verdicts

    run = runs.load(options.run)
    kind = personal.kind_of(run)
    if options.taken:
        new, known = personal_zip.take_in(kind, Path(options.taken).read_bytes())
        print(f"{new} new drawings, {known} were here already")
    elif options.export:
        files.write_bytes(Path(options.export), personal_zip.export(kind))
        print(options.export)
    else:
        print(verdicts.words(verdicts.score(run)))


def _predict(options: argparse.Namespace) -> int:
    """Each picture on a line of its own; those that cannot be read are told and skipped."""
    from core import picture, reader
    from core.paper import EmptyDrawing

    known = reader.open_run(options.run)
    read = known.read_number if options.number else known.read
    failed = 0
    for path in options.images:
        try:
            answer = read(picture.open_image(Path(path), path))
        except (picture.ImageError, EmptyDrawing) as error:
            failed += 1
            print(f"error: {path}: {str(error).removeprefix(f'{path}: ')}", file=sys.stderr)
            continue
        if options.json:
            print(json.dumps({"file": path, **answer.as_json()}))
        else:
            said = answer.text if options.number else answer.label
            print(f"{path}\t{said}\t{100 * answer.confidence:.1f} %")
    return 2 if failed else 0


def _export(options: argparse.Namespace) -> None:
    from core import giveaway

    giveaway.export(options)


def _import(options: argparse.Namespace) -> None:
    from core import giveaway

    giveaway.take_in(options)


def _fetch(options: argparse.Namespace) -> None:
    from core import data

    data.fetch_files(options.dataset, test_only=options.test)
    print(f"{data.DATASETS[options.dataset].title} is here")


COMMANDS = {
    "recipes": _recipes,
    "train": _train,
    "further": _further,
    "personal": _personal,
    "plan": _plan,
    "resume": _resume,
    "queue": _queue,
    "stop": _stop,
    "delete": _delete,
    "work": _work,
    "runs": _runs,
    "evaluate": _evaluate,
    "neighbours": _neighbours,
    "baselines": _baselines,
    "duplicates": _duplicates,
    "predict": _predict,
    "export": _export,
    "import": _import,
    "fetch": _fetch,
}

if __name__ == "__main__":
    distributed.end_process(main())
