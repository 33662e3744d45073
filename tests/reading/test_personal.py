"""The personal set: kept, listed, held out by the image alone, removed; off where it is off."""

import json
import stat
import time

import numpy as np
import pytest
from PIL import Image

from core.data.sources import DIGIT_NAMES
from core.reading import personal
from core.runs import files, store
from tests.helpers.drawings import KIND, drawing, keep


def test_a_drawing_is_kept_with_its_label_and_what_was_read(artifacts):
    entry = keep(1)
    assert personal.entries(KIND) == (entry,)
    assert (entry.label, entry.answered, entry.confidence, entry.run) == (7, "1", 0.61, "some-run")
    assert entry.time[-6:] == "+00:00"
    assert (personal.frames(KIND, [entry])[0] == drawing(1)).all()
    kept = json.loads((KIND.folder / "set.json").read_text())
    assert kept["classes"] == list(DIGIT_NAMES)
    assert kept["entries"][entry.id]["label"] == "7"


def test_the_newest_is_listed_first(artifacts):
    kept = [keep(number).id for number in range(4)]
    assert [entry.id for entry in personal.entries(KIND)] == kept[::-1]


def test_the_same_drawing_again_takes_the_new_label_and_is_not_there_twice(artifacts):
    keep(1, "7")
    keep(1, "1")
    assert [entry.label for entry in personal.entries(KIND)] == [1]


def test_a_large_picture_is_cut_to_720_pixels(artifacts):
    frame = drawing(1)
    entry = personal.add(KIND, Image.new("RGB", (3000, 1500), "white"), frame, "0")
    with Image.open(KIND.folder / f"{entry.id}.png") as kept:
        assert kept.size == (720, 360)


def test_what_came_with_a_photo_is_not_kept(artifacts):
    photo = Image.new("RGB", (50, 50))
    photo.info["exif"] = b"Exif\0\0 where it was taken"
    photo.info["comment"] = "where it was taken"
    entry = personal.add(KIND, photo, drawing(1), "0")
    assert b"where it was taken" not in personal.picture(KIND, entry)


def test_colour_frames_come_back_as_they_were(artifacts):
    kind = personal.Kind(("cat", "dog"), (3, 32, 20), False)
    frame = np.random.default_rng(0).integers(0, 256, kind.shape, dtype=np.uint8)
    entry = personal.add(kind, Image.new("RGB", (5, 5)), frame, "dog")
    assert (personal.frames(kind, [entry])[0] == frame).all()


def test_kinds_differ_by_classes_shape_and_preparation(tiny):
    assert personal.kind_of(tiny) == KIND
    others = [
        personal.Kind(DIGIT_NAMES, (1, 28, 28), False),
        personal.Kind(DIGIT_NAMES, (1, 32, 32), True),
        personal.Kind(DIGIT_NAMES[::-1], (1, 28, 28), True),
    ]
    assert len({kind.key for kind in (KIND, *others)}) == 4
    assert all(personal.ID.fullmatch(kind.key.rsplit("-")[-1] * 2) for kind in others)
    assert [run.id for run in personal.readers(KIND)] == [tiny.id]
    assert personal.readers(others[0]) == []


def test_the_set_is_no_run(tiny):
    keep(1)
    assert [run.id for run in store.list_runs()] == [tiny.id]
    with pytest.raises(store.RunNotFound):
        store.load("personal")


def test_a_third_is_held_out_by_the_image_alone(artifacts):
    ids = [personal.identify(drawing(number)) for number in range(900)]
    held = [personal.Entry(key, 0, "").held_out for key in ids]
    assert 250 < sum(held) < 350
    assert held == [personal.Entry(key, 5, "later", "3").held_out for key in ids]


def test_a_removed_drawing_leaves_nothing_behind(artifacts):
    gone, stays = keep(1), keep(2)
    personal.remove(KIND, gone.id)
    assert personal.entries(KIND) == (stays,)
    assert not list(KIND.folder.glob(f"{gone.id}*"))
    with pytest.raises(personal.NotKept, match="no longer there"):
        personal.remove(KIND, gone.id)


@pytest.mark.parametrize("key", ["../../victim", "set", "", "0" * 17])
def test_removing_touches_no_file_outside_the_set(artifacts, key):
    """Case 39."""
    keep(1)
    victim = artifacts / "victim.png"
    victim.write_text("still here")
    with pytest.raises(personal.NotKept):
        personal.remove(KIND, key)
    assert victim.exists()
    assert personal.count(KIND) == 1


def test_the_digest_changes_with_a_label_and_not_with_the_order(artifacts):
    kept = [keep(1), keep(2)]
    before = personal.digest(kept)
    assert personal.digest(kept[::-1]) == before
    assert personal.digest([kept[0], keep(2, "3")]) != before


def test_a_label_that_is_no_class_and_an_image_of_another_size_are_refused(artifacts):
    with pytest.raises(personal.NotKept, match="label: 'cat' is none of 0, 1"):
        keep(1, "cat")
    with pytest.raises(personal.NotKept, match="this set holds"):
        personal.add(KIND, Image.new("L", (9, 9)), np.zeros((1, 8, 8), np.uint8), "0")
    assert not (artifacts / "personal").exists()


def test_a_full_set_says_what_to_do(artifacts, monkeypatch):
    monkeypatch.setattr(personal, "MAX_DRAWINGS", 2)
    keep(1)
    keep(2)
    with pytest.raises(personal.NotKept, match="takes at most 2: export it"):
        keep(3)
    keep(2, "5")  # one that is there may be corrected


def test_the_hosted_profile_keeps_nothing_unless_it_is_told_to(artifacts, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    with pytest.raises(personal.NotKept, match="switched off on this installation"):
        keep(1)
    monkeypatch.setenv("LIGHTBOX_PERSONAL", "on")
    keep(1)
    monkeypatch.setenv("LIGHTBOX_PERSONAL", "off")
    monkeypatch.delenv("LIGHTBOX_PROFILE")
    with pytest.raises(personal.NotKept, match="LIGHTBOX_PERSONAL"):
        personal.remove(KIND, "0" * 16)


def test_a_folder_that_cannot_be_written_says_so_and_still_lists(artifacts, monkeypatch):
    """Case 14."""
    keep(1)
    with monkeypatch.context() as patch:
        patch.setattr(personal.limits.os, "access", lambda *_: False)
        with pytest.raises(personal.NotKept, match="cannot be written: drawings are not kept"):
            keep(2)
    (KIND.folder / "set.json").chmod(stat.S_IRUSR)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(personal.NotKept, match="No space left"):
        keep(2)
    assert personal.count(KIND) == 1


def test_garbage_in_the_file_is_passed_over_and_a_torn_file_is_named(artifacts):
    """Cases 16 and 17."""
    entry = keep(1)
    path = KIND.folder / "set.json"
    whole = json.loads(path.read_text())
    whole["entries"] |= {
        "../../etc": {"label": "1"},
        "0" * 16: {"label": "cat"},
        "1" * 16: "text",
        "2" * 16: {"label": ["1"]},
        "3" * 16: {"label": "3", "confidence": "high", "answered": 5, "time": None, "run": True},
    }
    path.write_text(json.dumps(whole))
    found = personal.entries(KIND)
    assert {each.id for each in found} == {entry.id, "3" * 16}
    odd = next(each for each in found if each.id == "3" * 16)
    assert (odd.answered, odd.confidence, odd.run) == (None, None, None)
    path.write_text('{"entries": ')
    with pytest.raises(files.BrokenRun, match=r"set\.json cannot be read"):
        personal.entries(KIND)


def test_a_lost_image_is_named_with_the_way_out(artifacts):
    entry = keep(77)
    (KIND.folder / f"{entry.id}.frame.png").unlink()
    with pytest.raises(files.BrokenRun, match="remove this drawing from the set"):
        personal.frames(KIND, [entry])
    personal.remove(KIND, entry.id)


def test_thousands_are_listed_fast(artifacts):
    """Case 21: what a page reads at every rerun; generous, for a machine that does other work."""
    rows = {f"{number:016x}": {"label": "4", "time": str(number)} for number in range(5000)}
    KIND.folder.mkdir(parents=True)
    (KIND.folder / "set.json").write_text(json.dumps(personal.describe(KIND) | {"entries": rows}))
    start = time.process_time()
    assert personal.count(KIND) == 5000
    assert time.process_time() - start < 1
    start = time.process_time()
    assert personal.count(KIND) == 5000
    assert time.process_time() - start < 0.05


def test_strangers_who_share_a_set_add_to_it_but_change_nothing(artifacts, monkeypatch):
    kept = keep(1, "7")
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    monkeypatch.setenv("LIGHTBOX_PERSONAL", "on")
    with pytest.raises(personal.NotKept, match="hosted installation: drawings kept here stay"):
        personal.remove(KIND, kept.id)
    with pytest.raises(personal.NotKept, match="is kept already and stays as it is"):
        keep(1, "1")
    keep(2, "3")
    assert {entry.label for entry in personal.entries(KIND)} == {7, 3}
