"""Reading pictures with a run."""

import numpy as np
import pytest
from PIL import Image

from core.data import datasets
from core.reading import reader
from core.reading.picture import EmptyDrawing
from core.runs import store
from tests.helpers import ROOT


def test_test_images_are_read_as_in_the_stored_predictions(digits):
    images, _, _ = datasets.load_test("digits")
    stored = digits.predictions()["probs"].argmax(1)
    read = reader.open_run(digits.id)
    for index in range(20):
        answer = read.read(Image.fromarray(images[index, 0]))
        assert answer.label == str(stored[index])
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert answer.confidence == max(answer.probabilities.values())


def test_an_empty_picture_is_not_read(tiny):
    """Case 29."""
    with pytest.raises(EmptyDrawing):
        reader.open_run(tiny.id).read(Image.new("L", (300, 300), 255))


def test_an_unknown_run_is_said_to_be_unknown(artifacts):
    with pytest.raises(store.RunNotFound):
        reader.open_run("nobody")


def test_the_network_is_frozen_and_in_evaluation_mode(tiny):
    """Case 37."""
    model = reader.open_run(tiny.id).model
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    reader.open_run(tiny.id).read(Image.fromarray(np.eye(50, dtype=np.uint8) * 255))
    assert all((value == before[name]).all() for name, value in model.state_dict().items())


def four(width: int = 16) -> Image.Image:
    from PIL import ImageDraw

    image = Image.new("L", (300, 300), 255)
    draw = ImageDraw.Draw(image)
    draw.line([(150, 40), (90, 170), (210, 170)], 0, width, joint="curve")
    draw.line([(180, 100), (180, 260)], 0, width)
    return image


def test_the_answer_is_the_mean_of_what_the_variants_say(tiny):
    read = reader.open_run(tiny.id)
    answer = read.read(four())
    assert np.allclose(answer.probs, read.score(answer.prepared.variants).mean(0))
    assert set(answer.as_json()) == {"label", "confidence", "probabilities"}


def test_a_number_has_a_box_and_a_confidence_for_each_digit(digits):
    wide = Image.new("L", (600, 600), 255)
    wide.paste(four(), (0, 0))
    wide.paste(four(), (300, 0))
    wide.paste(four(), (150, 300))
    answer = reader.open_run(digits.id).read_number(wide)
    assert [len(line) for line in answer.lines] == [2, 1]
    assert answer.text == "/".join("".join(d.label for d in line) for line in answer.lines)
    said = answer.as_json()
    assert said["confidence"] == pytest.approx(np.prod(said["confidences"]))
    assert len(said["boxes"]) == len(said["labels"]) == 3
    x, y, width, height = said["boxes"][1]
    assert (x, y, width, height) == pytest.approx((382, 33, 136, 227), abs=12)


def test_a_picture_without_a_number_has_no_made_up_one(tiny):
    """Case 29."""
    with pytest.raises(EmptyDrawing):
        reader.open_run(tiny.id).read_number(Image.new("L", (300, 300), 255))


def test_the_best_run_reads_digits_in_every_way_they_are_written(real_data, monkeypatch):
    from bench.reading import hands, pens, scenes

    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(ROOT / "artifacts"))
    best = next(run for run in store.list_runs() if run.info["recipe"] == "mnist-house")
    known, rng = reader.open_run(best.id), np.random.RandomState(0)
    right = {}
    for label in range(10):
        for name in ("tablet", "photo", "shadow", "ruled paper", "blackboard", "scan"):
            made = hands.PICTURES[name](pens.digit(label, rng, 120), rng)
            right[name] = right.get(name, 0) + (
                known.read(Image.fromarray(made)).label == str(label)
            )
    assert right["tablet"] == 10
    assert sum(right.values()) >= 57
    sheet, _ = scenes.string([pens.digit(d, rng, 90) for d in (2, 0, 2, 6)], rng, touching=False)
    assert known.read_number(Image.fromarray((255 * (1 - sheet)).astype(np.uint8))).text == "2026"
