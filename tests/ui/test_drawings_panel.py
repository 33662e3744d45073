"""The panel of own drawings on a page of its own: keep, look, score, remove, train further."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.data import datasets
from core.figures import image_grid
from core.jobs import queue
from core.reading import personal
from core.reports import personal_zip
from core.runs import store
from tests.helpers.drawings import keep_training_images
from tests.helpers.pages import texts

pytestmark = pytest.mark.usefixtures("fresh_caches")


def page():
    """Reads the test image that the session names, as the Draw page would; none: nothing drawn."""
    import streamlit as st
    from PIL import Image

    from core.data import datasets
    from core.runs import store
    from ui import drawings_panel, loaders

    run = store.list_runs()[-1]
    answer = picture = None
    if (index := st.session_state.get("shown")) is not None:
        picture = Image.fromarray(datasets.load_train("digits")[0][index, 0])
        answer = loaders.reader(run).read(picture)
    drawings_panel.panel(run, answer, picture)


def opened(shown: int | None = None) -> AppTest:
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["shown"] = shown
    at.run()
    assert not at.exception
    return at


def choose(at: AppTest, label: str) -> AppTest:
    box = next(box for box in at.selectbox if box.label.startswith("Wrong?"))
    return box.select(label).run()


def test_a_wrong_answer_is_kept_with_what_it_is(tiny):
    kind = personal.kind_of(tiny)
    at = choose(opened(3), "9")
    at.button(key="personal_keep").click().run()
    assert not at.exception
    assert "Kept as 9: 1 drawings now" in at.success[0].value
    (entry,) = personal.entries(kind)
    assert kind.classes[entry.label] == "9"
    assert entry.answered in kind.classes
    assert entry.run == tiny.id
    assert (personal.frames(kind, [entry])[0] == datasets.load_train("digits")[0][3]).all()


def test_nothing_is_kept_before_a_class_is_chosen(tiny):
    at = opened(3)
    at.button(key="personal_keep").click().run()
    assert "Choose what it is first" in at.warning[0].value
    assert personal.count(personal.kind_of(tiny)) == 0


def test_with_nothing_drawn_there_is_nothing_to_correct(tiny):
    at = opened()
    assert not any(box.label.startswith("Wrong?") for box in at.selectbox)
    assert "None are kept yet" in texts(at)


def test_what_is_kept_is_shown_with_sign_and_text_and_can_be_removed(tiny):
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 5, answered="3")
    at = opened()
    assert "My drawings (5)" in [box.label for box in at.expander]
    figure = json.loads(at.get("plotly_chart")[0].proto.spec)
    shown = figure["data"][1]["text"]
    labels = [kind.classes[entry.label] for entry in personal.entries(kind)]
    assert shown == ["✓ 3" if label == "3" else f"✗ 3, is {label}" for label in labels]
    box = at.selectbox(key="personal_chosen")
    gone = personal.entries(kind)[1].id
    box.select(gone).run()
    at.button(key="personal_remove").click().run()
    assert not at.exception
    assert gone not in {entry.id for entry in personal.entries(kind)}
    assert personal.count(kind) == 4


def test_thousands_are_shown_a_page_at_a_time(tiny):
    keep_training_images(personal.kind_of(tiny), 40)
    at = opened()
    first = at.get("plotly_chart")[0].proto.spec
    at.number_input(key="personal_page").set_value(2).run()
    second = json.loads(at.get("plotly_chart")[0].proto.spec)
    assert len(second["data"][1]["text"]) == 10
    assert at.get("plotly_chart")[0].proto.spec != first


def test_runs_are_scored_and_the_table_says_on_how_many(tiny):
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 9)
    at = opened()
    at.button(key="personal_score").click().run()
    assert not at.exception
    table = at.dataframe[0].value
    assert table["Run"][0].startswith("Tiny")
    assert " of 9 (" in table["All drawings"][0]
    assert "95 % interval" in table["All drawings"][0]
    held = sum(entry.held_out for entry in personal.entries(kind))
    assert f"{held} of 9 drawings are held out" in texts(at)
    assert not any(button.key == "personal_score" for button in at.button)


def test_a_large_set_is_sent_to_the_command_line(tiny, monkeypatch):
    monkeypatch.setattr("core.reading.personal_scores.AT_ONCE", 3)
    keep_training_images(personal.kind_of(tiny), 4)
    at = opened()
    assert f"python -m core personal {tiny.id}" in texts(at)
    assert not any(button.key == "personal_score" for button in at.button)


def test_train_further_puts_a_run_in_line(tiny, monkeypatch):
    keep_training_images(personal.kind_of(tiny), 9)
    monkeypatch.setattr(queue, "keep_going", lambda: None)
    at = opened()
    at.button(key="personal_further").click().run()
    (queued,) = queue.active_runs()
    assert queued.info["start_from"]["run"] == tiny.id
    assert queued.title == "Tiny, with own drawings"


def test_without_drawings_to_train_on_the_reason_is_said(tiny, monkeypatch):
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 1)
    monkeypatch.setattr(personal, "HELD_OUT", 1)
    at = opened()
    at.button(key="personal_further").click().run()
    assert "none is there to train on" in at.error[0].value.replace("\\", "")
    assert queue.active_runs() == []


def test_the_hosted_profile_shows_nothing_of_it(tiny, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    at = opened(3)
    assert not at.button
    assert not at.expander


def test_a_read_only_folder_shows_what_is_kept_and_says_why_nothing_is_added(tiny, monkeypatch):
    """Case 14."""
    keep_training_images(personal.kind_of(tiny), 2)
    monkeypatch.setattr("core.runs.limits.os.access", lambda *_: False)
    at = opened(3)
    assert "cannot be written: drawings are not kept" in texts(at).replace("\\", "")
    assert {button.key for button in at.button} <= {"personal_export", "personal_further"}
    assert at.get("plotly_chart")


def test_a_zip_is_taken_in_from_the_page(tiny):
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 3)
    content = personal_zip.export(kind)
    for entry in personal.entries(kind)[:2]:
        personal.remove(kind, entry.id)
    at = opened()
    at.get("file_uploader")[0].upload("drawings.zip", content, "application/zip").run()
    at.button(key="personal_take_in").click().run()
    assert not at.exception
    assert personal.count(kind) == 3
    assert at.toast[0].value == "Taken in: 2 new drawings, 1 were here already"


def test_a_hostile_zip_is_refused_with_its_reason(tiny):
    """Case 30."""
    at = opened()
    at.get("file_uploader")[0].upload("x.zip", b"no zip", "application/zip").run()
    at.button(key="personal_take_in").click().run()
    assert "not a zip, or cut off" in at.error[0].value.replace("\\", "")
    assert np.array_equal([run.id for run in store.list_runs()], [tiny.id])


def test_an_unanswered_drawing_is_neither_right_nor_wrong(tiny):
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 3)
    at = opened()
    _, written = json.loads(at.get("plotly_chart")[0].proto.spec)["data"]
    labels = [kind.classes[entry.label] for entry in personal.entries(kind)]
    assert written["text"] == [f"{label}, unread" for label in labels]
    assert set(written["textfont"]["color"]) == {image_grid.NEUTRAL}
    assert all(
        "nothing was answered" in words for words in at.selectbox(key="personal_chosen").options
    )
