"""Reading pictures with a run."""

import numpy as np
import pytest
from PIL import Image

from core import data, ink, reader, runs


def test_test_images_are_read_as_in_the_stored_predictions(tiny):
    images, _, _ = data.load_test("digits")
    stored = tiny.predictions()["probs"].argmax(1)
    read = reader.open_run(tiny.id)
    for index in range(20):
        answer = read.read(Image.fromarray(images[index, 0]))
        assert answer.label == str(stored[index])
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert answer.confidence == max(answer.probabilities.values())


def test_an_empty_picture_is_not_read(tiny):
    """Case 29."""
    with pytest.raises(ink.EmptyDrawing):
        reader.open_run(tiny.id).read(Image.new("L", (300, 300), 255))


def test_an_unknown_run_is_said_to_be_unknown(artifacts):
    with pytest.raises(runs.RunNotFound):
        reader.open_run("nobody")


def test_the_network_is_frozen_and_in_evaluation_mode(tiny):
    """Case 37."""
    model = reader.open_run(tiny.id).model
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    reader.open_run(tiny.id).read(Image.fromarray(np.eye(50, dtype=np.uint8) * 255))
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
