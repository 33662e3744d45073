"""Devices, threads and the record of where a run was made."""

import subprocess

import pytest
import torch

from core.training import hardware


def test_a_device_that_is_not_here_is_refused_before_anything_starts(monkeypatch):
    """Case 42."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        ValueError, match=r"'cuda' was not found on this machine; usable here: .*cpu"
    ):
        hardware.choose_device("cuda")
    with pytest.raises(ValueError, match="choose one of auto, cpu, cuda, mps"):
        hardware.choose_device("tpu")


def test_auto_falls_back_to_the_processor(monkeypatch):
    """Case 42."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert hardware.choose_device().type == "cpu"


def test_at_least_one_thread_is_usable():
    assert hardware.usable_threads() >= 1


def test_the_environment_names_versions_and_processor():
    found = hardware.environment()
    assert found["versions"]["torch"]
    assert found["versions"]["python"].count(".") == 2
    assert found["processor"]


def test_the_commit_says_when_files_differ_from_it(tmp_path, monkeypatch):
    def git(*words: str) -> str:
        known = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        command = ["git", *known, *words]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    monkeypatch.setattr(hardware, "__file__", str(tmp_path / "hardware.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert hardware.environment()["commit"] is None
    git("init")
    assert hardware.environment()["commit"] is None  # nothing is committed yet
    (tmp_path / "tracked").write_text("first")
    git("add", "tracked")
    git("commit", "-m", "one")
    git("tag", "v1")
    head = git("rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("of no tree")
    assert hardware.environment()["commit"] == head
    (tmp_path / "tracked").write_text("second")
    assert hardware.environment()["commit"] == f"{head}-dirty"


def test_no_git_means_no_commit(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(hardware.subprocess, "run", missing)
    assert hardware.environment()["commit"] is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4),
        ({"cpu.max": "max 100000"}, 4),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu.max": "much"}, 4),
    ],
)
def test_a_containers_quota_bounds_the_processors(tmp_path, monkeypatch, files, expected):
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: range(4), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert hardware.usable_threads() == expected


def test_a_system_without_affinity_counts_its_processors(tmp_path, monkeypatch):
    """Case 63: macOS and Windows."""
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    monkeypatch.delattr(hardware.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(hardware.os, "cpu_count", lambda: 8)
    assert hardware.usable_threads() == 8
