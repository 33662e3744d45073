"""The commands about finished runs, as people and scripts see them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.analysis import ood
from core.cli.main import main
from core.reading import personal, reader
from core.runs import files, store
from tests.helpers.drawings import keep_training_images


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
    path = tiny.folder / store.METRICS
    metrics = json.loads(path.read_text())
    metrics["test_right"] += 1
    path.write_text(json.dumps(metrics))
    assert main(["evaluate", tiny.id]) == 1
    assert "NOT reproduced" in capsys.readouterr().out


def test_evaluate_exits_1_when_one_image_gets_another_class(tiny, capsys):
    stored = tiny.predictions()
    place = np.flatnonzero(stored["probs"].argmax(1) != stored["labels"])[0]
    other = (stored["labels"][place] - stored["probs"][place].argmax()) % 10 == 1
    stored["probs"][place] = np.roll(stored["probs"][place], 2 if other else 1)  # wrong again
    files.write_arrays(tiny.folder / store.PREDICTIONS, **stored)
    assert main(["evaluate", tiny.id]) == 1
    assert "NOT reproduced; 1 predictions differ" in capsys.readouterr().out


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


@pytest.mark.parametrize("options", [[], ["--number"]])
def test_predict_says_in_a_fourth_column_what_it_doubts(tiny, pictures, capsys, options):
    assert main(["predict", tiny.id, pictures[0], *options]) == 0
    sure = capsys.readouterr().out
    assert sure.count("\t") == 2
    width = reader.open_run(tiny.id).model[-1].in_features
    ood.write(tiny, ood.ClassMeans(np.zeros((10, width), np.float32), np.eye(width), 1e-6))
    assert main(["predict", tiny.id, pictures[0], *options]) == 0
    *columns, doubt = capsys.readouterr().out.split("\t")
    assert columns == sure.strip().split("\t")
    assert doubt.startswith("not sure: ")
    assert "farther from every class" in doubt


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
    options = ["--epochs", "1", "--precision", "float32", "--seed", "5"]
    assert main(["fine-tune", tiny.id, *options]) == 0
    assert capsys.readouterr().out.count("\nepoch ") == 1
    run = next(run for run in store.list_runs() if run.id != tiny.id)
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
    for command in ("personal", "fine-tune"):
        assert main([command, tiny.id]) == 2
        assert "on the Draw page" in capsys.readouterr().err
