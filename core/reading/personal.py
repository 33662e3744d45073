"""The personal set: drawings with the label that a person gave them, by the classes they fit.

One folder under artifacts/personal/ for each kind: set.json and two pictures a drawing, as it was
drawn and as a network sees it. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from PIL import Image

from core.data import sources
from core.reading.picture import clean_png, to_frames, to_png
from core.runs import files, limits, store

FOLDER, INDEX, SCHEMA = "personal", "set.json", 1
MAX_DRAWINGS = 1900  # a zip holds a picture of each, and at most 2,000 entries of one are looked at
MAX_SIDE, MAX_BYTES = 720, 5_000_000  # of one kept picture
HELD_OUT = 3  # every third drawing is never trained on
ID = re.compile(r"[0-9a-f]{16}")
Given = dict[str, tuple[dict[str, Any], bytes, np.ndarray]]  # id -> (row, picture, frame)


class NotKept(ValueError):
    """A drawing or a set that cannot be kept; the message says why."""


@dataclass(frozen=True)
class Kind:
    """What drawings must have in common to serve the same runs: `shape` is (C, H, W) of the
    network's input, `drawn` whether it is prepared as strokes are.
    """

    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    drawn: bool

    @property
    def key(self) -> str:
        """The name of its folder."""
        channels, height, width = self.shape
        digest = hashlib.sha256(repr((self.classes, self.shape, self.drawn)).encode()).hexdigest()
        return f"{'drawn' if self.drawn else 'seen'}-{width}x{height}x{channels}-{digest[:8]}"

    @property
    def folder(self) -> Path:
        return store.root() / FOLDER / self.key


@dataclass(frozen=True)
class Entry:
    """One drawing. `id` comes from the image the network sees, so none is there twice; `label` is
    a place among the classes; `answered`, `confidence` and `run` say what was read when it was
    kept.
    """

    id: str
    label: int
    time: str
    answered: str | None = None
    confidence: float | None = None
    run: str | None = None

    @property
    def held_out(self) -> bool:
        """Whether no run is ever trained on it: decided by the image alone, for good."""
        return int(self.id, 16) % HELD_OUT == 0


def kind_of(run: store.Run) -> Kind:
    """The kind of drawings that a run reads: MNIST's and the bundled digits' are the same."""
    shape = tuple(run.info["shape"])
    return Kind(tuple(run.info["classes"]), shape, sources.known(run.info).drawn)


def readers(kind: Kind) -> list[store.Run]:
    """All finished runs that read this kind, best first."""
    return [run for run in store.list_runs() if run.metrics and kind_of(run) == kind]


def entries(kind: Kind) -> tuple[Entry, ...]:
    """What is kept, newest first; anything in the file that is no drawing is passed over.

    Raises BrokenRun when the file is there and cannot be read.
    """
    path = kind.folder / INDEX
    try:
        found = path.stat()
    except OSError:
        return ()
    return _entries(path, kind.classes, (found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=8)
def _entries(path: Path, classes: tuple[str, ...], stamp: tuple[int, int]) -> tuple[Entry, ...]:
    rows = files.read_json(path, ("entries",))["entries"]
    kept = [read_entry(key, row, classes) for key, row in _items(rows)]
    return tuple(sorted(filter(None, kept), key=lambda entry: (entry.time, entry.id), reverse=True))


def _items(rows: object) -> list[tuple[str, Any]]:
    return list(rows.items()) if isinstance(rows, dict) else []


def read_entry(key: str, row: object, classes: Sequence[str]) -> Entry | None:
    """An entry of set.json, or None for what is none."""
    if not ID.fullmatch(key) or not isinstance(row, dict) or row.get("label") not in classes:
        return None
    read: dict[str, Any] = {}
    for name, form in (("answered", str), ("confidence", int | float), ("run", str)):
        value = row.get(name)
        read[name] = value[:200] if isinstance(value, str) else value
        if not isinstance(value, form) or isinstance(value, bool):
            read[name] = None
    if read["confidence"] is not None and not 0 <= read["confidence"] <= 1:
        read["confidence"] = None
    return Entry(key, classes.index(row["label"]), str(row.get("time", ""))[:40], **read)


def count(kind: Kind) -> int:
    return len(entries(kind))


def digest(kept: Sequence[Entry]) -> str:
    """sha256 of which drawings these are and how they are labelled, in any order."""
    rows = sorted((entry.id, entry.label) for entry in kept)
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def frames(kind: Kind, kept: Sequence[Entry]) -> np.ndarray:
    """The images as networks see them, uint8 (N, C, H, W). Raises BrokenRun naming the file."""
    found = [_frame(kind.folder / f"{entry.id}.frame.png", kind.shape) for entry in kept]
    return np.stack(found) if found else np.empty((0, *kind.shape), np.uint8)


@lru_cache(maxsize=4096)
def _frame(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """A frame never changes: its file is named after what is in it."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            frame = to_frames(image, shape)[0]
    except (OSError, ValueError, SyntaxError, IndexError) as error:
        raise files.BrokenRun(
            f"{path} is missing or damaged ({error}): remove this drawing from the set"
        ) from error
    frame.setflags(write=False)
    return frame


def picture(kind: Kind, entry: Entry) -> bytes:
    """The PNG of a drawing as it was drawn, its long side at most 720 pixels. Raises BrokenRun."""
    try:
        return (kind.folder / f"{entry.id}.png").read_bytes()
    except OSError as error:
        raise files.BrokenRun(f"{kind.folder / entry.id}.png cannot be read: {error}") from error


def small_picture(kind: Kind, entry: Entry) -> np.ndarray | None:
    """The picture as uint8 (C, H, W) when it has the network's own size, else None."""
    channels, height, width = kind.shape
    with Image.open(io.BytesIO(picture(kind, entry)), formats=("PNG",)) as image:
        if image.size != (width, height):
            return None
        return to_frames(image.convert("L" if channels == 1 else "RGB"), kind.shape)[0]


def add(
    kind: Kind,
    image: Image.Image,
    frame: np.ndarray,
    label: str,
    *,
    answered: str | None = None,
    confidence: float | None = None,
    run: str | None = None,
) -> Entry:
    """Keep a picture, its `frame` uint8 (C, H, W) as the network saw it, and what it really is.

    The same drawing kept again takes the new label. Raises NotKept when nothing is kept here, the
    set is full, the label is none of the classes, or the drawing has another one where what others
    see stays as it is.
    """
    if label not in kind.classes:
        raise NotKept(f"label: {label!r} is none of {', '.join(kind.classes)}")
    if frame.dtype != np.uint8 or frame.shape != kind.shape:
        raise NotKept(f"the image is {frame.dtype} {frame.shape}, this set holds {kind.shape}")
    row = {
        "label": label,
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
        "answered": answered,
        "confidence": None if confidence is None else round(confidence, 4),
        "run": run,
    }
    key = identify(frame)
    with _changed(kind) as rows:
        if key in rows:
            _check_changes("this drawing is kept already and stays as it is")
        _store(kind, rows, {key: (row, clean_png(image, MAX_SIDE), frame)})
    entry = read_entry(key, row, kind.classes)
    assert entry is not None  # the row was just made
    return entry


def save(kind: Kind, given: Given) -> int:
    """Keep drawings that were kept elsewhere, id -> (row of set.json, PNG, frame); those that are
    here already stay as they are. Returns how many are new. Raises NotKept.
    """
    with _changed(kind) as rows:
        new = {key: value for key, value in given.items() if key not in rows}
        _store(kind, rows, new)
    return len(new)


def _store(kind: Kind, rows: dict[str, Any], given: Given) -> None:
    if len(rows.keys() | given.keys()) > MAX_DRAWINGS:
        raise NotKept(
            f"the set holds {len(rows):,} drawings and takes at most {MAX_DRAWINGS:,}: "
            "export it, then remove some"
        )
    for key, (row, content, frame) in given.items():
        if len(content) > MAX_BYTES:
            raise NotKept(f"the picture has more than {MAX_BYTES / 1e6:.0f} MB")
        files.write_bytes(kind.folder / f"{key}.png", content, sync=False)
        files.write_bytes(kind.folder / f"{key}.frame.png", to_png(frame[None]), sync=False)
        rows[key] = row


def remove(kind: Kind, key: str) -> None:
    """Forget one drawing for good. Raises NotKept when it is not there or nothing may change."""
    _check_changes("drawings kept here stay")
    with _changed(kind) as rows:
        if rows.pop(key, None) is None:
            raise NotKept("this drawing is no longer there")
        if ID.fullmatch(key):
            for name in (f"{key}.png", f"{key}.frame.png"):
                (kind.folder / name).unlink(missing_ok=True)


def _check_changes(otherwise: str) -> None:
    """Where strangers share a set they add to it, but change nothing of each other's."""
    if limits.changes_off():
        raise NotKept(f"this is a hosted installation: {otherwise}")


@contextlib.contextmanager
def _changed(kind: Kind) -> Iterator[dict[str, Any]]:
    """The rows of set.json, under a lock; written back when the block ends well."""
    if reason := limits.personal_off():
        raise NotKept(reason)
    try:
        kind.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(kind.folder / ".lock", timeout=20):
            path = kind.folder / INDEX
            whole = files.read_json(path, ()) if path.exists() else {}
            rows = dict(_items(whole.get("entries")))
            yield rows
            files.write_json(path, describe(kind) | {"entries": rows})
    except OSError as error:
        raise NotKept(f"{kind.folder} cannot be written ({error.strerror or error})") from error


def describe(kind: Kind) -> dict[str, Any]:
    """The head of set.json: what kind of drawings it holds."""
    return {
        "schema": SCHEMA,
        "classes": list(kind.classes),
        "shape": list(kind.shape),
        "drawn": kind.drawn,
    }


def identify(frame: np.ndarray) -> str:
    """The id of a drawing, from its image uint8 (C, H, W)."""
    content = repr(frame.shape).encode() + np.ascontiguousarray(frame).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]
