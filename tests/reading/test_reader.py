"""Reading pictures with a run."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.analysis import ood
from core.data import datasets, sources
from core.reading import reader
from core.reading.picture import EmptyDrawing
from core.runs import store
from tests.helpers import ROOT
from tests.helpers.runs import second_run


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
    image = Image.new("L", (300, 300), 255)
    draw = ImageDraw.Draw(image)
    draw.line([(150, 40), (90, 170), (210, 170)], 0, width, joint="curve")
    draw.line([(180, 100), (180, 260)], 0, width)
    return image


def test_the_answer_is_what_the_network_says_of_the_image_that_is_shown(tiny):
    read = reader.open_run(tiny.id)
    answer = read.read(four())
    assert np.allclose(answer.probs, read.score(answer.prepared.image[None])[0])
    assert set(answer.as_json()) == {"label", "confidence", "probabilities", "unlike"}


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


def known_means(run: store.Run, limit: float) -> None:
    """Class means in the middle of the run's last layer, beyond whose limit all or nothing lies."""
    width = reader.open_run(run.id).model[-1].in_features
    ood.write(run, ood.ClassMeans(np.zeros((10, width), np.float32), np.eye(width), limit))


def test_what_lies_far_from_every_class_is_doubted_with_the_rate_of_false_alarms(tiny):
    assert reader.open_run(tiny.id).read(four()).as_json()["unlike"] is None  # nothing is known
    known_means(tiny, 1e6)
    assert reader.open_run(tiny.id).read(four()).unlike == ""
    known_means(tiny, 1e-6)
    answer = reader.open_run(tiny.id).read(four())
    assert answer.unlike.startswith("it lies farther from every class than 99 of 100 images")
    assert answer.unlike.endswith("as about 1 of 100 of them does")
    assert answer.as_json()["unlike"] == answer.unlike


def three_rings() -> Image.Image:
    image = Image.new("L", (300, 300), 255)
    for top in (20, 100, 180):
        ImageDraw.Draw(image).ellipse((100, top, 200, top + 100), outline=0, width=18)
    return image


def kuzushiji(run: store.Run) -> reader.Reader:
    classes = list(sources.DATASETS["kmnist"].classes)
    return reader.open_run(second_run(run, dataset="kmnist", classes=classes).id)


def test_kuzushiji_are_not_judged_by_the_loops_of_digits(tiny):
    assert "3 loops" in reader.open_run(tiny.id).read(three_rings()).unlike
    assert kuzushiji(tiny).read(three_rings()).unlike == ""


def test_numbers_are_read_only_by_runs_on_digits(tiny):
    with pytest.raises(ValueError, match="reads no numbers: kmnist is no digit set"):
        kuzushiji(tiny).read_number(four())


def test_each_digit_of_a_number_is_asked_in_one_pass(digits, monkeypatch):
    wide = Image.new("L", (1200, 300), 255)
    for place in range(4):
        wide.paste(four(), (300 * place, 0))
    asked = []

    def features(run, model, images):
        asked.append(images)
        return np.array([[0.0], [9.0], [1.0], [2.0]])

    monkeypatch.setattr("core.analysis.neighbours.features", features)
    known = reader.open_run(digits.id)
    means = ood.ClassMeans(np.zeros((10, 1), np.float32), np.ones((1, 1), np.float32), 1.0)
    answer = replace(known, means=means).read_number(wide)
    assert [images.shape for images in asked] == [(4, 1, *answer.digits[0].image.shape)]
    assert (asked[0][:, 0] == np.stack([digit.image for digit in answer.digits])).all()
    assert [bool(digit.unlike) for digit in answer.digits] == [False, True, False, True]
    why = answer.digits[1].unlike
    assert answer.unlike == f"digit 2, 4: {why}"
    assert answer.as_json()["unlike"] == [None, why, None, why]
