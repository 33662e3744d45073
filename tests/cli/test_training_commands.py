"""The commands that train, as people and scripts see them."""

import os
import signal
import subprocess
import sys

import pytest

from core.cli.main import main
from core.runs import store
from core.training import recipes
from tests.helpers import ROOT


def test_recipes_lists_all_with_the_authors_results(capsys):
    assert main(["recipes"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in recipes.RECIPES)
    assert "96.68 % test" in printed


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
    assert run.status == "interrupted"
    assert (run.folder / store.CHECKPOINT).exists()
