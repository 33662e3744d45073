"""Bring the files of a published data set to this machine, once, and read them. Called by datasets.

torchvision knows the addresses, md5 sums and folder layout; reading needs neither it nor torch.
"""

from __future__ import annotations

import gzip
import http.client
import math
import mmap
import os
import shutil
import socket
import struct
import zlib
from pathlib import Path

import numpy as np

TIMEOUT_S = 30  # a mirror that stays silent this long counts as unreachable


class DatasetError(RuntimeError):
    """A data set cannot be had; the message names the files and the way out."""


def file_names(*, test_only: bool = False) -> list[str]:
    """The files of a data set in MNIST's layout, each plain or as .gz of that name."""
    parts = ("t10k",) if test_only else ("train", "t10k")
    return [f"{part}-{kind}-ubyte" for part in parts for kind in ("images-idx3", "labels-idx1")]


def missing(folder: Path, *, test_only: bool = False) -> list[str]:
    """Those of `file_names` that lie in `folder` neither plain nor as .gz."""
    wanted = file_names(test_only=test_only)
    return [n for n in wanted if not any((folder / f"{n}{end}").is_file() for end in ("", ".gz"))]


def fetch(
    folder: Path,
    published: str,
    *,
    title: str,
    more_mirrors: tuple[str, ...] = (),
    test_only: bool = False,
) -> None:
    """Fill `folder` from the mirrors of torchvision's class `published`, then `more_mirrors`.

    Nothing is written where plain files or archives lie already. A second caller waits for the
    first. Raises DatasetError with the addresses tried and the files to put there by hand.
    """
    if not missing(folder, test_only=test_only):
        return
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent.with_suffix(".lock")):
            for name in missing(folder, test_only=test_only):
                _fetch_file(folder, published, name, title, more_mirrors)
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be written ({error.strerror}): set LIGHTBOX_DATA to another folder"
        ) from error


def _fetch_file(
    folder: Path, published: str, name: str, title: str, more_mirrors: tuple[str, ...]
) -> None:
    from torchvision import datasets
    from torchvision.datasets.utils import download_and_extract_archive

    known = getattr(datasets, published)
    archive, part = f"{name}.gz", folder / ".part"  # moved to their names when they are whole
    md5 = dict(known.resources)[archive]
    tried = []
    old_timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)  # torchvision offers no timeout of its own
    try:
        for mirror in (*known.mirrors, *more_mirrors):
            try:
                download_and_extract_archive(f"{mirror}{archive}", part, filename=archive, md5=md5)
                for whole in (archive, name):
                    os.replace(part / whole, folder / whole)
                return
            except (RuntimeError, OSError, EOFError, http.client.HTTPException) as error:
                tried.append(f"  {mirror}{archive}: {error}")
    finally:
        shutil.rmtree(part, ignore_errors=True)
        socket.setdefaulttimeout(old_timeout)
    needed = ", ".join(f"{file}.gz" for file in file_names())
    raise DatasetError(
        f"{title} could not be fetched:\n"
        + "\n".join(tried)
        + f"\nPut {needed} into {folder} by hand, or use the bundled data set 'digits'."
    )


def read_part(folder: Path, part: str, *, mapped: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, H, W) and labels uint8 (N,) of `train` or `t10k`. Raises DatasetError.

    A plain file that is not what the .gz beside it holds is passed over for that. With `mapped`,
    images that lie plain stay on the disk until they are looked at.
    """
    images = read_idx(folder / f"{part}-images-idx3-ubyte", dimensions=3, mapped=mapped)
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte", dimensions=1)
    if len(images) != len(labels):
        raise DatasetError(
            f"{folder} has {len(images):,} {part} images but {len(labels):,} labels: "
            "delete them and fetch them again"
        )
    return images, labels


def read_idx(path: Path, dimensions: int, *, mapped: bool = False) -> np.ndarray:
    """An IDX file of unsigned bytes (yann.lecun.com/exdb/mnist), plain or as .gz beside it."""
    archive = path.with_name(f"{path.name}.gz")
    source = path
    try:
        raw = _content(path, mapped) if path.exists() else None
        if raw is None or (archive.exists() and not _holds(archive, raw)):
            source = archive
            raw = gzip.decompress(archive.read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"{archive} is not on this machine") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DatasetError(
            f"{source} cannot be read ({error}): delete it and fetch it again"
        ) from error
    header = 4 + 4 * dimensions
    sizes = struct.unpack(f">{dimensions}I", raw[4:header]) if len(raw) >= header else ()
    if raw[:4] != bytes([0, 0, 8, dimensions]) or len(raw) != header + math.prod(sizes):
        raise DatasetError(
            f"{source} is not a whole IDX file of {dimensions} dimensions: "
            "delete it and fetch it again"
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(sizes)


def _content(path: Path, mapped: bool) -> bytes | mmap.mmap:
    if not mapped or not path.stat().st_size:
        return path.read_bytes()
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _holds(archive: Path, raw: bytes | mmap.mmap) -> bool:
    """Whether a .gz ends as one that holds these bytes: with their CRC-32 and length (RFC 1952)."""
    with open(archive, "rb") as file:
        file.seek(max(0, archive.stat().st_size - 8))
        return file.read() == struct.pack("<II", zlib.crc32(raw), len(raw) % 2**32)
