"""`export` and `import` from the command line."""

import sys

import pytest

from core.cli.main import main
from core.jobs import queue
from core.reports import transfer
from core.runs import store


@pytest.fixture(autouse=True)
def no_exporter(monkeypatch):
    """The ONNX exporter takes seconds; test_report has it."""
    monkeypatch.setitem(sys.modules, "onnxscript", None)


def test_export_prints_what_it_wrote_and_what_not(tiny, tmp_path, capsys):
    assert main(["export", tiny.id, "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert str(tmp_path / "out" / "model_accuracy.txt") in printed
    assert "not made: model.onnx: the exporter is not installed" in printed


def test_export_delete_import_from_the_command_line(tiny, tmp_path, capsys):
    """Case 46."""
    assert main(["export", tiny.id, "--zip", "-o", str(tmp_path)]) == 0
    made = tmp_path / f"{tiny.id}.zip"
    assert str(made) in capsys.readouterr().out
    assert main(["import", str(made)]) == 2
    assert "is here already" in capsys.readouterr().err
    assert main(["delete", tiny.id]) == 0
    assert main(["import", str(made)]) == 0
    assert f"{tiny.id} is here" in capsys.readouterr().out
    assert main(["evaluate", tiny.id]) == 0


def test_import_names_the_limit_and_the_missing_file(artifacts, tmp_path, monkeypatch, capsys):
    """Case 32."""
    monkeypatch.setenv("LIGHTBOX_MAX_IMPORT", "1")
    (tmp_path / "big.zip").write_bytes(bytes(1_500_000))
    assert main(["import", str(tmp_path / "big.zip")]) == 2
    assert "larger than the 1 MB allowed here" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "none.zip")]) == 2
    assert "none.zip" in capsys.readouterr().err
    assert store.list_runs() == []


@pytest.mark.slow
def test_a_worker_makes_the_zip_telling_each_file_and_takes_it_in(tiny):
    names = []
    content, left_out = transfer.zip_in_worker(tiny.id, names.append)
    assert names[0] == "report.html"
    assert names[-1] == "README.md"
    assert "output_sample.png" not in left_out
    with pytest.raises(transfer.Refused, match="is here already"):
        transfer.import_in_worker(content)
    queue.delete(tiny.id)
    assert transfer.import_in_worker(content).startswith(f"{tiny.id} is here")
    assert store.load(tiny.id).metrics == tiny.metrics


@pytest.mark.slow
def test_a_worker_that_fails_is_told_in_one_line(tiny):
    with pytest.raises(transfer.Refused, match="not a zip, or cut off"):
        transfer.import_in_worker(b"no zip")
    with pytest.raises(transfer.Refused, match="unknown run"):
        transfer.zip_in_worker("gone-run", lambda name: None)
