"""What the command line takes. `python -m core` reads it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import Field
from typing import Any

from core.jobs.fine_tuning import FIXED
from core.jobs.job import OPTIONS
from core.training.settings import FIELDS, KINDS, hint, kind_of

ALIASES = {"further": "fine-tune"}  # what commands were called before


def parse(given: list[str] | None = None) -> argparse.Namespace:
    """The options of a command line; a command's former name is taken too."""
    words = sys.argv[1:] if given is None else list(given)
    words[:1] = [ALIASES.get(word, word) for word in words[:1]]
    return parser().parse_args(words)


def parser() -> argparse.ArgumentParser:
    """Every command with its options; `command` holds the name of the one that was given."""
    whole = argparse.ArgumentParser(
        prog="python -m core", description="Train image classifiers and look at what they learned."
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=name)
        return added

    command("recipes", "List what can be trained.")
    train = command("train", "Train a recipe and write a run; Ctrl-C leaves it resumable.")
    train.add_argument("recipe", metavar="RECIPE", help="a name from `recipes`")
    plan = command("plan", "Show layers, parameters and the time a training would take.")
    rates = command("find-lr", "Try growing learning rates for some steps and name the best.")
    for subparser in (plan, rates):
        subparser.add_argument("recipe", metavar="RECIPE", nargs="?", default="digits-cnn")
        asked = "settings as JSON instead; - reads them"
        subparser.add_argument("--request", metavar="FILE", help=asked)
        subparser.add_argument("--json", action="store_true", help="what was found as JSON")
    further = command(
        "fine-tune",
        "Train a finished run further with the drawings kept on the Draw page: by default with "
        "its seed, a quarter of its epochs and three tenths of its learning rate.",
    )
    longer = command(
        "extend",
        "Train a finished run for more epochs, as a new run from its weights (5 by default).",
    )
    tunable = {name: field for name, field in FIELDS.items() if name not in FIXED}
    for subparser, fields in (
        (train, FIELDS),
        (plan, FIELDS),
        (rates, FIELDS),
        (further, tunable),
        (longer, tunable),
    ):
        subparser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a setting, or a size of the network as in hidden=128,64; may be repeated",
        )
        _add(subparser, fields | OPTIONS)
    drawings = command("personal", "Score a run on your own drawings, export them or take some in.")
    drawings.add_argument("--export", metavar="ZIP", help="write the drawings to that file instead")
    drawings.add_argument(
        "--import", metavar="ZIP", dest="taken", help="take in those of that file"
    )
    resume = command("resume", "Go on with an unfinished run.")
    command("queue", "List what trains and waits.")
    stop = command("stop", "Stop a training and keep what it learned; cancel a waiting one.")
    delete = command("delete", "Delete a run for good; refused while it trains.")
    work = command("work", "Train a submitted run when its turn comes (a worker's own).")
    command("supervise", "Begin and watch what is in line until it is empty (starts by itself).")
    listed = command("runs", "List runs, best first.")
    listed.add_argument("--json", action="store_true", help="as JSON")
    listed.add_argument("--markdown", action="store_true", help="finished ones as a table")
    check = command("evaluate", "Score saved weights again; exit 1 if not reproduced.")
    predict = command("predict", "Read images: file, label, confidence; if not sure, also why.")
    export = command("export", "Write a run: weights, figures, reports, page, notebook, script.")
    check.add_argument("--save", action="store_true", help="keep what came out with the run")
    check.add_argument("--stamp", dest="save", action="store_true", help=argparse.SUPPRESS)
    near = command("neighbours", "Find and keep the nearest training images of the test images.")
    for subparser in (check, near):
        subparser.add_argument("--task", action="store_true", help=argparse.SUPPRESS)
    for subparser in (
        resume,
        stop,
        delete,
        work,
        check,
        predict,
        export,
        near,
        further,
        longer,
        drawings,
    ):
        subparser.add_argument("run", metavar="RUN", help="an id from `runs`")
    predict.add_argument("images", metavar="IMAGE", nargs="+", help="picture files")
    predict.add_argument(
        "--number", action="store_true", help="several digits in a picture; lines joined by /"
    )
    predict.add_argument("--json", action="store_true", help="one JSON object a line")
    export.add_argument("-o", "--output", metavar="DIR", help="folder; exports/RUN by default")
    simple = command(
        "baselines", "Score simple methods on a data set, for comparison, and keep the numbers."
    )
    double = command(
        "duplicates", "Find test images that are among the training images, and keep them."
    )
    for subparser in (simple, double):
        subparser.add_argument("dataset", metavar="DATASET", help="digits, mnist or another")
    export.add_argument("--zip", action="store_true", help="one zip, which `import` takes")
    export.add_argument("--tensorboard", metavar="DIR", help="write event files there instead")
    export.add_argument("--mlflow", metavar="URI", help="write to that MLflow store instead")
    taken = command("import", "Take in a run from a zip of `export --zip`.")
    taken.add_argument("zip", metavar="ZIP", help="the file")
    fetch = command("fetch", "Bring a data set to this machine.")
    fetch.add_argument("dataset", metavar="DATASET", help="mnist, fashion-mnist or kmnist")
    fetch.add_argument("--test", action="store_true", help="only its test part")
    return whole


def _add(parser: argparse.ArgumentParser, fields: Mapping[str, Field[Any]]) -> None:
    """An option for each field, under the title of its group; None when it is left out."""
    groups: dict[str, Any] = {}
    for name, field in fields.items():
        title, (kind, _) = field.metadata["group"], KINDS[kind_of(field)]
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        taken: dict[str, Any] = {"type": kind, "metavar": "VALUE"}
        if kind is bool:
            taken = {"action": argparse.BooleanOptionalAction}
        text = ". ".join(filter(None, (field.metadata["label"], hint(field))))
        groups[title].add_argument(f"--{name.replace('_', '-')}", help=text, **taken)
