"""What is no writing is told from what is."""

import numpy as np
import pytest

from core.reading import artifact_removal


def writing() -> np.ndarray:
    """Two strokes in the middle, bool (200, 300)."""
    mask = np.zeros((200, 300), bool)
    mask[70:130, 120:140] = True
    mask[70:130, 160:180] = True
    return mask


def test_parts_far_smaller_than_the_largest_are_counted_and_dropped():
    mask = np.zeros((120, 120), bool)
    mask[20:100, 50:60] = True
    mask[::30, ::40] = True
    kept, count = artifact_removal.without_specks(mask)
    assert count == 12
    assert kept.sum() == 800


@pytest.mark.parametrize("edge", [np.s_[:15, :], np.s_[-15:, :], np.s_[:, :15], np.s_[:, -15:]])
def test_what_runs_along_a_side_past_all_writing_is_a_frame(edge):
    mask = writing()
    mask[edge] = True
    assert np.array_equal(artifact_removal.without_frame(mask, mask), writing())


def test_a_digit_that_fills_a_tight_crop_is_no_frame():
    """A 1 and a 7: the 1 runs along the whole left side."""
    mask = np.zeros((60, 80), bool)
    mask[:, :12] = True
    mask[:8, 30:] = True
    mask[8:, 50:60] = True
    assert np.array_equal(artifact_removal.without_frame(mask, mask), mask)


def test_what_most_of_the_ink_hangs_on_is_kept():
    mask = writing()
    mask[125:, :] = True
    assert np.array_equal(artifact_removal.without_frame(mask, mask), mask)


def test_what_hangs_on_a_frame_by_faint_ink_only_stays():
    mask, clear = writing(), writing()
    mask[130:195, 125:135] = True  # faint, down to the edge of the picture
    mask[195:] = clear[195:] = True
    kept = artifact_removal.without_frame(mask, clear)
    assert np.array_equal(kept, writing())


def test_soft_edges_are_shadows_and_sharp_ones_strokes():
    depth = np.zeros((200, 300))
    depth[writing()] = 0.8
    ys, xs = np.mgrid[:200, :300]
    blob = 0.5 * np.exp(-(((xs - 245) / 20) ** 2) - ((ys - 100) / 40) ** 2)
    depth = np.maximum(depth, blob)
    kept = artifact_removal.without_shadows(depth > 0.2, depth)
    assert kept[100, 124]
    assert not kept[:, 215:].any()


def test_many_blots_are_grain_and_a_few_strokes_are_not():
    blots = np.zeros((200, 300), bool)
    for y in range(10, 190, 30):
        for x in range(10, 290, 30):
            blots[y : y + 5, x : x + 5] = True
    assert artifact_removal.is_grain(blots)
    assert not artifact_removal.is_grain(writing())
    lines = np.zeros((200, 300), bool)
    for x in range(10, 290, 20):
        lines[50:90, x : x + 5] = True
    assert not artifact_removal.is_grain(lines)


def test_faint_ink_far_from_clear_strokes_is_a_shadow():
    mask, clear = writing(), writing()
    mask[80:90, 60:260] = True
    kept = artifact_removal.near(mask, clear)
    assert kept[85, 140:160].all()  # from stroke to stroke
    assert not kept[85, 60:70].any()
    assert not kept[85, 250:].any()
    assert kept[writing()].all()
