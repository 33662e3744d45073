"""Distances to the classes' means against SciPy, a limit that holds, and files that do not fit;
loops and islands of drawings that were made by hand for it, and of real digits.
"""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.spatial.distance import mahalanobis

from core.analysis import neighbours, ood, scoring
from core.data import datasets
from core.runs import files
from tests.helpers import one_path


@pytest.fixture
def points():
    rng = np.random.RandomState(5)
    labels = np.arange(600) % 3
    spread = np.array([1.0, 3.0, 0.2, 1.0])
    features = rng.normal(0, 1, (600, 4)) * spread + labels[:, None] * 8
    return features.astype(np.float32), labels


def test_distances_are_mahalanobis_to_the_nearest_class(points):
    features, labels = points
    found = ood.fit(features[:500], labels[:500], features[500:], 3)
    means = np.stack([features[:500][labels[:500] == k].mean(0) for k in range(3)])
    apart = (features[:500] - means[labels[:500]]).astype(float)
    covariance = apart.T @ apart / 500
    covariance += ood.RIDGE * np.trace(covariance) / 4 * np.eye(4)
    inverse = np.linalg.inv(covariance)
    expected = [min(mahalanobis(row, mean, inverse) for mean in means) for row in features[500:520]]
    assert found.distances(features[500:520]) == pytest.approx(expected, rel=5e-3)


def test_ninety_nine_of_a_hundred_held_out_images_are_no_strangers(points):
    features, labels = points
    found = ood.fit(features[:300], labels[:300], features[300:], 3)
    assert (found.ood_score(features[300:]) <= 1).mean() == pytest.approx(0.99, abs=0.005)
    assert found.ood_score(np.full((1, 4), -40.0))[0] > 2


def test_a_class_without_images_does_no_harm(points):
    features, labels = points
    found = ood.fit(features, labels, features[:0], 5)
    assert np.isfinite(found.distances(features)).all()


def test_class_means_are_read_back_for_these_weights_only(tiny, points):
    features, labels = points
    found = ood.fit(features, labels, features, 10)
    assert ood.read(tiny) is None
    ood.write(tiny, found)
    again = ood.read(tiny)
    assert again.distances(features) == pytest.approx(found.distances(features), rel=1e-6)
    path = tiny.folder / ood.NAME
    stored = files.read_arrays(path)
    files.write_arrays(path, **{**stored, "weights_sha256": np.array("0" * 64)})
    assert ood.read(tiny) is None
    path.write_bytes(b"no arrays")
    assert ood.read(tiny) is None


def drawing(*shapes) -> np.ndarray:
    """A drawing on 28x28 from (kind, box) shapes in the units of a 280x280 canvas."""
    image = Image.new("L", (280, 280))
    draw = ImageDraw.Draw(image)
    for kind, box in shapes:
        if kind == "ring":
            draw.ellipse(box, outline=255, width=24)
        elif kind == "dot":
            draw.ellipse(box, fill=255)
        else:
            draw.line(box, fill=255, width=24)
    return np.array(image.resize((28, 28), Image.Resampling.BOX))


ZERO = ("ring", (30, 20, 250, 260))
RINGS = [("ring", (90, 20 + 75 * k, 180, 110 + 75 * k)) for k in range(3)]
EYES = (("dot", (90, 100, 124, 134)), ("dot", (156, 100, 190, 134)))


def test_a_one_a_zero_and_an_eight_have_no_loop_one_and_two():
    assert ood.count_loops(drawing(("line", (140, 40, 140, 240)))) == (0, 0)
    assert ood.count_loops(drawing(ZERO)) == (1, 0)
    eight = drawing(("ring", (80, 30, 200, 145)), ("ring", (70, 125, 210, 250)))
    assert ood.count_loops(eight) == (2, 0)
    assert not ood.why_no_digit(eight)


def test_a_face_has_marks_inside_a_loop():
    face = drawing(ZERO, *EYES)
    assert ood.count_loops(face) == (1, 2)
    assert "alone inside a loop" in ood.why_no_digit(face)


def test_three_loops_are_one_too_many():
    three = drawing(*RINGS)
    assert ood.count_loops(three) == (3, 0)
    assert "3 loops" in ood.why_no_digit(three)


def test_specks_and_what_stands_outside_do_not_count():
    beside = drawing(("ring", (20, 60, 140, 220)), ("dot", (200, 120, 240, 160)))
    assert ood.count_loops(beside) == (1, 0)
    speck = drawing(ZERO)
    speck[14, 14] = 255
    assert ood.count_loops(speck)[1] == 0


def test_nothing_has_neither():
    assert ood.count_loops(np.zeros((28, 28), np.uint8)) == (0, 0)


@pytest.mark.parametrize("name", one_path(["digits", "mnist"]))
def test_few_held_out_digits_are_called_odd(name, request):
    if name == "mnist":
        request.getfixturevalue("real_data")
    _, validation = datasets.load(name).holdout()
    odd = [bool(ood.why_no_digit(image)) for image in validation.images.numpy()[:, 0]]
    assert np.mean(odd) <= 0.002


def test_the_words_say_how_many_of_mnists_digits_a_rule_calls_odd(real_data):
    parts = datasets.load_test("mnist")[0], datasets.load_train("mnist")[0]
    found = np.array([ood.count_loops(image[0]) for part in parts for image in part])
    assert len(found) == 70_000
    islands, more = (found[:, 1] > 0).mean(), (found[:, 0] > ood.MOST_LOOPS).mean()
    face, three = ood.why_no_digit(drawing(ZERO, *EYES)), ood.why_no_digit(drawing(*RINGS))
    assert face.endswith(f"as in {1e4 * islands:.0f} of 10,000 of MNIST's digits")
    assert f"; {1e4 * more:.0f} of 10,000 of MNIST's digits" in three


@pytest.mark.parametrize("recipe", ["mnist-house", "fashion-house"])
def test_about_one_of_a_hundred_test_images_lies_far(shipped, recipe, real_data):
    """As the words say; the limit is of the validation images."""
    run = shipped[recipe]
    images, _, _ = datasets.load_test(run.info["dataset"])
    features = neighbours.features(run, scoring.load_model(run), images)
    far = [ood.why_far(score) for score in ood.read(run).ood_score(features)]
    assert round(100 * np.mean([bool(words) for words in far])) == 1
    assert {words[-30:] for words in far if words} == {"as about 1 of 100 of them does"}
