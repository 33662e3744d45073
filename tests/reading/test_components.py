"""Connected ink: what hangs together, and in which line it stands."""

import numpy as np

from core.reading import components


def sheet(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((260, 400), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def found(*boxes):
    return components.find(sheet(*boxes))[1]


def test_lines_are_read_from_top_to_bottom_and_from_left_to_right():
    boxes = [(300, 20, 330, 80), (20, 150, 50, 210), (100, 30, 130, 90), (120, 160, 150, 220)]
    lines = components.in_lines(found(*boxes), 60)
    assert [[part.left for part in line] for line in lines] == [[100, 300], [20, 120]]


def test_a_line_may_slope():
    boxes = [(40 * i, 10 + 12 * i, 40 * i + 25, 70 + 12 * i) for i in range(8)]
    assert [len(line) for line in components.in_lines(found(*boxes), 60)] == [8]


def test_the_bar_of_a_5_joins_it_and_a_dot_far_away_is_dropped():
    body, bar, dot = (100, 40, 140, 100), (110, 28, 150, 34), (250, 92, 258, 100)
    joined = components.attach(found(body, bar, dot), 60)
    assert len(joined) == 1
    assert joined[0].place == (slice(28, 100), slice(100, 150))


def test_what_stands_above_each_other_is_one_group():
    top, bottom, right = (100, 20, 140, 60), (105, 64, 135, 110), (180, 20, 210, 110)
    groups = components.groups(found(top, bottom, right), 90, 0.0)
    assert [len(group.numbers) for group in groups] == [2, 1]


def test_two_tall_parts_stay_apart_where_their_columns_overlap():
    left = components.Part((1,), 0, 90, 0, 60, 900)
    right = components.Part((2,), 0, 90, 25, 85, 900)
    assert [group.numbers for group in components.groups([left, right], 90, 0.4)] == [(1,), (2,)]


def test_groups_stand_in_order_along_the_slant():
    low = components.Part((1,), 60, 90, 0, 30, 500)
    high = components.Part((2,), 0, 30, 10, 40, 500)
    assert [group.numbers for group in components.groups([high, low], 90, 0.0)] == [(1, 2)]
    assert [group.numbers for group in components.groups([low, high], 90, -0.5)] == [(1,), (2,)]
    assert [group.numbers for group in components.groups([low, high], 90, 0.8)] == [(2,), (1,)]


def test_the_rest_is_what_does_not_hang_with_the_largest_part():
    assert components.rest(sheet((0, 0, 30, 60))) == 0
    assert components.rest(sheet((0, 0, 30, 60), (50, 0, 60, 60))) == 0.25


def test_the_typical_height_is_that_of_most_of_the_ink():
    assert components.typical_height(found((0, 0, 30, 60), (60, 0, 90, 62), (200, 0, 204, 4))) == 62
