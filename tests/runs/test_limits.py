"""What an installation allows."""

import pytest

from core.runs import limits
from core.training.settings import TrainConfig


def test_one_training_at_a_time_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("LIGHTBOX_MAX_TRAININGS", raising=False)
    assert limits.trainings() == 1
    monkeypatch.setenv("LIGHTBOX_MAX_TRAININGS", "3")
    assert limits.trainings() == 3


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_limit_that_is_no_number_is_named(monkeypatch, text):
    monkeypatch.setenv("LIGHTBOX_MAX_QUEUE", text)
    with pytest.raises(ValueError, match="LIGHTBOX_MAX_QUEUE"):
        limits.queue_length()


def test_the_hosted_profile_is_stricter(monkeypatch):
    usual = limits.queue_length(), limits.per_visitor(), limits.max_epochs()
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    hosted = limits.queue_length(), limits.per_visitor(), limits.max_epochs()
    assert all(strict < loose for strict, loose in zip(hosted, usual, strict=True))
    with pytest.raises(ValueError, match="epochs: 11 is more than the 10 allowed here"):
        limits.check(TrainConfig(epochs=11))


def test_a_hosted_installation_takes_in_and_keeps_nothing_unless_told_to(monkeypatch, artifacts):
    switches = {"LIGHTBOX_IMPORT": limits.import_off, "LIGHTBOX_PERSONAL": limits.personal_off}
    for name, off in switches.items():
        assert off() is None
        monkeypatch.setenv(name, "off")
        assert name in off()
        monkeypatch.delenv(name)
    assert limits.max_import_bytes() == 100_000_000
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    assert limits.max_import_bytes() == 10_000_000
    for name, off in switches.items():
        assert name in off()
        monkeypatch.setenv(name, "on")
        assert off() is None


def test_training_can_be_switched_off(monkeypatch, artifacts):
    assert limits.training_off() is None
    monkeypatch.setenv("LIGHTBOX_TRAINING", "off")
    assert "switched off" in limits.training_off()


def test_a_folder_that_cannot_be_written_turns_training_off(monkeypatch, artifacts):
    """Case 14."""
    monkeypatch.setattr(limits.os, "access", lambda *_: False)
    assert "viewing works, training is off" in limits.training_off()


def test_threads_are_shared_among_the_trainings_allowed(monkeypatch):
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setenv("LIGHTBOX_MAX_TRAININGS", "2")
    assert limits.threads() == 4
    monkeypatch.setenv("LIGHTBOX_MAX_TRAININGS", "20")
    assert limits.threads() == 1
