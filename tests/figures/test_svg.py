"""Charts as SVG text."""

import xml.etree.ElementTree as ET

import pytest

from core.figures import svg

NAMES = {"train": "training", "validation": "validation <b>"}


def test_lines_are_well_formed_and_told_in_words():
    series = {"train": ([1, 2, 3], [1.0, 0.5, 0.2]), "validation": ([1, 2, 3], [0.9, 0.8, 0.7])}
    root = ET.fromstring(svg.lines(series, names=NAMES, label="loss"))
    assert root.attrib["aria-label"] == "loss by epoch: training, validation <b>"
    assert len([path for path in root.iter("path") if path.get("stroke") == "var(--run)"]) == 2


def test_a_gap_where_the_loss_was_not_finite():
    """Case 12."""
    drawn = svg.lines({"train": ([1, 2, 3, 4], [1, float("nan"), 2, 3])}, names=NAMES, label="loss")
    path = next(p for p in ET.fromstring(drawn).iter("path") if p.get("stroke-width"))
    assert path.get("d").count("M") == 2
    assert "nan" not in drawn


def test_a_hundred_thousand_epochs_are_thinned():
    """Case 21."""
    epochs = list(range(1, 100_001))
    drawn = svg.lines({"train": (epochs, [1 / n for n in epochs])}, names=NAMES, label="loss")
    assert len(drawn) < 20_000


def test_one_epoch_shows_as_a_dot():
    assert "h0.1" in svg.lines({"train": ([1], [0.5])}, names=NAMES, label="loss")


def test_the_reliability_diagram_has_a_point_a_bin():
    bins = [
        {"low": 0.0, "high": 0.5, "count": 3, "confidence": 0.4, "accuracy": 0.3},
        {"low": 0.5, "high": 1.0, "count": 97, "confidence": 0.9, "accuracy": 0.95},
    ]
    root = ET.fromstring(svg.reliability(bins))
    told = [title.text for title in root.iter("title")]
    assert told[1] == "confidence 0.900, accuracy 0.950, 97 images"
    (sparse, dense) = root.iter("circle")
    across = [float(circle.get("cx")) for circle in (sparse, dense)]
    up = [float(circle.get("cy")) for circle in (sparse, dense)]
    width, height = svg.WIDTH - svg.LEFT - svg.RIGHT, svg.HEIGHT - svg.TOP - svg.BOTTOM
    assert across == pytest.approx([svg.LEFT + width * x for x in (0.4, 0.9)], abs=0.06)
    bottom = svg.HEIGHT - svg.BOTTOM
    assert up == pytest.approx([bottom - height * y for y in (0.3, 0.95)], abs=0.06)


def test_the_axis_across_is_named_below_it():
    bins = [{"low": 0.0, "high": 1.0, "count": 3, "confidence": 0.4, "accuracy": 0.3}]
    series = {"train": ([1, 2], [1.0, 0.5])}
    for drawn, name in (
        (svg.reliability(bins), "confidence"),
        (svg.lines(series, names=NAMES, label="loss"), "epoch"),
    ):
        *_, last = ET.fromstring(drawn).iter("text")
        assert last.text == name
        assert float(last.get("y")) > svg.HEIGHT - svg.BOTTOM
