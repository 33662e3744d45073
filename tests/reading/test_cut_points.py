"""Where a line may be parted: along its slant, through the least ink."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.reading import cut_points


def drawn(*lines: tuple, size=(220, 100), width: int = 8) -> np.ndarray:
    image = Image.new("L", size, 0)
    for points in lines:
        ImageDraw.Draw(image).line(points, fill=255, width=width)
    return np.asarray(image) > 0


@pytest.mark.parametrize("lean", [-0.2, 0.0, 0.3, 0.6])
def test_the_slant_of_bars_is_found(lean):
    bars = [((x + 80 * lean, 10), (x, 90)) for x in (40, 80, 120)]
    assert cut_points.slant(drawn(*bars)) == pytest.approx(lean, abs=0.11)


def test_a_slanted_bar_is_sheared_upright():
    upright, shift = cut_points.sheared(drawn(((90, 10), (50, 90))), 0.5)
    assert np.ptp(np.flatnonzero(upright.any(0))) < 16
    assert shift.min() == 0
    assert shift[-1] > shift[0]


def rings(overlap: int) -> np.ndarray:
    image = Image.new("L", (160, 90), 0)
    for left in (0, 64 - overlap):
        ImageDraw.Draw(image).ellipse((left, 0, left + 64, 89), outline=255, width=8)
    own = np.asarray(image) > 0
    return own[:, own.any(0)]


def test_touching_rings_are_parted_between_them():
    between = [j for j in cut_points.seams(rings(4), 90, 0.0) if abs(j.seam.mean() - 62) < 4]
    assert between
    assert between[0].seam.shape == (90,)
    assert min(joint.strokes for joint in between) == 1


def test_a_bar_is_not_parted():
    assert cut_points.seams(np.ones((90, 12), bool), 90, 0.0) == []


def test_a_seam_through_a_ring_crosses_two_strokes():
    ring = rings(4)[:, :65]
    through = [j for j in cut_points.seams(ring, 90, 0.0) if abs(j.seam.mean() - 32) < 12]
    assert through
    assert all(joint.strokes >= 2 for joint in through)


def test_seams_lean_with_the_writing():
    own = drawn(((90, 10), (50, 90)), ((130, 10), (90, 90)), ((50, 88), (92, 88)))
    own = own[own.any(1)][:, own.any(0)]
    cheapest = min(cut_points.seams(own, 80, 0.5), key=lambda joint: joint.ink)
    assert cheapest.seam[5] - cheapest.seam[-5] > 15
    assert cheapest.ink < 0.2


def test_seams_stand_from_left_to_right_and_part_ink():
    own = rings(4)
    found = cut_points.seams(own, 90, 0.0)
    middles = [joint.seam.mean() for joint in found]
    assert middles == sorted(middles)
    for joint in found:
        left = own & (np.arange(own.shape[1]) < joint.seam[:, None])
        assert left.any()
        assert (own & ~left).any()


def test_the_gap_is_measured_row_by_row():
    left, right = drawn(((60, 10), (20, 90))), drawn(((100, 10), (60, 90)))
    assert cut_points.gap(left, right) == pytest.approx(30, abs=6)
    assert left.any(0).nonzero()[0][-1] > right.any(0).nonzero()[0][0]  # their boxes overlap


def test_the_gap_of_what_shares_no_row_is_that_of_the_columns():
    left, right = np.zeros((2, 20, 40), bool)
    left[:8, 5:10], right[12:, 20:30] = True, True
    assert cut_points.gap(left, right) == 10


def test_ink_that_touches_at_length_is_parted_at_its_notches():
    """A seam between them crosses more ink than one through a ring, yet it is proposed."""
    own = rings(8)
    straight = [j for j in cut_points.seams(own, 90, 0.0) if np.ptp(j.seam) == 0]
    assert any(abs(j.seam[0] - 60) <= 3 for j in straight)
