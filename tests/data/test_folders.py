"""Where things lie, and the program started again over the same folders."""

import subprocess
import sys

from core.data import folders


def test_folders_are_those_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LIGHTBOX_DATA", str(tmp_path / "sets"))
    assert folders.data_root() == tmp_path / "sets"


def test_a_command_runs_here_over_the_same_folders(monkeypatch, tmp_path):
    """Relative folders are those of the caller, not of the place where the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIGHTBOX_ARTIFACTS", raising=False)
    given = folders.command("runs", threads=2)
    assert given["args"] == [sys.executable, "-m", "core", "runs"]
    assert given["env"]["LIGHTBOX_ARTIFACTS"] == str(tmp_path / "artifacts")
    assert given["env"]["OMP_NUM_THREADS"] == "2"
    done = subprocess.run(**given, capture_output=True, text=True)
    assert "no runs in" in done.stdout
    assert str(tmp_path) in done.stdout


def test_threads_are_left_alone_where_none_are_named(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert folders.command("runs")["env"]["OMP_NUM_THREADS"] == "7"
