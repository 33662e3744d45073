"""The one writer and the one loader of a run's files. Nothing here imports torch at the top."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows has no locks that lookers could share
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import torch

SCHEMA = 1
MAX_TENSOR_BYTES = 500_000_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # how a spreadsheet knows one
MAX_ENTRIES = 10_000  # a tensor is an entry of the archive


class BrokenRun(ValueError):
    """A run's files cannot be used; the message names the file and the fault."""


def write_bytes(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file whole or not at all: beside its name, synced, then moved into place.

    Without `sync` it is whole for other processes, but may be lost when the machine stops.
    """
    descriptor, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what writes that were killed have left beside their names."""
    for rest in folder.glob(".*.tmp"):
        rest.unlink(missing_ok=True)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV; a text that a spreadsheet could take for a formula gets an apostrophe."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [
            f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA) else cell
            for cell in row
        ]
        for row in rows
    )
    return text.getvalue()


def write_json(path: Path, value: Any, *, sync: bool = True) -> None:
    content = json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
    write_bytes(path, content, sync=sync)


def append_json(path: Path, record: dict[str, Any]) -> None:
    """Add one line with a single write, so that a reader never sees half of two."""
    line = json.dumps(record).encode() + b"\n"
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        torn = os.lseek(descriptor, 0, os.SEEK_END) > 0
        if torn:
            os.lseek(descriptor, -1, os.SEEK_END)
            torn = os.read(descriptor, 1) != b"\n"
        os.write(descriptor, (b"\n" if torn else b"") + line)
    finally:
        os.close(descriptor)


def write_epoch(
    paths: tuple[Path, Path, Path],
    record: dict[str, Any],
    checkpoint: dict[str, Any],
    answers: torch.Tensor,
) -> None:
    """An epoch's answers uint8 (2, N) to the test images, its record, and what its training goes
    on from: into the three files of `paths`, in that order, each at its place among the epochs.
    """
    content = answers.numpy().tobytes()
    descriptor = os.open(paths[0], os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, content, (record["epoch"] - 1) * len(content))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    append_json(paths[1], record)
    write_tensors(paths[2], checkpoint)


def read_epochs(path: Path, epochs: int, count: int) -> np.ndarray:
    """The answers uint8 (epochs, 2, count) that `write_epoch` left, without those of an epoch whose
    checkpoint was not reached. Raises BrokenRun when some are missing.
    """
    found = np.fromfile(path, np.uint8) if path.exists() else np.empty(0, np.uint8)
    if len(found) < epochs * 2 * count:
        raise BrokenRun(f"{path} lacks the answers of some of {epochs} epochs")
    return found[: epochs * 2 * count].reshape(epochs, 2, count)


def write_manifest(path: Path, names: Sequence[str]) -> None:
    """sha256 and size of each of these files beside it: the last thing a finished run gets."""
    entries = {}
    for name in names:
        content = path.with_name(name).read_bytes()
        entries[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    write_json(path, {"schema": SCHEMA, "files": entries})


def write_arrays(path: Path, **arrays: np.ndarray | np.generic) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())


def write_tensors(path: Path, value: Any) -> None:
    """torch.save of tensors, numbers, strings and containers of them.

    Raises ValueError for more than MAX_TENSOR_BYTES, which `read_tensors` would refuse.
    """
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer)
    if buffer.tell() > MAX_TENSOR_BYTES:
        raise ValueError(f"{path.name} would be larger than {MAX_TENSOR_BYTES / 1e6:.0f} MB")
    write_bytes(path, buffer.getvalue())


def read_tensors(path: Path, sha256: str | None = None) -> Any:
    """The one loader of .pth files: data only, never code, and no more than the file weighs.

    With `sha256` the content must match it. Raises BrokenRun.
    """
    import torch

    try:
        if path.stat().st_size > MAX_TENSOR_BYTES:
            raise BrokenRun(f"{path}: too large for a checkpoint of this program")
        content = path.read_bytes()
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            raise BrokenRun(f"{path}: checksum mismatch: the file was changed or damaged")
        _check_archive(path, content)
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BrokenRun(f"{path} is missing") from None
    except BrokenRun:
        raise
    except Exception as error:  # the unpickler raises almost anything on foreign bytes
        raise BrokenRun(
            f"{path}: not a readable checkpoint ({type(error).__name__}); "
            "what torch.save wrote of tensors, numbers and strings is one"
        ) from error


def _check_archive(path: Path, content: bytes) -> None:
    """Refuse, before anything is unpacked, an archive that would grow. Raises BrokenRun."""
    if content.count(b"PK\1\2") > MAX_ENTRIES:
        raise BrokenRun(f"{path}: too large: more than {MAX_ENTRIES:,} entries")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BrokenRun(
            f"{path}: unsupported: torch.save does not compress, this file is compressed"
        )
    if sum(entry.file_size for entry in entries) > len(content):
        raise BrokenRun(f"{path}: too large: its entries claim more bytes than it has")


def read_state_dict(path: Path, sha256: str | None = None) -> dict[str, Any]:
    """Weights by name: `read_tensors` of dense, finite floats, and the whole numbers that batch
    norm counts with. Raises BrokenRun naming the tensor.
    """
    weights = read_tensors(path, sha256)
    if not isinstance(weights, dict):
        raise BrokenRun(f"{path}: unsupported: not a dictionary of tensors")
    for name, value in weights.items():
        if fault := _fault(value):
            raise BrokenRun(f"{path}: {fault}: {str(name)[:80]}")
    return weights


def _fault(value: Any) -> str | None:
    """Why this is not a tensor of weights; asked in an order that unpacks nothing large."""
    import torch

    if not isinstance(value, torch.Tensor):
        return "unsupported, not a tensor"
    if value.layout != torch.strided or value.is_quantized:
        return "unsupported, not dense"
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        return "too large, more numbers than the file holds"
    counter = value.dtype == torch.int64 and value.ndim == 0
    if not (value.is_floating_point() or counter):
        return f"unsupported numbers of kind {value.dtype}"
    return None if bool(torch.isfinite(value).all()) else "weights not finite"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz, never pickled objects. Raises BrokenRun."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise BrokenRun(f"{path} is missing") from None
    except (
        OSError,
        ValueError,
        EOFError,
        KeyError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise BrokenRun(f"{path} cannot be read: {error}") from error


def read_small(path: Path) -> dict[str, Any]:
    """A small JSON file that may be missing or half there; {} then."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_json(path: Path, needed: tuple[str, ...]) -> dict[str, Any]:
    """A JSON object that has all `needed` keys. Raises BrokenRun."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BrokenRun(f"{path.name} is missing") from None
    except (OSError, ValueError) as error:
        raise BrokenRun(f"{path.name} cannot be read: {error}") from None
    if not isinstance(value, dict) or any(name not in value for name in needed):
        raise BrokenRun(f"{path.name} lacks one of {', '.join(needed)}")
    return value
