"""The sentence under an answer says what was done to the picture."""

import numpy as np
import pytest

from core.reading import preprocessing, reader
from ui import reading_panel

IMAGE = np.zeros((1, 28, 28), np.uint8)


def answer(label: str, stages: tuple[str, ...], steps: tuple[str, ...] = ()) -> reader.Answer:
    drawn = tuple((name, IMAGE[0]) for name in stages)
    probs = np.eye(10, dtype=np.float32)[int(label)]
    prepared = preprocessing.Prepared(IMAGE, drawn, IMAGE[None], steps)
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
