"""The personal set as a zip: there and back, and hostile ones refused with nothing written."""

import io
import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.reading import personal, picture
from core.reports import personal_zip
from core.runs.safe_zip import BadArchive
from tests.helpers.drawings import KIND, keep


@pytest.fixture
def exported(artifacts) -> dict[str, bytes]:
    """The files in a zip of three drawings; the set itself is gone."""
    for number in range(3):
        keep(number, str(number))
    content = personal_zip.export(KIND)
    shutil.rmtree(artifacts / "personal")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(contents: dict[str, bytes], *more: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in [*contents.items(), *more]:
            made.writestr(name, content)
    return buffer.getvalue()


def refused(content: bytes, match: str) -> None:
    with pytest.raises(BadArchive, match=match):
        personal_zip.take_in(KIND, content)
    assert personal.count(KIND) == 0
    assert not KIND.folder.exists()


def test_a_set_comes_back_as_it_left(exported):
    assert personal_zip.take_in(KIND, packed(exported)) == (3, 0)
    found = personal.entries(KIND)
    assert sorted(entry.label for entry in found) == [0, 1, 2]
    assert {entry.answered for entry in found} == {"1"}
    again = personal_zip.export(KIND)
    with zipfile.ZipFile(io.BytesIO(again)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == exported
    assert personal_zip.export(KIND) == again


def test_what_is_here_already_keeps_its_label(exported):
    keep(1, "9")
    assert personal_zip.take_in(KIND, packed(exported)) == (2, 1)
    assert sorted(entry.label for entry in personal.entries(KIND)) == [0, 2, 9]


def test_an_empty_set_has_nothing_to_export(artifacts):
    with pytest.raises(personal.NotKept, match="no drawings to export"):
        personal_zip.export(KIND)


def test_a_zip_is_not_taken_in_where_drawings_are_not_kept(exported, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_PERSONAL", "off")
    with pytest.raises(personal.NotKept, match="switched off"):
        personal_zip.take_in(KIND, packed(exported))


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/b.png", "C:\\x.png"])
def test_names_that_lead_elsewhere_are_refused(exported, name):
    """Case 30."""
    refused(packed(exported, (name, b"x")), "does not lie flat")


def test_a_link_is_refused(exported):
    """Case 30."""
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    refused(packed(exported, (link, b"/etc/passwd")), "is a link")


def test_a_zip_within_the_zip_is_refused(exported):
    """Case 30."""
    refused(packed(exported, ("inner.zip", b"PK")), "archive within")


def test_a_bomb_is_refused_before_it_is_unpacked(exported):
    """Case 30."""
    refused(packed(exported, ("zeros.png", bytes(60_000_000))), "inflates too much")


def test_thousands_of_entries_are_refused(exported):
    """Case 30."""
    content = packed(exported)
    at, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    refused(content[:at] + content[at:end] * 3000 + content[end:], "15,000 entries: more than")


def test_an_encrypted_zip_is_refused(exported):
    """Case 30."""
    content = bytearray(packed(exported))
    content[content.index(b"PK\1\2") + 8] |= 1
    refused(bytes(content), "is encrypted")


def test_a_flipped_byte_is_refused(exported):
    """Case 30: the sum of an entry does not fit."""
    content = bytearray(packed(exported))
    at = content.index(b"frames.png") + 40
    content[at] ^= 0xFF
    refused(bytes(content), "damaged zip|not an image")


def test_a_zip_cut_midway_is_refused(exported):
    """Case 32."""
    content = packed(exported)
    refused(content[: len(content) // 2], "cut off")


def test_a_zip_over_the_limit_is_refused_by_its_size(exported, monkeypatch):
    """Case 32."""
    monkeypatch.setattr(personal_zip.limits, "max_import_bytes", lambda: 1000)
    refused(packed(exported), "the limit here is 0 MB")


def changed(exported: dict[str, bytes], **entries) -> dict[str, bytes]:
    whole = json.loads(exported["set.json"]) | entries
    return exported | {"set.json": json.dumps(whole).encode()}


def picture_name(exported: dict[str, bytes]) -> str:
    return next(name for name in exported if name not in ("set.json", "frames.png"))


def test_a_set_of_other_classes_is_refused(exported):
    refused(packed(changed(exported, classes=["cat", "dog"])), "not of a set for these classes")


@pytest.mark.parametrize("text", [b"", b"[]", b'{"entries": 3}', b"[" * 100_000])
def test_a_list_that_cannot_be_read_is_refused(exported, text):
    refused(packed(exported | {"set.json": text}), r"set\.json")


@pytest.mark.parametrize("row", ["text", {"label": "cat"}, {"label": 7}, {}])
def test_entries_that_are_no_drawings_are_refused(exported, row):
    entries = json.loads(exported["set.json"])["entries"]
    hostile = changed(exported, entries=entries | {"0" * 16: row})
    refused(packed(hostile), "is not a drawing with one of the labels")
    hostile = changed(exported, entries=entries | {"../../x": {"label": "1"}})
    refused(packed(hostile), "is not a drawing")


def test_an_image_that_was_exchanged_is_refused(exported):
    frames = picture.to_png(np.zeros((3, 1, 28, 28), np.uint8))
    refused(packed(exported | {"frames.png": frames}), "is not the drawing that")


def test_too_few_images_are_refused(exported):
    frames = picture.to_png(np.zeros((2, 1, 28, 28), np.uint8))
    refused(packed(exported | {"frames.png": frames}), "holds 2 images, set.json names 3")


def test_a_missing_picture_and_a_text_called_picture_are_refused(exported):
    """Case 27."""
    name = picture_name(exported)
    refused(packed({key: exported[key] for key in exported if key != name}), f"it lacks {name}")
    refused(packed(exported | {name: b"no picture"}), f"{name}: not an image")


def test_pictures_are_written_anew(exported):
    """A picture that carries more than pixels does not bring it along."""
    buffer, name = io.BytesIO(), picture_name(exported)
    Image.new("RGB", (2000, 10)).save(buffer, "JPEG", comment=b"more than pixels")
    personal_zip.take_in(KIND, packed(exported | {name: buffer.getvalue()}))
    kept = (KIND.folder / name).read_bytes()
    assert kept.startswith(b"\x89PNG")
    assert b"more than pixels" not in kept
