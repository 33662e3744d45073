"""The one writer and the one loader: whole or not at all, and never code."""

import ast
import hashlib
import io
import os
import pickle

import pytest
import torch

from core import files
from tests.conftest import ROOT


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


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 no zip"])
def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path, content):
    """Case 22."""
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(files.BrokenRun, match="not a readable checkpoint"):
        files.read_tensors(path)


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
    """Only files.py writes (runs.py appends history), and only it calls torch.load."""
    allowed = {"files.py", "runs.py"}
    found = []
    for path in (ROOT / "core").glob("*.py"):
        if path.name in allowed:
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
