"""A run out and in again: the same on the other machine, and refused when it is not whole."""

import io
import json
import shutil
import zipfile

import numpy as np
import pytest
import torch

from core.analysis import neighbours, ood, scoring
from core.jobs import queue
from core.reports import archive
from core.runs import reproduction, safe_zip, store, tags
from core.runs.safe_zip import BadArchive
from tests.helpers.archives import contents, refuse, sealed, with_json


def test_a_run_comes_back_as_it_was(tiny, untouched):
    """Case 46."""
    tags.annotate(tiny.id, name="Mine", note="Look at 8")
    content = safe_zip.pack(contents(store.load(tiny.id)))
    queue.delete(tiny.id)
    assert archive.take_in(content) == archive.Imported(tiny.id, tiny.id)
    back = store.load(tiny.id)
    assert back.status == "finished"
    assert (back.info, back.metrics) == (tiny.info, tiny.metrics)
    assert back.title == "Mine"
    assert back.notes["note"] == "Look at 8"
    assert back.notes["imported"]
    assert scoring.reproduce(back.id).exact


def test_what_was_added_to_a_run_comes_with_it(rich, untouched):
    """Case 46."""
    found, before = contents(rich), neighbours.read(rich)
    noted, stamp = tags.read(rich.info["test_sha256"]), reproduction.read(rich)
    queue.delete(rich.id)
    (store.root() / tags.NAME).unlink()
    archive.take_in(safe_zip.pack(found))
    back = store.load(rich.id)
    assert np.array_equal(neighbours.read(back).indices, before.indices)
    assert ood.read(back) is not None
    assert reproduction.read(back) == stamp | {"elsewhere": True}
    assert tags.read(back.info["test_sha256"]) == noted


def test_tags_that_are_here_stay_and_hosted_ones_are_not_touched(rich, monkeypatch):
    found, digest = contents(rich), rich.info["test_sha256"]
    many = {"3": {"tag": "theirs"}, "5": {"tag": "x" * 999}, "y": 1}
    content = safe_zip.pack(found | {tags.NAME: json.dumps(many).encode()})
    queue.delete(rich.id)
    with monkeypatch.context() as hosted:
        hosted.setenv("LIGHTBOX_PROFILE", "hosted")
        hosted.setenv("LIGHTBOX_IMPORT", "on")
        archive.take_in(content)
        assert {index: entry["tag"] for index, entry in tags.read(digest).items()} == {
            3: "ambiguous"
        }
    queue.delete(rich.id)
    archive.take_in(content)
    known = {index: entry["tag"] for index, entry in tags.read(digest).items()}
    assert known == {3: "ambiguous", 5: "x" * tags.LONGEST}


def test_the_same_contents_make_the_same_zip(tiny):
    assert safe_zip.pack(contents(tiny)) == safe_zip.pack(contents(tiny))


def test_a_run_that_is_here_already_is_refused(tiny, untouched):
    with pytest.raises(queue.Refused, match="is here already"):
        archive.take_in(safe_zip.pack(contents(tiny)))


def test_another_run_under_the_same_id_gets_a_fresh_one(tiny, untouched):
    other = sealed(with_json(contents(tiny), store.INFO, name="Other"))
    done = archive.take_in(safe_zip.pack(other))
    assert done.asked == tiny.id != done.run_id
    assert {run.title for run in store.list_runs()} == {"Tiny", "Other"}
    assert store.load(tiny.id).title == "Tiny"


def test_a_changed_file_does_not_pass_its_manifest(tiny, untouched):
    found = contents(tiny)
    queue.delete(tiny.id)
    changed = with_json(found, store.METRICS, test_accuracy=1.0)
    refuse(changed, r"metrics\.json: checksum mismatch")
    refuse({k: v for k, v in found.items() if k != store.WEIGHTS}, r"lacks model\.pth")


def test_a_zip_with_a_damaged_entry_is_refused(tiny, untouched):
    """Case 30: CRC error."""
    content = bytearray(safe_zip.pack(contents(tiny)))
    content[len(content) // 2] ^= 255
    queue.delete(tiny.id)
    with pytest.raises(BadArchive, match="damaged zip"):
        archive.take_in(bytes(content))
    assert store.list_runs() == []


def test_weights_of_another_network_or_not_finite_are_refused(tiny, untouched):
    """Cases 24, 25 and 26."""
    found, weights = contents(tiny), store.read_weights(tiny)
    queue.delete(tiny.id)

    def saved(value) -> dict[str, bytes]:
        buffer = io.BytesIO()
        torch.save(value, buffer)
        return sealed(found | {store.WEIGHTS: buffer.getvalue()})

    name = next(iter(weights))
    refuse(saved({key: value for key, value in weights.items() if key != name}), "Missing key")
    refuse(saved(weights | {name: torch.zeros(3)}), "size mismatch")
    refuse(saved(weights | {name: torch.full_like(weights[name], torch.nan)}), "not finite")
    refuse(sealed(found | {store.WEIGHTS: b"no weights"}), "not a readable checkpoint")
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(found[store.WEIGHTS])) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    refuse(sealed(found | {store.WEIGHTS: packed.getvalue()}), "is compressed")


def test_notes_that_are_none_are_refused_and_strange_ones_harmless(tiny, untouched):
    found = contents(tiny)
    queue.delete(tiny.id)
    refuse(found | {store.NOTES: b"[]"}, r"notes\.json lacks")
    archive.take_in(
        safe_zip.pack(found | {store.NOTES: b'{"name": 7, "note": ["x"], "review": 1}'})
    )
    assert store.load(tiny.id).title == "Tiny"


def test_the_limit_is_named(tiny, monkeypatch):
    """Case 32."""
    monkeypatch.setenv("LIGHTBOX_MAX_IMPORT", "1")
    with pytest.raises(BadArchive, match="larger than the 1 MB allowed here"):
        archive.take_in(bytes(2_000_000))


def test_a_hosted_installation_takes_runs_in_only_when_told_to(tiny, monkeypatch):
    """Case 46, and foreign weights are off in the hosted profile."""
    content = safe_zip.pack(contents(tiny))
    shutil.rmtree(tiny.folder)
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    with pytest.raises(queue.Refused, match="LIGHTBOX_IMPORT"):
        archive.take_in(content)
    monkeypatch.setenv("LIGHTBOX_IMPORT", "on")
    assert archive.take_in(content).run_id == tiny.id
