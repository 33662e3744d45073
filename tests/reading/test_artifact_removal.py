"""What is no writing is told from what is."""

import numpy as np

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
