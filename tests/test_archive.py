"""A run out and in again: the same on the other machine, and refused when it is not whole."""

import hashlib
import io
import json
import os
import shutil
import zipfile

import numpy as np
import pytest
import torch

from core import archive, files, jobs, runs, scoring
from core.unzip import BadArchive


def contents(run: runs.Run) -> dict[str, bytes]:
    names = (*runs.FINISHED_FILES, runs.MANIFEST, runs.NOTES)
    return {
        name: (run.folder / name).read_bytes() for name in names if (run.folder / name).exists()
    }


def sealed(found: dict[str, bytes]) -> dict[str, bytes]:
    """The same files under a manifest that agrees with them: what a careful forger hands in."""
    entries = {
        name: {"sha256": hashlib.sha256(found[name]).hexdigest(), "bytes": len(found[name])}
        for name in runs.FINISHED_FILES
    }
    return found | {runs.MANIFEST: json.dumps({"schema": 1, "files": entries}).encode()}


def with_json(found: dict[str, bytes], file: str, /, **changes) -> dict[str, bytes]:
    return found | {file: json.dumps(json.loads(found[file]) | changes).encode()}


def with_arrays(found: dict[str, bytes], **changes) -> dict[str, bytes]:
    stored = dict(np.load(io.BytesIO(found[runs.PREDICTIONS]))) | changes
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **stored)
    return found | {runs.PREDICTIONS: buffer.getvalue()}


@pytest.fixture
def outside(artifacts):
    """What lies around the folder of runs, to be compared afterwards."""
    return {path for path in artifacts.parent.rglob("*") if artifacts not in path.parents}


@pytest.fixture
def untouched(artifacts, outside):
    yield
    assert {p for p in artifacts.parent.rglob("*") if artifacts not in p.parents} == outside
    assert not list(artifacts.glob(".incoming*"))


def refuse(found: dict[str, bytes], match: str) -> None:
    before = sorted(os.listdir(runs.root()))
    with pytest.raises((BadArchive, files.BrokenRun, ValueError), match=match):
        archive.take_in(archive.pack(found))
    assert sorted(set(os.listdir(runs.root())) - {".turn.lock"}) == sorted(
        set(before) - {".turn.lock"}
    )


def test_a_run_comes_back_as_it_was(tiny, untouched):
    """Case 46."""
    jobs.annotate(tiny.id, name="Mine", note="Look at 8")
    content = archive.pack(contents(runs.load(tiny.id)))
    jobs.delete(tiny.id)
    assert archive.take_in(content) == archive.Imported(tiny.id, tiny.id)
    back = runs.load(tiny.id)
    assert back.state == "finished"
    assert (back.info, back.metrics) == (tiny.info, tiny.metrics)
    assert back.title == "Mine"
    assert back.notes["note"] == "Look at 8"
    assert back.notes["imported"]
    assert scoring.reproduce(back.id).exact


def test_the_same_contents_make_the_same_zip(tiny):
    assert archive.pack(contents(tiny)) == archive.pack(contents(tiny))


def test_a_run_that_is_here_already_is_refused(tiny, untouched):
    with pytest.raises(jobs.Refused, match="is here already"):
        archive.take_in(archive.pack(contents(tiny)))


def test_another_run_under_the_same_id_gets_a_fresh_one(tiny, untouched):
    other = sealed(with_json(contents(tiny), runs.INFO, name="Other"))
    done = archive.take_in(archive.pack(other))
    assert done.asked == tiny.id != done.run_id
    assert {run.title for run in runs.list_runs()} == {"Tiny", "Other"}
    assert runs.load(tiny.id).title == "Tiny"


def test_a_changed_file_does_not_pass_its_manifest(tiny, untouched):
    found = contents(tiny)
    jobs.delete(tiny.id)
    changed = with_json(found, runs.METRICS, test_accuracy=1.0)
    refuse(changed, r"metrics\.json: checksum mismatch")
    refuse({k: v for k, v in found.items() if k != runs.WEIGHTS}, r"lacks model\.pth")


def test_a_zip_with_a_damaged_entry_is_refused(tiny, untouched):
    """Case 30: CRC error."""
    content = bytearray(archive.pack(contents(tiny)))
    content[len(content) // 2] ^= 255
    jobs.delete(tiny.id)
    with pytest.raises(BadArchive, match="damaged zip"):
        archive.take_in(bytes(content))
    assert runs.list_runs() == []


@pytest.mark.parametrize(
    ("name", "changes", "match"),
    [
        (runs.INFO, {"id": "../../evil"}, "is not the id of a run"),
        (runs.INFO, {"id": 7}, "is not the id of a run"),
        (runs.INFO, {"schema": 99}, "newer version"),
        (runs.INFO, {"classes": []}, "classes must be"),
        (runs.INFO, {"classes": [["a"]] * 10}, "a class has no name"),
        (runs.INFO, {"shape": [1, 10**9, 28]}, "outside 1 to 1024"),
        (runs.INFO, {"shape": "abc"}, "is not .channels"),
        (runs.INFO, {"mean": ["a"]}, "mean is not"),
        (runs.INFO, {"seed": "x"}, "seed or parameters"),
        (runs.INFO, {"name": ["x"]}, "name is no text"),
        (runs.INFO, {"title": "x" * 9000}, "title is no text"),
        (runs.INFO, {"versions": {"torch": 2}}, "versions"),
        (runs.INFO, {"images": {"fit": "many"}}, "images"),
        (runs.INFO, {"layers": [{"layer": 1}]}, "layers"),
        (runs.INFO, {"start_from": {"run": "x", "weights_sha256": "y"}}, "lacks one of"),
        (
            runs.INFO,
            {
                "start_from": {"run": "x", "weights_sha256": "y"},
                "personal": {"count": "many", "repeats": 1},
            },
            "count is no finite number",
        ),
        (runs.INFO, {"model": "transformer"}, "transformer"),
        (runs.INFO, {"config": {"lr": 1e9}}, "lr: "),
        (runs.METRICS, {"most_confused": [[99, 0, 1]]}, "a class that is none"),
        (runs.METRICS, {"confusion": [[1]]}, "confusion has 1 items"),
        (runs.METRICS, {"per_class": "many"}, "per_class is no list"),
        (runs.METRICS, {"test_accuracy": 0.5}, "says 50.00%"),
        (runs.METRICS, {"test_accuracy": None}, "no finite number"),
        (runs.METRICS, {"calibration": [{}]}, "lacks one of low"),
    ],
)
def test_a_forged_description_is_refused_by_its_field(tiny, untouched, name, changes, match):
    """Cases 30 and 41."""
    found = contents(tiny)
    jobs.delete(tiny.id)
    refuse(sealed(with_json(found, name, **changes)), match)


def test_a_history_that_is_none_is_refused(tiny, untouched):
    found = contents(tiny)
    jobs.delete(tiny.id)
    for line in (b"garbage", b"{}", b'{"epoch": 1, "train_loss": "x"}', b"[1]"):
        refuse(sealed(found | {runs.HISTORY: line + b"\n"}), "line 1 is not the record")


def test_predictions_of_a_wrong_type_shape_or_range_are_refused(tiny, untouched):
    """Case 31."""
    found, stored = contents(tiny), tiny.predictions()
    jobs.delete(tiny.id)
    for changes, match in (
        ({"labels": stored["labels"].astype(float)}, "labels are float64"),
        ({"labels": stored["labels"] + 1}, "out of range"),
        ({"labels": stored["labels"][:-1]}, "359 labels"),
        ({"probs": stored["probs"].astype(np.float64)}, "probs float64"),
        ({"probs": stored["probs"] * np.nan}, "out of range"),
        ({"probs": stored["probs"].ravel()}, "has 1 dimensions"),
        ({"labels": np.roll(stored["labels"], 1)}, "confusion matrix|says"),
    ):
        refuse(sealed(with_arrays(found, **changes)), match)


def test_predictions_with_pickles_are_refused_and_nothing_runs(tiny, untouched, tmp_path):
    """Case 31: NPZ with a pickle."""

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    found = contents(tiny)
    jobs.delete(tiny.id)
    refuse(sealed(with_arrays(found, labels=np.array([Evil()], object))), "not arrays of numbers")
    assert not (tmp_path / "executed").exists()
    refuse(sealed(found | {runs.PREDICTIONS: b"no zip"}), "not a zip")


def test_predictions_that_inflate_are_refused(tiny, untouched):
    """Cases 24 and 31."""
    found = contents(tiny)
    jobs.delete(tiny.id)
    bomb = with_arrays(found, epoch_classes=np.zeros((6000, 10_000), np.uint8))
    refuse(sealed(bomb), "inflates too much")


def test_weights_of_another_network_or_not_finite_are_refused(tiny, untouched):
    """Cases 24, 25 and 26."""
    found, weights = contents(tiny), runs.read_weights(tiny)
    jobs.delete(tiny.id)

    def saved(value) -> dict[str, bytes]:
        buffer = io.BytesIO()
        torch.save(value, buffer)
        return sealed(found | {runs.WEIGHTS: buffer.getvalue()})

    name = next(iter(weights))
    refuse(saved({key: value for key, value in weights.items() if key != name}), "Missing key")
    refuse(saved(weights | {name: torch.zeros(3)}), "size mismatch")
    refuse(saved(weights | {name: torch.full_like(weights[name], torch.nan)}), "not finite")
    refuse(sealed(found | {runs.WEIGHTS: b"no weights"}), "not a readable checkpoint")
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(found[runs.WEIGHTS])) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    refuse(sealed(found | {runs.WEIGHTS: packed.getvalue()}), "is compressed")


def test_notes_that_are_none_are_refused_and_strange_ones_harmless(tiny, untouched):
    found = contents(tiny)
    jobs.delete(tiny.id)
    refuse(found | {runs.NOTES: b"[]"}, r"notes\.json lacks")
    archive.take_in(archive.pack(found | {runs.NOTES: b'{"name": 7, "note": ["x"], "review": 1}'}))
    assert runs.load(tiny.id).title == "Tiny"


def test_the_limit_is_named(tiny, monkeypatch):
    """Case 32."""
    monkeypatch.setenv("LIGHTBOX_MAX_IMPORT", "1")
    with pytest.raises(BadArchive, match="larger than the 1 MB allowed here"):
        archive.take_in(bytes(2_000_000))


def test_a_hosted_installation_takes_runs_in_only_when_told_to(tiny, monkeypatch):
    """Case 46, and foreign weights are off in the hosted profile."""
    content = archive.pack(contents(tiny))
    shutil.rmtree(tiny.folder)
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    with pytest.raises(jobs.Refused, match="LIGHTBOX_IMPORT"):
        archive.take_in(content)
    monkeypatch.setenv("LIGHTBOX_IMPORT", "on")
    assert archive.take_in(content).run_id == tiny.id
