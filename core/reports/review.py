"""A run as a reviewer walks it: six stops, at each what the numbers say and where to look.

What they say are the facts of core/analysis; a note and a status a stop are kept in the run's
notes.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.analysis import findings
from core.analysis.facts import Fact
from core.runs import files, limits, locks, store
from core.runs.store import Run

STATUSES = ("open", "discussed", "settled")
MAX_NOTE = 5000


@dataclass(frozen=True)
class Stop:
    """One place of the walk; `question` is what a reviewer asks there."""

    key: str
    title: str
    question: str
    facts: list[Fact]


WALK = (
    ("data", "Data and split", "What did it learn from, what judged it?"),
    ("baselines", "Baselines", "Is it better than something simple?"),
    ("curves", "Curves", "Did it learn, and was it stopped in time?"),
    ("errors", "Errors", "What does it get wrong?"),
    ("calibration", "Calibration", "Is it unsure when it should be?"),
    ("limits", "Limits", "How far does the number carry?"),
)
KEYS = tuple(key for key, *_ in WALK)


def stops(run: Run) -> list[Stop]:
    """The walk through a finished run, in order. Raises BrokenRun."""
    found = findings.of(run)
    return [Stop(key, title, question, found[key]) for key, title, question in WALK]


def saved(run: Run) -> dict[str, dict[str, str]]:
    """Stop -> its `status` and `note`, as people left them; "open" and "" where nobody did."""
    return checked(run.notes.get("review"))


def checked(kept: Any) -> dict[str, dict[str, str]]:
    """The same of a value from anywhere: what is not a status or a text is passed over."""
    found = {}
    for key in KEYS:
        entry = kept.get(key) if isinstance(kept, dict) else None
        entry = entry if isinstance(entry, dict) else {}
        status, note = entry.get("status"), entry.get("note")
        found[key] = {
            "status": status if status in STATUSES else "open",
            "note": note[:MAX_NOTE] if isinstance(note, str) else "",
        }
    return found


def save(run_id: str, stop: str, *, status: str, note: str) -> None:
    """Keep a stop's status and note with the run. Raises ValueError for an unknown status, Refused
    where runs stay as they are.
    """
    if status not in STATUSES:
        raise ValueError(f"status: {status!r} is unknown; choose one of {', '.join(STATUSES)}")
    limits.refuse_changes()
    with locks.lock(store.root(), store.LOCK):  # two reviewers at once lose no word
        run = store.load(run_id)
        review = saved(run)
        if stop not in review:
            raise ValueError(f"stop: {stop!r} is unknown; choose one of {', '.join(review)}")
        review[stop] = {"status": status, "note": note.strip()[:MAX_NOTE]}
        files.write_json(run.folder / store.NOTES, {**run.notes, "review": review})
