"""`export` and `import` from the command line."""

import sys

import pytest

from core import runs
from core.__main__ import main


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
    assert "has 1.5 MB, the limit here is 1 MB" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "none.zip")]) == 2
    assert "none.zip" in capsys.readouterr().err
    assert runs.list_runs() == []
