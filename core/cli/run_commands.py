"""The commands about finished runs and data sets. Heavy imports wait until one needs them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core.jobs import background_tasks
from core.reports import transfer
from core.runs import store


def _runs(options: argparse.Namespace) -> None:
    found = store.list_runs()
    if options.markdown:
        from core.reports.summary import results_table

        print(results_table(found))
        return
    if options.json:
        rows = [
            {
                "id": run.id,
                **{name: run.info.get(name) for name in ("recipe", "dataset", "seed")},
                "state": run.status,
                "test_accuracy": run.metrics.get("test_accuracy"),
                "problem": run.problem,
            }
            for run in found
        ]
        print(json.dumps(rows, indent=1))
        return
    if not found:
        print(f"no runs in {store.root()}/ yet: python -m core train digits-cnn")
    for run in found:
        result = f"{100 * run.metrics['test_accuracy']:.2f} %" if run.metrics else "-"
        print(f"{run.id:<44} {result:>8}  {run.status:<12} {run.problem or run.title}")


def _evaluate(options: argparse.Namespace) -> int:
    with background_tasks.reporting(options.run, "evaluate", page=options.task):
        from core.analysis import scoring  # and with it torch, when the turn has come

        result = (scoring.save_reproduction if options.save else scoring.reproduce)(options.run)
    verdict = "reproduced" if result.exact else "NOT reproduced"
    print(
        f"{options.run}: stored {100 * result.stored:.2f} %, found {100 * result.found:.2f} % "
        f"of {result.count:,} test images: {verdict}; "
        f"{result.changed_predictions} predictions differ from the stored ones"
    )
    return 0 if result.exact else 1


def _neighbours(options: argparse.Namespace) -> None:
    from core.analysis import neighbours

    with background_tasks.reporting(options.run, "neighbours", page=options.task) as reporting:
        found = neighbours.save(options.run, reporting)
    print(
        f"{options.run}: {found.indices.shape[1]} nearest training images of each of "
        f"{len(found.indices):,} test images; 99 % lie within {found.test_limit:.3g}"
    )


def _baselines(options: argparse.Namespace) -> None:
    from core.analysis import baselines
    from core.data import datasets

    for row in baselines.save(datasets.load(options.dataset))["rows"]:
        print(
            f"{row['name']:<20} {100 * row['accuracy']:6.2f} %  {row['setting']:<20} "
            f"{row['seconds']:.1f} s"
        )


def _duplicates(options: argparse.Namespace) -> None:
    from core.analysis import duplicates
    from core.data import datasets

    found = duplicates.save(datasets.load(options.dataset))
    print(
        f"{options.dataset}: of {found['images']['test']:,} test images {found['exact']} stand "
        f"among the training images too, {found['near']} nearly so"
    )
    for pair in found["pairs"]:
        print(f"test {pair['test']:>6}  train {pair['train']:>6}  distance {pair['distance']:.4f}")


def _personal(options: argparse.Namespace) -> None:
    """The person's own drawings that a run reads."""
    from core.reading import personal, personal_scores
    from core.reports import personal_zip
    from core.runs import files

    run = store.load(options.run)
    kind = personal.kind_of(run)
    if options.taken:
        new, known = personal_zip.take_in(kind, Path(options.taken).read_bytes())
        print(f"{new} new drawings, {known} were here already")
    elif options.export:
        files.write_bytes(Path(options.export), personal_zip.export(kind))
        print(options.export)
    else:
        print(personal_scores.words(personal_scores.score(run)))


def _predict(options: argparse.Namespace) -> int:
    """Each picture on a line of its own; those that cannot be read are told and skipped."""
    from core.reading import picture, reader
    from core.reading.picture import EmptyDrawing

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
            text = answer.text if isinstance(answer, reader.NumberAnswer) else answer.label
            doubt = f"\tnot sure: {answer.unlike}" if answer.unlike else ""
            print(f"{path}\t{text}\t{100 * answer.confidence:.1f} %{doubt}")
    return 2 if failed else 0


def _fetch(options: argparse.Namespace) -> None:
    from core.data import datasets, sources

    datasets.fetch_files(options.dataset, test_only=options.test)
    print(f"{sources.DATASETS[options.dataset].title} is here")


COMMANDS = {
    "personal": _personal,
    "runs": _runs,
    "evaluate": _evaluate,
    "neighbours": _neighbours,
    "baselines": _baselines,
    "duplicates": _duplicates,
    "predict": _predict,
    "export": transfer.export,
    "import": transfer.take_in,
    "fetch": _fetch,
}
