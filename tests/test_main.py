"""The command line as a person types it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from core import personal, recipes, runs
from core.__main__ import main
from tests.conftest import ROOT
from tests.test_beginning import keep_training_images


def test_recipes_lists_all_with_the_authors_results(capsys):
    assert main(["recipes"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in recipes.RECIPES)
    assert "96.68 % test" in printed


def test_train_writes_a_run_and_prints_a_line_an_epoch(artifacts, capsys):
    arguments = ["train", "digits-cnn", "--epochs", "2", "--seed", "3", "--name", "Mine"]
    assert main([*arguments, "--precision", "float32", "--threads", "1", "--lr", "0.003"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\nepoch ") == 2
    assert "images/s" in printed
    run = runs.list_runs()[0]
    assert run.title == "Mine"
    assert run.info["seed"] == 3
    assert run.info["config"]["lr"] == 0.003
    assert f"{100 * run.metrics['test_accuracy']:.2f} %" in printed


def test_runs_lists_people_and_machines_alike(tiny, capsys):
    assert main(["runs"]) == 0
    assert tiny.id in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["id"] == tiny.id
    assert rows[0]["recipe"] == "digits-cnn"
    assert rows[0]["state"] == "finished"


def test_without_runs_the_list_says_what_to_do(artifacts, capsys):
    assert main(["runs"]) == 0
    assert "python -m core train digits-cnn" in capsys.readouterr().out


def test_evaluate_reproduces_the_stored_accuracy(tiny, capsys):
    assert main(["evaluate", tiny.id]) == 0
    assert "reproduced" in capsys.readouterr().out


def test_evaluate_exits_1_when_the_stored_accuracy_is_not_reproduced(tiny, capsys):
    path = tiny.folder / runs.METRICS
    metrics = json.loads(path.read_text())
    metrics["test_right"] += 1
    path.write_text(json.dumps(metrics))
    assert main(["evaluate", tiny.id]) == 1
    assert "NOT reproduced" in capsys.readouterr().out


@pytest.fixture
def pictures(tmp_path):
    one = Image.new("L", (200, 300), 255)
    ImageDraw.Draw(one).line((100, 40, 100, 260), fill=0, width=22)
    one.save(tmp_path / "one.png")
    (tmp_path / "bad.png").write_text("no image")
    return [str(tmp_path / name) for name in ("one.png", "bad.png", "missing.png")]


def test_predict_reads_the_good_files_and_names_the_bad_ones(tiny, pictures, capsys):
    """Case 27."""
    assert main(["predict", tiny.id, *pictures]) == 2
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert out.startswith(pictures[0])
    assert "bad.png: not an image we can read" in err
    assert "missing.png: no such file" in err


def test_predict_as_json_is_one_object_a_line(tiny, pictures, capsys):
    assert main(["predict", tiny.id, pictures[0], pictures[0], "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 2
    assert rows[0]["file"] == pictures[0]
    assert set(rows[0]["probabilities"]) == set("0123456789")
    assert rows[0]["confidence"] == rows[0]["probabilities"][rows[0]["label"]]


def test_predict_reads_numbers(tiny, pictures, capsys):
    """Case 27: also of a batch of numbers the good ones are read."""
    assert main(["predict", tiny.id, *pictures, "--number", "--json"]) == 2
    out, err = capsys.readouterr()
    row = json.loads(out)
    assert row["file"] == pictures[0]
    assert {"text", "confidence", "boxes"} <= set(row)
    assert all(len(box) == 4 for box in row["boxes"])
    assert "bad.png: not an image we can read" in err


def test_export_prints_what_it_wrote(tiny, tmp_path, capsys):
    assert main(["export", tiny.id, "-o", str(tmp_path / "out")]) == 0
    assert "model_accuracy.txt" in capsys.readouterr().out


def test_a_run_is_scored_on_own_drawings_and_trained_further_with_them(tiny, tmp_path, capsys):
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 12)
    assert main(["personal", tiny.id]) == 0
    assert "of 12 (" in capsys.readouterr().out
    assert main(["further", tiny.id, "--epochs", "1", "--precision", "float32", "--seed", "5"]) == 0
    assert capsys.readouterr().out.count("\nepoch ") == 1
    run = next(run for run in runs.list_runs() if run.id != tiny.id)
    assert run.info["start_from"]["run"] == tiny.id
    assert (run.info["seed"], run.info["config"]["epochs"]) == (5, 1)
    assert main(["personal", run.id]) == 0
    assert "held-out drawings read right" in capsys.readouterr().out


def test_own_drawings_leave_and_come_back_as_a_zip(tiny, tmp_path, capsys):
    kind, path = personal.kind_of(tiny), str(tmp_path / "mine.zip")
    keep_training_images(kind, 3)
    assert main(["personal", tiny.id, "--export", path]) == 0
    personal.remove(kind, personal.entries(kind)[0].id)
    assert main(["personal", tiny.id, "--import", path]) == 0
    assert "1 new drawings, 2 were here already" in capsys.readouterr().out
    Path(path).write_text("no zip")
    assert main(["personal", tiny.id, "--import", path]) == 2
    assert "error: not a zip" in capsys.readouterr().err


def test_without_own_drawings_the_commands_say_what_to_do(tiny, capsys):
    for command in ("personal", "further"):
        assert main([command, tiny.id]) == 2
        assert "on the Draw page" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nope"], "unknown recipe 'nope': choose one of"),
        (["train", "digits-cnn", "--lr", "0"], "lr: 0.0 is outside"),
        (["train", "digits-cnn", "--epochs", "1000000"], "epochs: 1000000 is outside"),
        (["train", "digits-cnn", "--batch-size", "2000"], "batch_size: 2000 is more than the 1317"),
        (["train", "digits-cnn", "--seed", "-1"], "seed: -1 is outside 0"),
        (["train", "digits-cnn", "--device", "abacus"], "device: 'abacus' is unknown"),
        (["train", "digits-cnn", "--precision", "int4"], "precision: 'int4' is unknown"),
        (["evaluate", "../../etc"], "unknown run"),
        (["resume", "nothing"], "unknown run"),
        (["further", "nothing"], "unknown run"),
        (["personal", "nothing"], "unknown run"),
        (["export", "nothing"], "unknown run"),
        (["predict", "nothing", "x.png"], "unknown run"),
        (["fetch", "imagenet"], "unknown data set 'imagenet'"),
    ],
)
def test_errors_name_the_thing_and_exit_2(artifacts, capsys, arguments, message):
    """Cases 39 and 41."""
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_help_is_everywhere(capsys):
    for arguments in ([], ["train"], ["runs"], ["predict"], ["export"], ["evaluate"], ["fetch"]):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--help"])
        assert stopped.value.code == 0
        assert "usage: python -m core" in capsys.readouterr().out


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
    )
    for line in worker.stdout:
        if line.startswith("epoch"):
            break
    worker.send_signal(signal.SIGINT)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 130
    run = runs.list_runs()[0]
    assert f"python -m core resume {run.id}" in err
    assert run.state == "interrupted"
    assert (run.folder / runs.CHECKPOINT).exists()
