"""Notes on test images: kept by data set, read safely, handed out as a table."""

import csv
import io
import json
import threading
from datetime import datetime

import numpy as np
import pytest

from core.runs import files, limits, store, tags

DIGEST, OTHER = "a" * 64, "b" * 64


def test_a_tag_is_kept_for_its_test_set_with_its_time(artifacts):
    assert tags.read(DIGEST) == {}
    tags.write(DIGEST, 3, "ambiguous")
    tags.write(DIGEST, 12, "bad label")
    found = tags.read(DIGEST)
    assert {index: entry["tag"] for index, entry in found.items()} == {
        3: "ambiguous",
        12: "bad label",
    }
    assert datetime.fromisoformat(found[3]["time"]).tzinfo
    assert tags.read(OTHER) == {}
    tags.write(OTHER, 3, "mine")
    assert tags.read(DIGEST)[3]["tag"] == "ambiguous"


def test_a_tag_is_replaced_and_removed(artifacts):
    tags.write(DIGEST, 3, "ambiguous")
    tags.write(DIGEST, 3, "  bad \n label ")
    assert tags.read(DIGEST)[3]["tag"] == "bad label"
    tags.write(DIGEST, 3, "   ")
    assert tags.read(DIGEST) == {}
    tags.write(DIGEST, 4, "")


def test_a_tag_may_be_so_long_and_no_longer(artifacts):
    tags.write(DIGEST, 1, "x" * tags.LONGEST)
    with pytest.raises(ValueError, match=r"81 characters are too many; at most 80"):
        tags.write(DIGEST, 1, "y" * (tags.LONGEST + 1))
    assert tags.read(DIGEST)[1]["tag"] == "x" * tags.LONGEST


def test_many_writers_at_once_lose_nothing(artifacts):
    writers = [
        threading.Thread(target=tags.write, args=(DIGEST, index, f"tag {index}"))
        for index in range(12)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(tags.read(DIGEST)) == list(range(12))


def test_a_file_that_cannot_be_read_is_named_and_not_overwritten(artifacts):
    (artifacts / tags.NAME).write_text("{")
    with pytest.raises(files.BrokenRun, match=r"tags\.json cannot be read"):
        tags.read(DIGEST)
    with pytest.raises(files.BrokenRun, match=r"tags\.json cannot be read"):
        tags.write(DIGEST, 1, "x")
    assert (artifacts / tags.NAME).read_text() == "{"


def test_entries_that_are_no_tags_are_passed_over(artifacts):
    odd = {
        "3": {"tag": "good", "time": "2026-01-01"},
        "4": "text",
        "5": {"tag": 7},
        "6": {"tag": "no time"},
        "x": {"tag": "y"},
        "²": {"tag": "y"},
        "-1": {"tag": "y"},
    }
    (artifacts / tags.NAME).write_text(json.dumps({DIGEST: odd, OTHER: [1, 2]}))
    found = tags.read(DIGEST)
    assert {index: entry["tag"] for index, entry in found.items()} == {3: "good", 6: "no time"}
    assert tags.read(OTHER) == {}
    assert len(tags.table(DIGEST, np.arange(10), [*"abcdefghij"]).splitlines()) == 3
    tags.write(OTHER, 1, "now")
    assert tags.read(OTHER)[1]["tag"] == "now"
    assert json.loads((artifacts / tags.NAME).read_text())[DIGEST] == odd


def test_the_table_has_a_line_a_tag_in_the_order_of_images(artifacts):
    tags.write(DIGEST, 7, 'with, comma and "quotes"')
    tags.write(DIGEST, 2, "ambiguous")
    tags.write(DIGEST, 99, "beyond the test set")
    labels = np.arange(10) % 2
    rows = [*csv.reader(io.StringIO(tags.table(DIGEST, labels, ["even", "odd"])))]
    assert rows[0] == ["index", "label", "tag", "time"]
    assert [row[:3] for row in rows[1:]] == [
        ["2", "even", "ambiguous"],
        ["7", "odd", 'with, comma and "quotes"'],
    ]
    assert tags.table(OTHER, labels, ["even", "odd"]) == "index,label,tag,time\n"


@pytest.mark.parametrize("sign", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_formula_is_text_in_a_spreadsheet(artifacts, sign):
    tags.write(DIGEST, 0, sign)
    row = [*csv.reader(io.StringIO(tags.table(DIGEST, np.array([0]), ["=cmd"])))][1]
    assert row[1:3] == ["'=cmd", f"'{sign}"]


def test_on_a_hosted_installation_nobody_tags(artifacts, monkeypatch):
    tags.write(DIGEST, 3, "ambiguous")
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    for tag in ("graffiti", ""):
        with pytest.raises(limits.Refused, match="hosted installation"):
            tags.write(DIGEST, 3, tag)
    assert tags.read(DIGEST)[3]["tag"] == "ambiguous"


def test_names_and_notes_leave_the_record_untouched(tiny):
    before = (tiny.folder / store.INFO).read_bytes()
    tags.annotate(tiny.id, name="  Best one  ", note="x" * 9000)
    tags.annotate(tiny.id, note="short")
    run = store.load(tiny.id)
    assert run.title == "Best one"
    assert run.notes["note"] == "short"
    assert (tiny.folder / store.INFO).read_bytes() == before
