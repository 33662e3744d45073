"""Strings are cut where a classifier finds whole digits; here it knows bars and rings."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.reading import digit_strings, preprocessing
from core.reading.picture import EmptyDrawing
from tests.helpers import one_path


def score(images: np.ndarray) -> np.ndarray:
    """A classifier of two shapes: 0 for a ring, 1 for a narrow bar; unsure of all else."""
    probs = np.full((len(images), 10), 0.02, np.float32)
    for row, image in zip(probs, images, strict=True):
        columns = np.flatnonzero((image > 100).any(0))
        if not len(columns):
            continue
        wide = np.ptp(columns) + 1
        hollow = image[11:17, 12:16].mean() < 60
        if wide <= 8:
            row[1] = 0.98
        elif wide >= 11 and hollow and image[14, columns[0]] > 60 < image[14, columns[-1]]:
            row[0] = 0.98
        else:
            row[2] = 0.3
    return probs / probs.sum(1, keepdims=True)


def written(text: str, gap: int = 25) -> Image.Image:
    image = Image.new("L", (900, 130 * (text.count("/") + 1)), 255)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(text.split("/")):
        x, y = 40, 130 * row + 20
        for letter in line:
            if letter == "1":
                draw.line([(x + 5, y), (x + 5, y + 90)], 0, 10)
                x += 10 + gap
            else:
                draw.ellipse((x, y, x + 64, y + 90), outline=0, width=10)
                x += 64 + gap
    return image


def text(image: Image.Image) -> str:
    lines = digit_strings.read(preprocessing.clean(image, digit_strings.SIDE), (28, 28), score)
    return "/".join("".join(str(found.probs.argmax()) for found in line) for line in lines)


@pytest.mark.parametrize("string", ["0", "1", "10", "0110", "0101001", "01/10", "00/11/01"])
def test_strings_are_read_in_order(string):
    assert text(written(string)) == string


@pytest.mark.parametrize("gap", [-2, -6])
def test_digits_that_touch_are_parted(gap):
    image = written("00", gap)
    page = preprocessing.clean(image, digit_strings.SIDE)
    from scipy import ndimage

    assert ndimage.label(page.mask)[1] == 1
    assert text(image) == "00"


def test_places_are_those_on_the_page():
    found = digit_strings.read(
        preprocessing.clean(written("01"), digit_strings.SIDE), (28, 28), score
    )[0]
    rows, columns = found[0].place
    assert (columns.start, columns.stop) == pytest.approx((40, 105), abs=2)
    assert (rows.start, rows.stop) == pytest.approx((20, 111), abs=2)


def test_a_light_number_on_black_is_the_same():
    inverted = Image.fromarray(255 - np.asarray(written("0110")))
    assert text(inverted) == "0110"


def test_the_evidence_has_a_weight_each():
    page = preprocessing.clean(written("01"), digit_strings.SIDE)
    for line in digit_strings.candidates(page, (28, 28), score):
        for candidate in line:
            assert candidate.evidence.shape == digit_strings.WEIGHTS.shape
            assert candidate.image.shape == (28, 28)
            assert candidate.probs.shape == (10,)
            rows, columns = candidate.place
            assert candidate.mask.shape == (rows.stop - rows.start, columns.stop - columns.start)


def test_slanted_digits_whose_columns_overlap_are_two():
    image = Image.new("L", (300, 140), 255)
    for left in (60, 100, 140):
        ImageDraw.Draw(image).line([(left + 50, 20), (left, 120)], 0, 10)
    found = digit_strings.read(preprocessing.clean(image, digit_strings.SIDE), (28, 28), slanted)
    assert len(found[0]) == 3


def slanted(images: np.ndarray) -> np.ndarray:
    """Sure of a 1 where each row holds one short stroke, and of nothing else."""
    probs = np.full((len(images), 10), 0.1, np.float32)
    for row, image in zip(probs, images, strict=True):
        if (image > 100).sum(1).max() <= 7:
            row[:] = 0.01
            row[1] = 0.91
    return probs


def candidate(first: int, last: int, gain: float) -> digit_strings.Candidate:
    seen = np.zeros(len(digit_strings.WEIGHTS))
    seen[0] = gain / digit_strings.WEIGHTS[0]
    nothing = np.zeros((1, 1))
    return digit_strings.Candidate(
        first, last, (slice(0, 1),) * 2, nothing > 0, nothing, nothing, seen
    )


def test_the_best_way_may_leave_joints_out():
    found = [candidate(0, 1, 0.5), candidate(1, 2, 0.4), candidate(0, 2, 1.0)]
    assert [(c.first, c.last) for c in digit_strings.best(found)] == [(0, 2)]
    found[0] = candidate(0, 1, 0.7)
    assert [(c.first, c.last) for c in digit_strings.best(found)] == [(0, 1), (1, 2)]


def test_a_speck_between_two_digits_is_passed_over():
    found = [candidate(0, 1, 1.0), candidate(2, 3, 1.0)]
    assert [(c.first, c.last) for c in digit_strings.best(found)] == [(0, 1), (2, 3)]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    ("width", "height"), one_path([(30, 30), (1, 1), (4, 2), (7, 12), (22, 3), (60, 240)])
)
def test_whatever_the_picture_holds_it_is_read_or_called_empty(width, height):
    """Case 29."""
    size, read = (width, height), []
    for seed in range(40):
        rng = np.random.RandomState(seed)
        image = Image.new("L", size, int(rng.choice([0, 128, 255])))
        for _ in range(rng.randint(8)):
            ends = [tuple(rng.randint(-5, side + 5) for side in size) for _ in range(3)]
            ImageDraw.Draw(image).line(ends, int(rng.randint(256)), int(rng.randint(1, 12)))
        values = np.asarray(image) + rng.normal(0, rng.choice([0, 3, 60]), size[::-1])
        try:
            read.append(text(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))))
        except EmptyDrawing:
            read.append("")
    assert len(read) == 40
    assert all(set(line) <= set("0123456789/") for line in read)
