"""The line's table: whole changes, looks that write nothing, and a table that is lost."""

import os
import sqlite3
import threading

import pytest

from core.runs import files, line, status, store

ROWS = [line.Row("first", visitor="10.0.0.1", threads=2), line.Row("second")]


@pytest.fixture
def root(tmp_path):
    with line.changing(tmp_path) as db:
        for row in ROWS:
            line.put(db, row)
    return tmp_path


def test_rows_come_back_in_the_order_in_which_they_came(root):
    """Case 43: no clock has a say."""
    assert line.rows(root) == ROWS
    assert line.find(root / "second") == ROWS[1]
    assert line.find(root / "third") is None
    assert line.find(root / "first", "neighbours") is None


def test_a_row_that_runs_goes_first_and_keeps_its_place_when_it_waits_again(root):
    for running, order in ((True, ["second", "first"]), (False, ["first", "second"])):
        with line.changing(root) as db:
            line.put(db, line.Row("second", running=running, deaths=1))
        assert [row.run for row in line.rows(root)] == order
    assert line.find(root / "second").deaths == 1


def test_a_change_that_fails_changes_nothing(root):
    def failing() -> None:
        with line.changing(root) as db:
            line.drop(db, "first")
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert line.rows(root) == ROWS


def test_changes_of_many_are_made_one_after_the_other(root):
    def add(number: int) -> None:
        with line.changing(root) as db:
            row = line.find(root / "first")
            line.put(db, line.Row("first", deaths=row.deaths + 1))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert line.find(root / "first").deaths == 20


def test_looking_is_not_held_up_by_a_change_and_writes_nothing(root):
    with line.changing(root) as db:
        line.drop(db, "first")
        assert line.rows(root) == ROWS
        before = {path.name: path.read_bytes() for path in root.glob(f"{line.NAME}*")}
        line.rows(root)
        assert {path.name: path.read_bytes() for path in root.glob(f"{line.NAME}*")} == before
    assert line.rows(root) == ROWS[1:]


def test_nobody_is_in_line_where_there_is_no_table(tmp_path):
    assert line.rows(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    (tmp_path / line.NAME).write_bytes(b"no table " * 1000)
    assert line.rows(tmp_path) == []


def requested(root, name: str, moment: int, **values) -> None:
    folder = root / name
    folder.mkdir()
    files.write_json(folder / store.REQUEST, {"line": True, "visitor": None, **values})
    os.utime(folder / store.REQUEST, (moment, moment))


@pytest.mark.parametrize("loss", ["gone", "garbage", "replaced"])
def test_a_lost_table_is_made_again_from_the_folders(root, loss):
    """Case 58: what came to an end, and what its own command trains, stays out."""
    line.rows(root)  # whoever has looked before sees the new one
    requested(root, "younger", 20, threads=1, visitor="10.0.0.9")
    requested(root, "older", 10)
    for name in ("stopped", "failed", "own"):
        requested(root, name, 5, line=name != "own")
    (root / "stopped" / status.STOP).touch()
    (root / "failed" / status.FAILURE).touch()
    for path in root.glob(f"{line.NAME}*"):
        path.unlink()
    if loss == "garbage":
        (root / line.NAME).write_bytes(b"no table " * 1000)
    if loss == "replaced":
        sqlite3.connect(root / line.NAME).execute("CREATE TABLE other (column)").close()
    with line.changing(root):
        pass
    assert line.rows(root) == [
        line.Row("older"),
        line.Row("younger", visitor="10.0.0.9", threads=1),
    ]
