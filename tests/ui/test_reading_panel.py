"""The sentence under an answer says what was done to the picture, a doubt says why."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis import ood
from core.reading import preprocessing, reader
from tests.helpers.pages import texts
from ui import loaders, reading_panel

IMAGE = np.zeros((1, 28, 28), np.uint8)


def answer(label: str, stages: tuple[str, ...], steps: tuple[str, ...] = ()) -> reader.Answer:
    drawn = tuple((name, IMAGE[0]) for name in stages)
    probs = np.eye(10, dtype=np.float32)[int(label)]
    prepared = preprocessing.Prepared(IMAGE, drawn, steps)
    return reader.Answer(tuple("0123456789"), probs, prepared)


@pytest.mark.parametrize(
    ("stages", "steps", "plainly", "sentence"),
    [
        (("as given",), (), "1", "It was taken as it is."),
        (("as given", "cropped"), (), "1", "It was only cropped and centred."),
        (
            ("as given", "cropped"),
            ("specks were removed",),
            "8",
            "Specks were removed. Without that the model says 8.",
        ),
    ],
)
def test_it_never_says_untouched_of_a_picture_that_was_cropped(stages, steps, plainly, sentence):
    assert reading_panel.what_was_done(answer("1", stages, steps), plainly) == sentence


def page():
    """One drawing, or a number, as the reader that stands in for a run's answers it."""
    import streamlit as st
    from PIL import Image

    from ui import reading_panel

    show = reading_panel.number if st.session_state["number"] else reading_panel.answer
    show(None, Image.new("L", (60, 30), 255))


class StandIn:
    """Answers as a run would that doubts what it reads."""

    def read(self, image):
        return replace(answer("7", ("as given",)), unlike="it has 3 loops")

    def read_number(self, image):
        digits = [
            reader.Digit(label, 0.99, IMAGE[0, 0], (0, 0, 9, 9), IMAGE[0], unlike)
            for label, unlike in (("4", ""), ("7", "it has 3 loops"))
        ]
        return reader.NumberAnswer(tuple("0123456789"), (tuple(digits),), (), ())

    def plainly(self, pictures):
        return np.eye(10, dtype=np.float32)[[7] * len(pictures)]


@pytest.mark.parametrize("number", [False, True])
def test_a_doubt_is_told_of_one_drawing_and_of_the_digits_of_a_number(number, monkeypatch):
    monkeypatch.setattr(loaders, "reader", lambda run: StandIn())
    at = AppTest.from_function(page, default_timeout=30)
    at.session_state["number"] = number
    at.run()
    assert not at.exception
    assert at.metric[0].value == ("47" if number else "Not sure")
    reason = "digit 2: it has 3 loops" if number else "it has 3 loops. If it must be"
    assert f"Perhaps nothing it learned to read: {reason}" in texts(at).replace("\\", "")
    if number:
        captions = [image.caption for image in at.get("image")[-1].proto.imgs]
        assert captions == ["**4** 99 %", "**7?** 99 %"]


@pytest.mark.usefixtures("fresh_caches")
def test_a_reader_learns_of_class_means_that_are_made_later(tiny):
    assert loaders.reader(tiny).means is None
    width = loaders.reader(tiny).model[-1].in_features
    ood.write(tiny, ood.ClassMeans(np.zeros((10, width), np.float32), np.eye(width), 1.0))
    assert loaders.reader(tiny).means is not None
