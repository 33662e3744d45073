"""What this installation allows, from LIGHTBOX_* variables; the hosted profile is stricter."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from core.runs import store
from core.training.hardware import usable_threads
from core.training.settings import FIELDS, TrainConfig


class Refused(ValueError):
    """A request that cannot be met now; the message says why and what to do."""


ON_OFF = ("on", "off")
# Each variable's default, that of the hosted profile, and what else it may be: a number is whole
# and 1 or more.
VARIABLES: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "LIGHTBOX_PROFILE": ("local", "local", ("local", "hosted")),
    "LIGHTBOX_ARTIFACTS": ("artifacts", "artifacts", ()),
    "LIGHTBOX_DATA": ("data", "data", ()),
    "LIGHTBOX_MAX_TRAININGS": (1, 1, ()),
    "LIGHTBOX_MAX_QUEUE": (50, 8, ()),
    "LIGHTBOX_MAX_PER_VISITOR": (20, 2, ()),
    "LIGHTBOX_MAX_EPOCHS": (FIELDS["epochs"].metadata["high"], 10, ()),
    "LIGHTBOX_MAX_IMPORT": (100, 10, ()),
    "LIGHTBOX_TRAINING": ("on", "on", ON_OFF),
    "LIGHTBOX_IMPORT": ("on", "off", ON_OFF),
    "LIGHTBOX_PERSONAL": ("on", "off", ON_OFF),
    "LIGHTBOX_SIGN_IN": ("off", "off", ON_OFF),
    "LIGHTBOX_CHROMIUM": ("chromium", "chromium", ()),  # of the tests
    "LIGHTBOX_BROWSER": ("optional", "optional", ("optional", "required")),
}


def read(name: str) -> Any:
    """The value of a variable. Raises Refused naming it, its value and what is allowed."""
    usual, strict, choices = VARIABLES[name]
    text = os.environ.get(name, "")
    if not text:
        return strict if strict != usual and hosted() else usual
    if choices and text not in choices:
        raise Refused(f"{name}: {text!r} is unknown; choose one of {', '.join(choices)}")
    if not isinstance(usual, int):
        return text
    if not text.isdecimal() or int(text) < 1:
        raise Refused(f"{name}: {text!r} is not a whole number of 1 or more")
    return int(text)


def check_environment() -> None:
    """Raises Refused naming the first variable that is unknown or set to what it does not take."""
    for name in sorted(name for name in os.environ if name.startswith("LIGHTBOX_")):
        if name not in VARIABLES:
            raise Refused(f"{name} is unknown; known are {', '.join(VARIABLES)}")
        read(name)


trainings = partial(read, "LIGHTBOX_MAX_TRAININGS")  # at once
queue_length = partial(read, "LIGHTBOX_MAX_QUEUE")  # that train and wait together
per_visitor = partial(read, "LIGHTBOX_MAX_PER_VISITOR")  # of them, one visitor's
max_epochs = partial(read, "LIGHTBOX_MAX_EPOCHS")  # of a training


def hosted() -> bool:
    return read("LIGHTBOX_PROFILE") == "hosted"


def threads() -> int:
    """Threads a worker takes by default: the processors, shared among the trainings allowed."""
    return max(1, usable_threads() // trainings())


def lower_priority() -> None:
    """Give this process the lowest priority, where the system lets it: whoever looks at a page
    comes first.
    """
    with contextlib.suppress(psutil.Error, OSError):
        psutil.Process().nice(getattr(psutil, "IDLE_PRIORITY_CLASS", 19))
    with contextlib.suppress(AttributeError, OSError):  # Linux; some sandboxes refuse it
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def training_off() -> str | None:
    """Why nothing can be trained here, or None."""
    if read("LIGHTBOX_TRAINING") == "off":
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
    if read("LIGHTBOX_IMPORT") == "off":
        return "importing runs is switched off on this installation (LIGHTBOX_IMPORT)"
    return None


def max_import_bytes() -> int:
    """The largest zip that is taken in."""
    return 1_000_000 * read("LIGHTBOX_MAX_IMPORT")


def personal_off() -> str | None:
    """Why no drawings are kept here, or None: LIGHTBOX_PERSONAL=on lets a hosted installation keep
    them, where all visitors share one set; =off forbids them anywhere.
    """
    if read("LIGHTBOX_PERSONAL") == "off":
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
