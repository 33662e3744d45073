"""Zips from outside: each kind of hostile one is refused with its reason."""

import io
import zipfile

import pytest

from core.runs import safe_zip


def zipped(*entries: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as made:
        for name, content in entries:
            made.writestr(name, content)
    return buffer.getvalue()


def look(content: bytes) -> dict:
    safe_zip.check_directory(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = safe_zip.checked_entries(archive.infolist())
        return {name: safe_zip.read(archive, entry) for name, entry in found.items()}


def test_harmless_entries_come_back_as_they_were():
    assert look(zipped(("a.txt", b"one"), ("b.json", b"{}"))) == {"a.txt": b"one", "b.json": b"{}"}


@pytest.mark.parametrize("content", [b"", b"text", b"PK", b"PK\3\4 cut off", b"PK\5\6" + bytes(18)])
def test_what_is_no_zip_is_said_to_be_none(content):
    """Case 32, an upload cut midway among them."""
    with pytest.raises(safe_zip.BadArchive, match="not a zip, or cut off"):
        look(content)


def test_a_zip_cut_midway_is_told_so():
    """Case 32."""
    whole = zipped(("a.bin", bytes(range(256)) * 400))
    with pytest.raises(safe_zip.BadArchive, match="cut off"):
        look(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/passwd",
        "a/../../b",
        "folder/a.txt",
        "C:\\x",
        "a\\b",
        ".hidden",
        "x" * 300,
    ],
)
def test_names_that_lead_anywhere_are_refused(name):
    """Case 30: only flat, plain names."""
    with pytest.raises(safe_zip.BadArchive, match="does not lie flat"):
        look(zipped((name, b"x")))


def test_a_link_is_refused():
    """Case 30."""
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    with pytest.raises(safe_zip.BadArchive, match="is a link"):
        look(zipped((entry, b"/etc/passwd")))


def test_an_archive_within_the_archive_is_refused():
    """Case 30: nested."""
    with pytest.raises(safe_zip.BadArchive, match="archive within"):
        look(zipped(("inner.zip", zipped(("a", b"x")))))


def test_a_name_that_is_there_twice_is_refused():
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zipped(("a", b"1"), ("a", b"2"))
    with pytest.raises(safe_zip.BadArchive, match="there twice"):
        look(content)


def test_an_encrypted_entry_is_refused():
    """Case 30."""
    content = bytearray(zipped(("a", b"x")))
    content[content.rindex(b"PK\1\2") + 8] |= 1
    content[6] |= 1
    with pytest.raises(safe_zip.BadArchive, match="is encrypted"):
        look(bytes(content))


def test_a_bomb_is_refused_before_it_is_unpacked():
    """Case 30: 60 MB of zeros in 60 kB."""
    content = zipped(("zeros", bytes(60_000_000)))
    assert len(content) < 100_000
    with pytest.raises(safe_zip.BadArchive, match="inflates too much"):
        look(content)


def test_many_entries_that_are_large_together_are_refused(monkeypatch):
    """Case 30."""
    monkeypatch.setattr(safe_zip, "MAX_UNPACKED", 1000)
    with pytest.raises(safe_zip.BadArchive, match="unpack to more than"):
        look(zipped(*((f"f{number}", bytes(200)) for number in range(6))))


def test_a_million_entries_are_refused_without_reading_them():
    """Case 30: the entries' own signatures are counted, whatever the end record claims."""
    content = zipped(("a", b"x"))
    at = content.index(b"PK\1\2")
    record = content[at : content.index(b"PK\5\6")]
    hostile = content[:at] + record * 1_000_000 + content[at + len(record) :]
    with pytest.raises(safe_zip.BadArchive, match="1,000,000 entries"):
        look(hostile)


def test_other_ways_of_packing_are_refused():
    with pytest.raises(safe_zip.BadArchive, match="not accepted"):
        look(zipped(("a", b"x" * 100), kind=zipfile.ZIP_LZMA))
