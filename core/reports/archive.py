"""A run as one zip: packed, and taken in again on another machine after every check.

A zip from outside is hostile until shown otherwise: its directory is read before anything is
unpacked, only the files of a run are taken from it, and nothing is written outside the folder of
runs.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.analysis import neighbours, ood
from core.reports import import_checks, review
from core.runs import files, limits, locks, reproduction, safe_zip, store, tags
from core.runs.safe_zip import BadArchive

MAX_JSON = 5_000_000
TAKEN = (*store.FINISHED_FILES, store.MANIFEST)
COMPUTED = {
    neighbours.NEIGHBOURS: neighbours.read,
    ood.NAME: ood.read,
    reproduction.NAME: reproduction.read,
}  # later, of the run's weights, each with what reads it: None unless it belongs to them
ADDED = (store.NOTES, *COMPUTED, tags.NAME)


@dataclass(frozen=True)
class Imported:
    """A run that was taken in. `asked`: the id it came with, when another run here has that."""

    run_id: str
    asked: str


def added(run: store.Run) -> dict[str, bytes]:
    """What was computed and written about a finished run since, and the tags of its test images.

    Raises BrokenRun when the tags cannot be read.
    """
    names = [store.NOTES] if (run.folder / store.NOTES).is_file() else []
    names += [name for name, read in COMPUTED.items() if read(run) is not None]
    found = {name: (run.folder / name).read_bytes() for name in names}
    if noted := tags.read(run.info["test_sha256"]):
        found[tags.NAME] = json.dumps(noted, ensure_ascii=False).encode()
    return found


def take_in(content: bytes) -> Imported:
    """Write the run that a zip of `export --zip` holds, under its own id or a fresh one.

    Raises BadArchive when it is not whole, not what its manifest says, or hostile; BrokenRun when
    its weights do not load; limits.Refused when runs are not taken in here or it is here already.
    """
    if reason := limits.import_off():
        raise limits.Refused(reason)
    limit = limits.max_import_bytes()
    if len(content) > limit:
        raise BadArchive(
            f"the zip is larger than the {limit / 1e6:.0f} MB allowed here (LIGHTBOX_MAX_IMPORT)"
        )
    found = _unpack(content)
    info = _check(found)
    with locks.lock(store.root(), store.LOCK):
        return _place(found, info)


def _place(found: dict[str, bytes], info: dict[str, Any]) -> Imported:
    """Beside its name first, loaded there once, then moved: no half run is ever listed."""
    from core.analysis import scoring  # and with it torch: pages ask this file for names alone

    asked = info["id"]
    noted = tags.checked(json.loads(found.pop(tags.NAME, b"{}")))
    run_id = _free_id(asked, found[store.MANIFEST], info["recipe"])
    folder = store.root() / f".incoming-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        for name, content in found.items():
            files.write_bytes(folder / name, content)
        run = store.Run(asked, folder, info, json.loads(found[store.METRICS]))
        scoring.load_model(run)  # dense finite numbers that fit the network, or BrokenRun
        for name, read in COMPUTED.items():
            if (folder / name).exists() and read(run) is None:
                raise BadArchive(f"{name} does not belong to this run: take it out of the zip")
        folder.rename(store.root() / run_id)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if noted and not limits.changes_off():
        tags.add(info["test_sha256"], noted)
    return Imported(run_id, asked)


def _free_id(asked: str, manifest: bytes, recipe: str) -> str:
    try:
        here = store.folder_of(asked)
    except store.RunNotFound:
        return asked if not (store.root() / asked).exists() else store.new_id(recipe)
    same = here / store.MANIFEST
    if same.is_file() and same.read_bytes() == manifest:
        raise limits.Refused(f"{asked} is here already, file by file the same: nothing to do")
    return store.new_id(recipe)


def _unpack(content: bytes) -> dict[str, bytes]:
    """The run's files by name, at most `safe_zip.MAX_UNPACKED` bytes. Raises BadArchive."""
    with safe_zip.opened(content) as (sizes, read):
        if missing := [name for name in TAKEN if name not in sizes]:
            raise BadArchive(
                f"it lacks {', '.join(missing)}: `python -m core export RUN --zip` "
                "makes a zip that can be taken in"
            )
        return {name: read(name) for name in (*TAKEN, *ADDED) if name in sizes}


def _check(found: dict[str, bytes]) -> dict[str, Any]:
    """The checks that need no network: sums, then run.json, metrics, history, predictions."""
    manifest = _object(found, store.MANIFEST, ("files",))["files"]
    for name in store.FINISHED_FILES:
        entry = manifest.get(name) if isinstance(manifest, dict) else None
        if not isinstance(entry, dict):
            raise BadArchive(f"{store.MANIFEST} does not name {name}")
        if entry.get("sha256") != hashlib.sha256(found[name]).hexdigest():
            raise BadArchive(f"{name}: checksum mismatch: it was changed or damaged")
    info = _object(found, store.INFO, import_checks.INFO_KEYS)
    import_checks.description(info)
    import_checks.history(found[store.HISTORY])
    metrics = _object(found, store.METRICS, import_checks.METRIC_KEYS)
    import_checks.predictions(found[store.PREDICTIONS], metrics, info["classes"])
    notes = _object(found, store.NOTES, ()) if store.NOTES in found else {}
    found[store.NOTES] = json.dumps(_checked_notes(notes), ensure_ascii=False).encode()
    if tags.NAME in found:
        _object(found, tags.NAME, ())
    import_checks.computed(found)
    if reproduction.NAME in found:
        scored = json.loads(found[reproduction.NAME]) | {"elsewhere": True}
        found[reproduction.NAME] = json.dumps(scored).encode()
    return info


def _checked_notes(notes: dict[str, Any]) -> dict[str, Any]:
    """What people wrote, cut to what they may write here, and when it was taken in."""
    kept: dict[str, Any] = {
        key: notes[key][:limit]
        for key, limit in (("name", 80), ("note", 5000))
        if isinstance(notes.get(key), str)
    }
    if isinstance(notes.get("review"), dict):
        kept["review"] = review.checked(notes["review"])
    return kept | {"imported": datetime.now().astimezone().isoformat(timespec="seconds")}


def _object(found: dict[str, bytes], name: str, needed: tuple[str, ...]) -> dict[str, Any]:
    if len(found[name]) > MAX_JSON:
        raise BadArchive(f"{name} is larger than {MAX_JSON / 1e6:.0f} MB")
    try:
        value = json.loads(found[name])
    except (ValueError, RecursionError) as error:
        raise BadArchive(f"{name} cannot be read: {str(error)[:200]}") from None
    if not isinstance(value, dict) or any(key not in value for key in needed):
        raise BadArchive(f"{name} lacks one of {', '.join(needed)}")
    return value
