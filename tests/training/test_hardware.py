"""Devices, threads and the record of where a run was made."""

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


def test_no_git_means_no_commit(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(hardware.subprocess, "run", missing)
    assert hardware.environment()["commit"] is None
