"""What this installation allows, from LIGHTBOX_* variables; the hosted profile is stricter."""

from __future__ import annotations

import os
from pathlib import Path

from core.runs import store
from core.training.hardware import usable_threads
from core.training.settings import TrainConfig


class Refused(ValueError):
    """A request that cannot be met now; the message says why and what to do."""


def hosted() -> bool:
    return os.environ.get("LIGHTBOX_PROFILE") == "hosted"


def trainings() -> int:
    """How many trainings may run at once: LIGHTBOX_MAX_TRAININGS, 1 by default."""
    return _number("LIGHTBOX_MAX_TRAININGS", 1)


def queue_length() -> int:
    """How many may train and wait together: LIGHTBOX_MAX_QUEUE."""
    return _number("LIGHTBOX_MAX_QUEUE", 8 if hosted() else 50)


def per_visitor() -> int:
    """How many of them may be one visitor's: LIGHTBOX_MAX_PER_VISITOR."""
    return _number("LIGHTBOX_MAX_PER_VISITOR", 2 if hosted() else 20)


def max_epochs() -> int:
    """LIGHTBOX_MAX_EPOCHS: 10 in the hosted profile, otherwise as many as recipes allow."""
    return _number("LIGHTBOX_MAX_EPOCHS", 10 if hosted() else 10_000)


def threads() -> int:
    """Threads a worker takes by default: the processors, shared among the trainings allowed."""
    return max(1, usable_threads() // trainings())


def lower_priority() -> None:
    """Give this process the lowest priority: whoever looks at a page comes first."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def training_off() -> str | None:
    """Why nothing can be trained here, or None."""
    if os.environ.get("LIGHTBOX_TRAINING") == "off":
        return "training is switched off on this installation"
    if not os.access(_existing(store.root()), os.W_OK):
        return f"{store.root()} cannot be written: viewing works, training is off"
    return None


def changes_off() -> str | None:
    """Why nothing that others see is deleted or changed here, or None."""
    return "this is a hosted installation: its runs stay as they are" if hosted() else None


def refuse_changes() -> None:
    """Raises Refused where what others see stays as it is."""
    if reason := changes_off():
        raise Refused(reason)


def import_off() -> str | None:
    """Why runs from elsewhere are not taken in, or None: LIGHTBOX_IMPORT=on lets a hosted
    installation take them, =off forbids them anywhere.
    """
    asked = os.environ.get("LIGHTBOX_IMPORT", "off" if hosted() else "on")
    if asked != "on":
        return "importing runs is switched off on this installation (LIGHTBOX_IMPORT)"
    return None


def max_import_bytes() -> int:
    """The largest zip that is taken in: LIGHTBOX_MAX_IMPORT, in MB."""
    return 1_000_000 * _number("LIGHTBOX_MAX_IMPORT", 10 if hosted() else 100)


def sign_in() -> bool:
    """Whether pages ask visitors to sign in first: LIGHTBOX_SIGN_IN=on."""
    return os.environ.get("LIGHTBOX_SIGN_IN") == "on"


def personal_off() -> str | None:
    """Why no drawings are kept here, or None: LIGHTBOX_PERSONAL=on lets a hosted installation keep
    them, where all visitors share one set; =off forbids them anywhere.
    """
    if os.environ.get("LIGHTBOX_PERSONAL", "off" if hosted() else "on") != "on":
        return "keeping drawings is switched off on this installation (LIGHTBOX_PERSONAL)"
    if not os.access(_existing(store.root()), os.W_OK):
        return f"{store.root()} cannot be written: drawings are not kept"
    return None


def check(config: TrainConfig) -> None:
    """Raises ValueError naming the field when a setting passes this installation's limits."""
    if config.epochs > max_epochs():
        raise ValueError(f"epochs: {config.epochs} is more than the {max_epochs()} allowed here")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{name}: {text!r} is not a whole number of 1 or more")
    return int(text)
