"""TensorBoard and MLflow, by their own libraries, read back from a local store."""

import sys

import pytest

from core.cli.main import main
from core.reports import tracker_export


def test_tensorboard_reads_back_curves_parameters_and_figures(tiny, tmp_path, capsys):
    pytest.importorskip("tensorboard", reason="pip install -r requirements-dev.txt")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert main(["export", tiny.id, "--tensorboard", str(tmp_path)]) == 0
    assert f"tensorboard --logdir {tmp_path}" in capsys.readouterr().out
    read = EventAccumulator(str(tmp_path / tiny.id))
    read.Reload()
    points = read.Scalars("validation/loss")
    stored = [(record["epoch"], record["validation_loss"]) for record in tiny.history()[0]]
    assert [point.step for point in points] == [epoch for epoch, _ in stored]
    assert [point.value for point in points] == pytest.approx([loss for _, loss in stored])
    (accuracy,) = read.Scalars("result/test_accuracy")
    assert accuracy.value == pytest.approx(tiny.metrics["test_accuracy"])
    assert {"confusion", "curves"} <= set(read.Tags()["images"])


@pytest.mark.slow
def test_mlflow_reads_back_parameters_metrics_and_files(tiny, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="pip install -r requirements-dev.txt")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database needs more than skinny
    uri = (tmp_path / "store").as_uri()
    assert "of the experiment lightbox" in tracker_export.to_mlflow(tiny, uri)
    tracker_export.to_mlflow(tiny, uri)  # the experiment is there already
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("lightbox")
    found = client.search_runs([experiment.experiment_id])
    assert len(found) == 2
    assert found[0].data.metrics["test_accuracy"] == pytest.approx(tiny.metrics["test_accuracy"])
    assert found[0].data.params["recipe"] == "digits-cnn"
    steps = client.get_metric_history(found[0].info.run_id, "validation_loss")
    assert [point.step for point in steps] == [1, 2]
    names = {item.path for item in client.list_artifacts(found[0].info.run_id)}
    assert {"model.pth", "report.html", "notebook.ipynb"} <= names


@pytest.mark.parametrize(
    ("package", "option"), [("tensorboard", "--tensorboard"), ("mlflow", "--mlflow")]
)
def test_a_tracker_that_is_not_installed_is_named(tiny, monkeypatch, capsys, package, option):
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["export", tiny.id, option, "x"]) == 2
    assert f"pip install {package}" in capsys.readouterr().err
