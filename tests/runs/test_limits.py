"""What an installation allows."""

import re

import psutil
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


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LIGHTBOX_TRAINING", "of", "'of' is unknown; choose one of on, off"),
        ("LIGHTBOX_IMPORT", "yes", "'yes' is unknown; choose one of on, off"),
        ("LIGHTBOX_SIGN_IN", "true", "'true' is unknown; choose one of on, off"),
        ("LIGHTBOX_PERSONAL", "OFF", "'OFF' is unknown; choose one of on, off"),
        ("LIGHTBOX_PROFILE", "host", "'host' is unknown; choose one of local, hosted"),
        ("LIGHTBOX_MAX_QUEUE", "many", "'many' is not a whole number of 1 or more"),
        ("LIGHTBOX_MAX_EPOCHS", "²", "'²' is not a whole number of 1 or more"),
    ],
)
def test_a_variable_that_is_set_wrongly_is_named_with_what_is_allowed(
    monkeypatch, name, value, message
):
    limits.check_environment()
    monkeypatch.setenv(name, value)
    with pytest.raises(limits.Refused, match=f"^{name}: {re.escape(message)}$"):
        limits.check_environment()


def test_a_variable_that_nobody_reads_is_named_with_those_that_are(monkeypatch):
    wrong = "LIGHTBOX_" + "TRAINNIG"
    monkeypatch.setenv(wrong, "off")
    with pytest.raises(limits.Refused, match=f"{wrong} is unknown; known are LIGHTBOX_PROFILE, "):
        limits.check_environment()


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    for name, (usual, strict, _) in limits.VARIABLES.items():
        monkeypatch.setenv(name, "")
        assert limits.read(name) == usual
        if name != "LIGHTBOX_PROFILE":
            with monkeypatch.context() as patch:
                patch.setenv("LIGHTBOX_PROFILE", "hosted")
                assert limits.read(name) == strict


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


def test_a_system_that_refuses_lower_priority_does_not_stop_the_work(monkeypatch):
    """Case 63: a sandbox refuses, Windows has other names."""
    asked = []

    class Process:
        def nice(self, value):
            asked.append(value)
            raise psutil.AccessDenied

    monkeypatch.setattr(limits.psutil, "Process", Process)
    monkeypatch.setattr(
        limits.os, "sched_setscheduler", lambda *_: (_ for _ in ()).throw(OSError(1)), raising=False
    )
    limits.lower_priority()
    monkeypatch.delattr(limits.os, "sched_setscheduler", raising=False)
    monkeypatch.delattr(limits.os, "SCHED_IDLE", raising=False)
    monkeypatch.setattr(limits.psutil, "IDLE_PRIORITY_CLASS", 64, raising=False)
    limits.lower_priority()
    assert asked == [19, 64]


def test_trainings_share_the_processors(monkeypatch):
    monkeypatch.setattr(limits, "usable_threads", lambda: 4)
    monkeypatch.setenv("LIGHTBOX_MAX_TRAININGS", "3")
    assert limits.threads() == 1
    monkeypatch.setenv("LIGHTBOX_MAX_TRAININGS", "2")
    assert limits.threads() == 2
