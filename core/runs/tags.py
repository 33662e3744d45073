"""What people noted: on test images, in one file for all runs by data set, and on a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from filelock import FileLock

from core.runs import files, limits, store

NAME = "tags.json"
SUGGESTED = ("bad label", "ambiguous")
LONGEST = 80  # characters of a tag


def read(digest: str) -> dict[int, dict[str, str]]:
    """Image index -> {"tag", "time"} of the test set with this sha256; entries that are no tags are
    passed over.

    Raises BrokenRun when the file is there and cannot be read.
    """
    path = store.root() / NAME
    if not path.exists():
        return {}
    return checked(files.read_json(path, ()).get(digest))


def checked(found: object) -> dict[int, dict[str, str]]:
    """The same of a value from anywhere: what is no tag is passed over."""
    return {
        int(index): {"tag": entry["tag"], "time": str(entry.get("time", ""))}
        for index, entry in (found.items() if isinstance(found, dict) else ())
        if index.isdecimal() and isinstance(entry, dict) and isinstance(entry.get("tag"), str)
    }


def annotate(run_id: str, *, name: str | None = None, note: str | None = None) -> None:
    """Give a run a name of its own or a note; run.json stays as it was written. Raises Refused
    where runs stay as they are.
    """
    limits.refuse_changes()
    run = store.load(run_id)
    kept = dict(run.notes)
    for key, value, limit in (("name", name, 80), ("note", note, 5000)):
        if value is not None:
            kept[key] = value.strip()[:limit]
    files.write_json(run.folder / store.NOTES, kept)


def write(digest: str, index: int, tag: str) -> None:
    """Set the tag of one image; an empty one removes it. Raises ValueError for a tag too long,
    Refused where what others see stays as it is.
    """
    limits.refuse_changes()
    tag = " ".join(tag.split())
    if len(tag) > LONGEST:
        raise ValueError(f"tag: {len(tag)} characters are too many; at most {LONGEST}")
    with _changed(digest) as entries:
        entries.pop(str(index), None)
        if tag:
            entries[str(index)] = {
                "tag": tag,
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
            }


def add(digest: str, given: dict[int, dict[str, str]]) -> None:
    """Take over tags that came with a run; images that have one here keep it. Raises Refused where
    what others see stays as it is.
    """
    limits.refuse_changes()
    with _changed(digest) as entries:
        for index, entry in given.items():
            short = {"tag": entry["tag"][:LONGEST], "time": entry["time"][:40]}
            entries.setdefault(str(index), short)


@contextlib.contextmanager
def _changed(digest: str) -> Iterator[dict[str, Any]]:
    """The entries of a test set, under a lock; written back when the block ends well."""
    path = store.root() / NAME
    with FileLock(path.with_name(f".{NAME}.lock"), timeout=10):
        whole = files.read_json(path, ()) if path.exists() else {}
        if not isinstance(whole.get(digest), dict):
            whole[digest] = {}
        yield whole[digest]
        files.write_json(path, whole)


def table(digest: str, labels: np.ndarray, classes: Sequence[str]) -> str:
    """The tags of a test set as CSV: index, label, tag, time. Formulas are kept from spreadsheets
    by an apostrophe.
    """
    rows: list[tuple[object, ...]] = [("index", "label", "tag", "time")]
    for index, entry in sorted(read(digest).items()):
        if index < len(labels):
            rows.append((index, classes[labels[index]], entry["tag"], entry["time"]))
    return files.csv_text(rows)
