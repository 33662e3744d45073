"""The personal set as one zip, to keep elsewhere or take to another machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from core.reading import personal
from core.reading.personal import INDEX, Kind
from core.reading.picture import clean_png, open_image, to_frames, to_png
from core.runs import limits, safe_zip
from core.runs.safe_zip import BadArchive

FRAMES = "frames.png"  # all of them, one under the other, in the order of their ids
MAX_INDEX = 5_000_000


def export(kind: Kind) -> bytes:
    """A zip with set.json, every picture as it was drawn, and all as networks see them.

    Raises BrokenRun when a picture is missing, NotKept when there is none.
    """
    kept = sorted(personal.entries(kind), key=lambda entry: entry.id)
    if not kept:
        raise personal.NotKept("there are no drawings to export yet")
    rows = {entry.id: _row(kind, entry) for entry in kept}
    contents = {
        INDEX: json.dumps(personal.describe(kind) | {"entries": rows}, indent=1).encode(),
        FRAMES: to_png(personal.frames(kind, kept)),
        **{f"{entry.id}.png": personal.picture(kind, entry) for entry in kept},
    }
    return safe_zip.pack(contents)


def _row(kind: Kind, entry: personal.Entry) -> dict[str, Any]:
    row = {name: getattr(entry, name) for name in ("time", "answered", "confidence", "run")}
    return {"label": kind.classes[entry.label], **row}


def take_in(kind: Kind, content: bytes) -> tuple[int, int]:
    """Add the drawings of a zip to the set: (how many were new, how many were here already, whose
    labels stay as they are here).

    All or nothing: raises BadArchive for a zip that is hostile, damaged or of other classes, and
    NotKept when drawings are not kept here or the set would be full.
    """
    if reason := limits.personal_off():
        raise personal.NotKept(reason)
    limit = limits.max_import_bytes()
    if len(content) > limit:
        raise BadArchive(
            f"the zip has {len(content) / 1e6:.1f} MB, the limit here is {limit / 1e6:.0f} MB"
        )
    with safe_zip.opened(content) as (sizes, read):
        given = _drawings(kind, sizes, read)
    new = personal.save(kind, given)
    return new, len(given) - new


def _drawings(
    kind: Kind, sizes: dict[str, int], read: Callable[[str], bytes]
) -> dict[str, tuple[dict[str, Any], bytes, np.ndarray]]:
    """Every drawing that set.json names, each part checked and written anew; nothing else."""

    def part(name: str, most: int = personal.MAX_BYTES) -> bytes:
        if name not in sizes:
            raise BadArchive(f"it lacks {name}")
        if sizes[name] > most:
            raise BadArchive(f"{name} is larger than {most / 1e6:.0f} MB")
        return read(name)

    rows = _rows(kind, part(INDEX, MAX_INDEX))
    sheet = open_image(part(FRAMES), FRAMES)
    frames = to_frames(sheet, kind.shape)
    if len(frames) != len(rows):
        raise BadArchive(f"{FRAMES} holds {len(frames)} images, {INDEX} names {len(rows)}")
    given = {}
    for key, frame in zip(sorted(rows), frames, strict=True):
        if personal.identify(frame) != key:
            raise BadArchive(f"{key} is not the drawing that {INDEX} names: it was changed")
        name = f"{key}.png"
        picture = open_image(part(name), name)
        given[key] = (rows[key], clean_png(picture, personal.MAX_SIDE), frame)
    return given


def _rows(kind: Kind, content: bytes) -> dict[str, dict[str, Any]]:
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadArchive(f"{INDEX} cannot be read: {str(error)[:200]}") from None
    head = personal.describe(kind)
    if not isinstance(whole, dict) or any(whole.get(key) != head[key] for key in head):
        raise BadArchive(
            f"{INDEX} is not of a set for these classes and sizes: "
            "choose a run that reads what was drawn, then take it in there"
        )
    rows = whole.get("entries")
    if not isinstance(rows, dict) or not rows:
        raise BadArchive(f"{INDEX} names no drawings")
    checked = {}
    for key, row in rows.items():
        entry = personal.read_entry(key, row, kind.classes)
        if entry is None:
            raise BadArchive(f"{INDEX}: {key[:40]!r} is not a drawing with one of the labels")
        checked[key] = _row(kind, entry)
    return checked
