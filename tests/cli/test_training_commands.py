"""The commands that train, as people and scripts see them."""

import os
import signal
import subprocess
import sys

import pytest

from core.cli import arguments, training_commands
from core.cli.main import main
from core.jobs.job import Job
from core.reading import personal
from core.runs import store
from core.training import recipes
from tests.helpers import ROOT
from tests.helpers.drawings import keep_training_images


def test_recipes_lists_all_with_the_authors_results(capsys):
    assert main(["recipes"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in recipes.RECIPES)
    assert "96.68 % test" in printed


def asked(*given: str) -> Job:
    return training_commands._asked(arguments.parse(["train", "mnist-mlp", *given]))


def test_settings_and_sizes_are_set_by_name():
    job = asked("--set", "hidden=32, 16", "--set", "dropout=0.5", "--set", "flip=true", "--lr", "1")
    assert job.recipe.sizes == {"hidden": (32, 16), "dropout": 0.5}
    assert (job.config.flip, job.config.lr) == (True, 1.0)
    assert asked("--lr", "1", "--set", "lr=0.5").config.lr == 0.5
    assert asked("--set", "seed=7").seed == 7


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (
            "widths=3",
            "--set: 'widths' is unknown; choose one of hidden, dropout, epochs",
        ),
        ("nonsense", "--set: 'nonsense' is unknown"),
        ("hidden=many", "hidden: 'many' is not a list of whole numbers"),
        ("hidden=0", "hidden: 0 is outside 1 to 4096"),
        ("lr=fast", "lr: 'fast' is not a number"),
        ("flip=2", "flip: '2' is not true or false"),
        ("flip", "flip: '' is not true or false"),
        ("optimizer=lion", "optimizer: 'lion' is unknown; choose one of adam, adamw, sgd"),
    ],
)
def test_what_cannot_be_set_is_named(artifacts, capsys, pair, message):
    """Case 41."""
    assert main(["train", "mnist-mlp", "--set", pair]) == 2
    assert f"error: {message}" in capsys.readouterr().err


def test_fine_tune_takes_settings_and_refuses_those_that_stay(tiny, capsys):
    for given in (["--lr", "0"], ["--set", "lr=0"]):
        keep_training_images(personal.kind_of(tiny), 6)
        assert main(["fine-tune", tiny.id, *given]) == 2
        assert "error: lr: 0.0 is outside" in capsys.readouterr().err
    for name in ("validation", "stages"):
        assert main(["fine-tune", tiny.id, "--set", f"{name}=0"]) == 2
        assert f"--set: '{name}' is unknown; choose one of epochs" in capsys.readouterr().err


@pytest.mark.trains
def test_train_writes_a_run_and_prints_a_line_an_epoch(artifacts, capsys):
    arguments = ["train", "digits-cnn", "--epochs", "2", "--seed", "3", "--name", "Mine"]
    assert main([*arguments, "--precision", "float32", "--threads", "1", "--lr", "0.003"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\nepoch ") == 2
    assert "images/s" in printed
    run = store.list_runs()[0]
    assert run.title == "Mine"
    assert run.info["seed"] == 3
    assert run.info["config"]["lr"] == 0.003
    assert f"{100 * run.metrics['test_accuracy']:.2f} %" in printed


@pytest.mark.trains
@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_resumes(artifacts):
    """Case 9, from the command line."""
    command = [sys.executable, "-u", "-m", "core", "train", "digits-cnn", "--threads", "1"]
    environment = {**os.environ, "LIGHTBOX_ARTIFACTS": str(artifacts)}
    worker = subprocess.Popen(
        [*command, "--epochs", "500", "--precision", "float32"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that starts pytest in the background has it ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    for line in worker.stdout:
        if line.startswith("epoch"):
            break
    worker.send_signal(signal.SIGINT)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 130
    run = store.list_runs()[0]
    assert f"python -m core resume {run.id}" in err
    assert run.status == "stopped"
    assert run.metrics
    assert (run.folder / store.CHECKPOINT).exists()
