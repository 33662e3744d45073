"""The one writer and the one loader: whole or not at all, and never code."""

import ast
import hashlib
import io
import os
import pickle
import zipfile

import pytest
import torch

from core.runs import files
from tests.helpers import ROOT


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    files.write_bytes(path, b"old")
    monkeypatch.setattr(files.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["run.json"]


def test_tensors_come_back_equal_and_checked(tmp_path):
    path = tmp_path / "model.pth"
    files.write_tensors(path, {"weight": torch.arange(6.0)})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert torch.equal(files.read_tensors(path, digest)["weight"], torch.arange(6.0))


def test_a_flipped_bit_is_a_checksum_mismatch(tmp_path):
    """Case 26."""
    path = tmp_path / "model.pth"
    files.write_tensors(path, {"weight": torch.arange(6.0)})
    content = bytearray(path.read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(files.BrokenRun, match="checksum mismatch"):
        files.read_tensors(path, digest)


def zipped(method: int, **entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def saved(value) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


WHOLE = saved({"weight": torch.arange(6.0)})


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"PK\x03\x04 no zip", WHOLE[:300], zipped(zipfile.ZIP_STORED, text=b"hello")],
)
def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path, content):
    """Case 22."""
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(files.BrokenRun, match=r"not a readable checkpoint .* what torch\.save"):
        files.read_tensors(path)


def deflated() -> bytes:
    """A checkpoint of 40 MB of zeros, packed again as 40 kB."""
    with zipfile.ZipFile(io.BytesIO(saved({"weight": torch.zeros(10_000_000)}))) as archive:
        entries = {entry.split("/", 1)[1]: archive.read(entry) for entry in archive.namelist()}
    return zipped(zipfile.ZIP_DEFLATED, **entries)


def overlapping() -> bytes:
    """An archive whose directory says that an entry has a gigabyte."""
    content = bytearray(WHOLE)
    entry = content.rindex(b"PK\1\2")
    content[entry + 24 : entry + 28] = (2**30).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (deflated, "unsupported: torch.save does not compress"),
        (overlapping, "too large: its entries claim more bytes"),
        (lambda: saved([torch.zeros(1) for _ in range(10_001)]), "too large: more than 10,000"),
    ],
)
def test_a_checkpoint_that_would_grow_is_refused_before_it_is_unpacked(
    tmp_path, monkeypatch, make, words
):
    """Case 24."""
    path = tmp_path / "model.pth"
    path.write_bytes(make())
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(files.BrokenRun, match=words):
        files.read_tensors(path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(1).expand(100_000, 100_000), "too large, more numbers than the file holds"),
        (torch.eye(3).to_sparse(), "unsupported, not dense"),
        (torch.ones(3, dtype=torch.complex64), "unsupported numbers of kind torch.complex64"),
        (torch.ones(3, dtype=torch.int32), "unsupported numbers of kind torch.int32"),
        (torch.tensor([1.0, float("nan")]), "weights not finite"),
        (torch.tensor([1.0, float("inf")]), "weights not finite"),
        ("text", "unsupported, not a tensor"),
    ],
)
def test_weights_of_another_kind_are_refused_by_name(tmp_path, value, words):
    """Cases 24 and 26."""
    path = tmp_path / "model.pth"
    path.write_bytes(saved({"good": torch.ones(2), "0.weight": value}))
    before = path.read_bytes()
    with pytest.raises(files.BrokenRun, match=rf"{words}: 0\.weight"):
        files.read_state_dict(path)
    assert path.read_bytes() == before


def test_weights_and_the_counts_of_batch_norm_are_read(tmp_path):
    path = tmp_path / "model.pth"
    weights = torch.nn.BatchNorm2d(3).state_dict()
    path.write_bytes(saved(weights))
    assert files.read_state_dict(path).keys() == weights.keys()
    path.write_bytes(saved([1.0]))
    with pytest.raises(files.BrokenRun, match="not a dictionary"):
        files.read_state_dict(path)


def test_a_checkpoint_with_code_is_refused_and_nothing_runs(tmp_path):
    """Case 23."""

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    buffer = io.BytesIO()
    torch.save({"weight": Evil()}, buffer)
    path = tmp_path / "model.pth"
    for content in (buffer.getvalue(), pickle.dumps(Evil())):
        path.write_bytes(content)
        with pytest.raises(files.BrokenRun, match="not a readable checkpoint"):
            files.read_tensors(path)
    assert not (tmp_path / "executed").exists()


def test_json_lacking_a_key_or_broken_names_the_file(tmp_path):
    path = tmp_path / "run.json"
    with pytest.raises(files.BrokenRun, match=r"run\.json is missing"):
        files.read_json(path, ("seed",))
    for content in (b"", b"{", b"[1]", b'{"other": 1}', b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(files.BrokenRun, match=r"run\.json"):
            files.read_json(path, ("seed",))


def test_nobody_else_writes_files_or_loads_checkpoints():
    """Only files.py writes, and only it calls torch.load."""
    found = []
    for path in (ROOT / "core").rglob("*.py"):
        if path.name == "files.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            writes = name.split(".")[-1] in ("write_text", "savez", "savez_compressed", "to_csv")
            opens = name == "open" and any("w" in ast.unparse(arg) for arg in node.args[1:])
            if writes or opens or name in ("torch.load", "torch.save", "np.save", "json.dump"):
                found.append(f"{path.name}: {name}")
    assert found == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_small_file_that_is_half_there_reads_as_empty(tmp_path, content):
    (tmp_path / "heartbeat.json").write_bytes(content)
    assert files.read_small(tmp_path / "heartbeat.json") == {}
    assert files.read_small(tmp_path / "missing.json") == {}


def test_a_checkpoint_that_could_not_be_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_TENSOR_BYTES", 5000)
    files.write_tensors(tmp_path / "small.pth", {"a": torch.zeros(10)})
    with pytest.raises(ValueError, match=r"large\.pth would be larger than 0 MB"):
        files.write_tensors(tmp_path / "large.pth", {"a": torch.zeros(2000)})
    assert [path.name for path in tmp_path.iterdir()] == ["small.pth"]
