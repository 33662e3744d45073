"""Runs as the files of a zip: whole, forged, and refused."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from core.analysis import neighbours, scoring
from core.reports import archive
from core.runs import files, safe_zip, store, tags
from core.runs.safe_zip import BadArchive


def contents(run: store.Run) -> dict[str, bytes]:
    names = (*store.FINISHED_FILES, store.MANIFEST)
    return {name: (run.folder / name).read_bytes() for name in names} | archive.added(run)


def sealed(found: dict[str, bytes]) -> dict[str, bytes]:
    """The same files under a manifest that agrees with them: what a careful forger hands in."""
    entries = {
        name: {"sha256": hashlib.sha256(found[name]).hexdigest(), "bytes": len(found[name])}
        for name in store.FINISHED_FILES
    }
    return found | {store.MANIFEST: json.dumps({"schema": 1, "files": entries}).encode()}


def with_json(found: dict[str, bytes], file: str, /, **changes) -> dict[str, bytes]:
    return found | {file: json.dumps(json.loads(found[file]) | changes).encode()}


def refuse(found: dict[str, bytes], match: str) -> None:
    before = sorted(os.listdir(store.root()))
    with pytest.raises((BadArchive, files.BrokenRun, ValueError), match=match):
        archive.take_in(safe_zip.pack(found))
    assert sorted(set(os.listdir(store.root())) - {".changes.lock"}) == sorted(
        set(before) - {".changes.lock"}
    )


@pytest.fixture
def outside(artifacts):
    """What lies around the folder of runs, to be compared afterwards."""
    return {path for path in artifacts.parent.rglob("*") if artifacts not in path.parents}


@pytest.fixture
def untouched(artifacts, outside):
    yield
    assert {p for p in artifacts.parent.rglob("*") if artifacts not in p.parents} == outside
    assert not list(artifacts.glob(".incoming*"))


@pytest.fixture
def rich(tiny):
    """The tiny run with all that is computed and written later."""
    neighbours.save(tiny.id)
    scoring.save_reproduction(tiny.id)
    tags.write(tiny.info["test_sha256"], 3, "ambiguous")
    tags.annotate(tiny.id, note="Look at 8")
    return store.load(tiny.id)
