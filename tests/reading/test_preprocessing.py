"""Pictures of every kind become what a network knows, or are refused by name."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.reading import preprocessing
from core.reading.picture import EmptyDrawing

GRAY = (1, 28, 28)


def drawing(
    ground: int = 255, pen: int = 0, box=(60, 40, 100, 240), size=(300, 300)
) -> Image.Image:
    image = Image.new("L", size, ground)
    ImageDraw.Draw(image).rectangle(box, fill=pen)
    return image


@pytest.mark.parametrize(("ground", "pen"), [(255, 0), (0, 255), (200, 60), (30, 190)])
def test_polarity_is_found_not_assumed(ground, pen):
    final = preprocessing.prepare(drawing(ground, pen), GRAY, drawn=True).image
    assert final[0, 14, 14] > 230
    assert final[0, 0].max() == 0


@pytest.mark.parametrize("box", [(5, 5, 25, 105), (200, 150, 280, 290), (0, 100, 40, 299)])
def test_a_drawing_is_cropped_scaled_to_20_and_centred_by_mass(box):
    final = preprocessing.prepare(drawing(box=box), GRAY, drawn=True).image[0].astype(float)
    rows, columns = np.flatnonzero(final.any(1)), np.flatnonzero(final.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    middle = (final.sum(1) @ (np.arange(28) + 0.5), final.sum(0) @ (np.arange(28) + 0.5))
    assert np.array(middle) / final.sum() == pytest.approx([14.5, 14.5], abs=0.6)


def test_images_of_mnist_itself_are_not_moved(real_data):
    from core.data import datasets

    images, _, _ = datasets.load_test("mnist")
    for image in images[:100]:
        final = preprocessing.prepare(Image.fromarray(image[0]), GRAY, drawn=True).image
        assert np.abs(final.astype(int) - image).max() <= 255 - image.max() + 1


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 20, 40), (1, 28, 28)])
def test_other_sets_get_the_thing_on_the_picture_in_their_own_shape(shape):
    image = Image.new("RGB", (200, 100), (240, 240, 240))
    ImageDraw.Draw(image).rectangle((50, 20, 90, 80), fill=(200, 30, 30))
    prepared = preprocessing.prepare(image, shape, drawn=False)
    assert prepared.image.shape == shape
    assert prepared.image.dtype == np.uint8
    assert prepared.box == pytest.approx((50, 20, 41, 61), abs=4)
    assert prepared.sentence.startswith("The subject was cropped")


def test_every_stage_is_kept_for_showing():
    names = [name for name, _ in preprocessing.prepare(drawing(), GRAY, drawn=True).stages]
    assert names == ["as given", "even light", "ink", "cropped", "28x28"]


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (300, 300), 255),
        Image.new("L", (1, 1), 0),
        drawing(box=(150, 150, 153, 153)),
        drawing(box=(140, 140, 170, 170)),
    ],
)
def test_an_empty_picture_or_a_dot_gets_no_made_up_answer(image):
    """Case 29."""
    with pytest.raises(EmptyDrawing, match="draw something"):
        preprocessing.prepare(image, GRAY, drawn=True)


def test_a_stroke_off_the_edge_is_read():
    """Case 29."""
    final = preprocessing.prepare(drawing(box=(250, 0, 299, 299)), GRAY, drawn=True).image
    assert final.max() == 255


def seven(width: int, size=(300, 300), scale: float = 1.0) -> Image.Image:
    image = Image.new("L", size, 255)
    points = [(90, 70), (210, 70), (130, 240)]
    ImageDraw.Draw(image).line([(scale * x, scale * y) for x, y in points], 0, width, "curve")
    return image


@pytest.mark.parametrize("width", [3, 12, 40])
def test_every_pen_is_brought_to_a_width_that_the_set_has(width):
    prepared = preprocessing.prepare(seven(width), GRAY, drawn=True)
    across = prepared.image[0, 17].astype(float).sum() / 255  # the slanted stem
    assert 1.5 < across < 5
    assert ("thin strokes were thickened" in prepared.steps) == (width < 18)


def test_one_sentence_says_what_was_done_and_the_box_where_it_was():
    small = Image.new("L", (600, 600), 255)
    small.paste(seven(14).resize((100, 100)), (480, 20))
    prepared = preprocessing.prepare(small, GRAY, drawn=True)
    assert "of the picture and was enlarged" in prepared.sentence
    assert "off the middle and was centred" in prepared.sentence
    assert prepared.sentence[0].isupper()
    assert prepared.sentence.endswith(".")
    x, y, width, height = prepared.box
    assert (x, y) == pytest.approx((510, 42), abs=4)
    assert (width, height) == pytest.approx((40, 58), abs=6)


def test_what_lies_at_the_rim_gives_way_to_the_drawing():
    image = seven(14)
    ImageDraw.Draw(image).rectangle((0, 285, 299, 299), fill=0)
    final = preprocessing.prepare(image, GRAY, drawn=True).image
    alone = preprocessing.prepare(seven(14), GRAY, drawn=True).image
    assert np.abs(final.astype(int) - alone).mean() < 8


@pytest.mark.parametrize("inverted", [False, True])
def test_an_image_in_mnists_own_form_passes_unchanged_in_either_polarity(inverted):
    own = preprocessing.prepare(seven(22), GRAY, drawn=True).image
    assert own.max() == 255
    given = Image.fromarray(255 - own[0] if inverted else own[0])
    again = preprocessing.prepare(given, GRAY, drawn=True)
    assert np.array_equal(again.image, own)


def test_a_28x28_picture_that_is_not_in_that_form_is_brought_to_it():
    tight = np.zeros((28, 28), np.uint8)
    tight[:, 2:26] = np.asarray(seven(30).crop((70, 50, 230, 250)).resize((24, 28))) < 128
    final = preprocessing.prepare(Image.fromarray(tight * 255), GRAY, drawn=True).image[0]
    rows = np.flatnonzero(final.any(1))
    assert np.ptp(rows) + 1 == 20


def test_a_canvas_drawing_is_prepared_in_well_under_a_tenth_of_a_second():
    import time

    preprocessing.prepare(seven(22), GRAY, drawn=True)
    start = time.process_time()
    for _ in range(5):
        preprocessing.prepare(seven(22), GRAY, drawn=True)
    assert (time.process_time() - start) / 5 < 0.1


@pytest.mark.parametrize("side", [28, 280])
@pytest.mark.parametrize(("ground", "other"), [("dark", "light"), ("light", "dark")])
def test_what_is_said_of_the_ground_is_what_was_done_to_it(side, ground, other):
    """Dark strokes on light are as drawn, but not as the set holds them."""
    final = preprocessing.prepare(seven(22), GRAY, drawn=True).image[0]
    given = final if ground == "dark" else 255 - final
    image = Image.fromarray(given).resize((side, side), Image.Resampling.BICUBIC)
    steps = preprocessing.prepare(image, GRAY, drawn=True).steps
    words = f"{other} strokes on a {ground} ground were turned {ground} on {other}"
    turned = [step for step in steps if "turned" in step]
    assert turned == ([words] if (side, ground) in ((28, "light"), (280, "dark")) else [])


def test_a_stretched_contrast_is_said():
    final = preprocessing.prepare(seven(22), GRAY, drawn=True).image[0]
    for image, steps in ((final, ()), (40 + final // 2, ("its contrast was stretched",))):
        again = preprocessing.prepare(Image.fromarray(image), GRAY, drawn=True)
        assert again.image[0].max() == 255
        assert again.steps == steps
