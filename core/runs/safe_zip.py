"""Zips: packed alike for the same contents; from outside hostile until shown otherwise, looked at
before anything is unpacked.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

MAX_ENTRIES = 2000
MAX_UNPACKED = 300_000_000
MAX_RATIO = 100  # of what is larger than 20 MB when unpacked


class BadArchive(ValueError):
    """A zip that is not taken in; the message says why."""


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Files by name as one zip, the same bytes for the same contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            made.writestr(entry, content)
    return buffer.getvalue()


@contextmanager
def opened(content: bytes) -> Iterator[tuple[dict[str, int], Callable[[str], bytes]]]:
    """(size of each entry by name, what reads one) of a zip from outside, all of it harmless.

    Raises BadArchive, also for what turns out to be damaged inside the block.
    """
    check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = checked_entries(archive.infolist())
            sizes = {name: entry.file_size for name, entry in entries.items()}
            yield sizes, lambda name: read(archive, entries[name])
    except BadArchive:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise BadArchive(f"damaged zip: {error}") from error


def check_directory(content: bytes) -> None:
    """Count the entries' signatures, before zipfile makes an object of every entry.

    Raises BadArchive for what is no zip or holds more than any run's files have.
    """
    if not content.startswith(b"PK\3\4") or b"PK\5\6" not in content[-65557:]:
        raise BadArchive("not a zip, or cut off on its way: export or upload it again")
    count = content.count(b"PK\1\2")
    if count > MAX_ENTRIES:
        raise BadArchive(f"{count:,} entries: more than the {MAX_ENTRIES:,} that are looked at")


def checked_entries(entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Name -> entry, when every one of them is harmless, taken or not."""
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.orig_filename
        if fault := _fault(entry):
            raise BadArchive(f"{name[:80]!r} {fault}")
        if name in found:
            raise BadArchive(f"{name[:80]!r} is there twice")
        found[name] = entry
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise BadArchive(f"it would unpack to more than {MAX_UNPACKED / 1e6:.0f} MB")
    return found


def _fault(entry: zipfile.ZipInfo) -> str | None:
    """What is wrong with one entry, or None."""
    name, mode = entry.orig_filename, entry.external_attr >> 16
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is a link, a folder or a device"
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", name) or ".." in name or name.startswith("."):
        return "does not lie flat in the zip: no folders, no way out of it"
    if name.lower().endswith((".zip", ".gz", ".tar", ".tgz", ".7z")):
        return "is an archive within the archive"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that is not accepted"
    if entry.file_size > max(20_000_000, MAX_RATIO * entry.compress_size):
        return "inflates too much for what it is"
    return None


def read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One entry, never more of it than its directory says."""
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise BadArchive(f"{entry.filename} has not the size that the zip says")
    return content
