"""The files a run gives away."""

import csv
import importlib.util
import io
import json
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from core.jobs import experiment, queue
from core.jobs.job import Job
from core.reports import archive, package
from core.runs import files, store
from tests.helpers.synthetic import ONE_THREAD, recipe_for, synthetic

ORIGINALS = {
    "model.pth",
    "model_accuracy.txt",
    "output_graph.png",
    "output_sample.png",
    "curves.png",
    "classification_report.txt",
}
OURS = {"report.html", "notebook.ipynb", "rebuild.py", "predictions.csv", "README.md"}
OURS |= {"model.safetensors"}
RUN_FILES = {*store.FINISHED_FILES, store.MANIFEST}
HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript"))


@pytest.fixture
def no_exporter(monkeypatch):
    """As where the ONNX exporter is not installed, which also saves its seconds."""
    import sys

    monkeypatch.setitem(sys.modules, "onnxscript", None)


def test_a_run_exports_the_originals_files_and_ours(tiny, tmp_path, no_exporter):
    names = []
    made = package.export(tiny, tmp_path / "out", on_progress=names.append)
    assert set(made.files) == ORIGINALS | OURS | RUN_FILES
    assert names[-1] == "README.md"
    for name, content in made.files.items():
        path = tmp_path / "out" / name
        assert path.read_bytes() == content
        assert len(content) > 100
        if path.suffix == ".png":
            assert min(Image.open(path).size) > 400
    weights = torch.load(tmp_path / "out" / "model.pth", weights_only=True)
    assert sum(value.numel() for value in weights.values()) > tiny.info["parameters"]


def test_the_weights_are_read_without_a_pickle_too(tiny, tmp_path, no_exporter):
    package.export(tiny, tmp_path)
    ours = torch.load(tmp_path / "model.pth", weights_only=True)
    theirs = safetensors.torch.load_file(tmp_path / "model.safetensors")
    assert theirs.keys() == ours.keys()
    for name, value in ours.items():
        assert theirs[name].dtype == value.dtype
        assert torch.equal(theirs[name], value), name
    with safetensors.safe_open(tmp_path / "model.safetensors", "pt") as opened:
        about = opened.metadata()
    assert (about["run"], about["architecture"]) == (tiny.id, tiny.info["model"])
    assert json.loads(about["classes"]) == tiny.info["classes"]


@pytest.mark.trains
def test_what_is_not_made_is_named_with_the_reason(artifacts, rgb, tmp_path, no_exporter):
    run = experiment.run(Job(recipe_for(rgb), **ONE_THREAD), dataset=rgb)
    made = package.export(run, tmp_path / "out")
    assert set(made.left_out) == {"output_sample.png", "model.onnx"}
    assert "not on this machine" in made.left_out["output_sample.png"]
    assert "pip install onnx onnxscript" in made.left_out["model.onnx"]
    assert "onnxscript" in (tmp_path / "out" / "README.md").read_text()


def test_the_zip_holds_the_package_and_can_be_taken_in(tiny, tmp_path, no_exporter):
    made = package.export(tiny, tmp_path, zipped=True)
    content = (tmp_path / f"{tiny.id}.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert set(opened.namelist()) == set(made.files)
        assert opened.testzip() is None
    queue.delete(tiny.id)
    assert archive.take_in(content).run_id == tiny.id
    assert store.load(tiny.id).metrics == tiny.metrics


def test_predictions_are_a_line_an_image(tiny):
    rows = list(csv.DictReader(io.StringIO(package.predictions_csv(tiny))))
    stored = tiny.predictions()
    assert len(rows) == 360
    assert [int(row["index"]) for row in rows] == list(range(360))
    assert sum(int(row["right"]) for row in rows) == tiny.metrics["test_right"]
    assert rows[7]["prediction"] == tiny.info["classes"][stored["probs"][7].argmax()]
    assert float(rows[7]["confidence"]) == pytest.approx(float(stored["probs"][7].max()), abs=1e-4)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", " =1", "\n=1"])
def test_no_cell_is_a_formula(text):
    """Case 40."""
    ((cell, plain, number),) = csv.reader(io.StringIO(files.csv_text([(text, "Ankle boot", -1)])))
    assert (cell, plain, number) == (f"'{text}", "Ankle boot", "-1")


@pytest.mark.trains
def test_class_names_that_are_formulas_are_written_as_text(artifacts):
    """Case 40."""
    import dataclasses

    plain = synthetic(classes=2, train=120, test=20)
    named = dataclasses.replace(plain, classes=("=cmd|'/c calc'!A0", 'a,"b"'))
    run = experiment.run(Job(recipe_for(named), **ONE_THREAD), dataset=named)
    rows = list(csv.reader(io.StringIO(package.predictions_csv(run))))
    assert all(len(row) == 5 for row in rows)
    assert {row[1] for row in rows[1:]} == {"'=cmd|'/c calc'!A0", 'a,"b"'}


@pytest.mark.skipif(not HAS_ONNX, reason="pip install onnx onnxscript: the exporter is not here")
def test_onnx_takes_pixels_and_gives_the_runs_probabilities(tiny):
    import onnx
    from onnx.reference import ReferenceEvaluator

    from core.data import datasets

    content = package.onnx(tiny)
    onnx.checker.check_model(onnx.load_from_string(content))
    images, _, _ = datasets.load_test("digits")
    (probs,) = ReferenceEvaluator(onnx.load_from_string(content)).run(None, {"images": images[:5]})
    np.testing.assert_allclose(probs, tiny.predictions()["probs"][:5].astype(float), atol=2e-3)


def test_an_unfinished_run_gives_nothing_away(tiny):
    for name in (store.MANIFEST, store.METRICS):
        (tiny.folder / name).unlink()
    with pytest.raises(ValueError, match="no final weights yet"):
        package.package(store.load(tiny.id))
