"""The ink between joints: what may be one digit, and what may not."""

import numpy as np
from PIL import Image, ImageDraw

from core.reading import components, segment_candidates
from core.reading.picture import Page


def page(*boxes: tuple[int, int, int, int], size=(400, 200)) -> Page:
    """Filled bars (left, top, right, bottom) as the ink of a page."""
    image = Image.new("L", size, 0)
    for box in boxes:
        ImageDraw.Draw(image).rectangle(box, fill=255)
    mask = np.asarray(image) > 0
    ink = mask.astype(np.float32)
    return Page(mask, ink, 1.0, 1.0, ink=ink)


def line(*boxes) -> segment_candidates.Writing:
    sheet = page(*boxes)
    labels, found = components.find(sheet.mask)
    return segment_candidates.writing(sheet, labels, sorted(found, key=lambda part: part.left))


def test_a_line_knows_its_groups_from_left_to_right():
    written = line((200, 40, 210, 130), (60, 40, 70, 130), (120, 40, 130, 130))
    assert [int(written.group[50, x]) for x in (0, 60, 140)] == [1, 2, 3]
    assert written.corner == (40, 60)
    assert [joint.group for joint in written.joints if joint.seam is None] == [1, 2, 3, 4]


def test_the_gap_to_the_next_group_is_in_heights():
    written = line((60, 40, 70, 139), (120, 40, 130, 139))
    assert written.joints[-2].gap == np.float64(0.49)


def test_near_bars_are_a_span_together_and_far_ones_are_not():
    near, far = (
        line((60, 40, 70, 130), (82, 40, 92, 130)),
        line((60, 40, 70, 130), (120, 40, 130, 130)),
    )
    assert [(s.first, s.last) for s in segment_candidates.spans(near)] == [(0, 1), (0, 2), (1, 2)]
    assert [(s.first, s.last) for s in segment_candidates.spans(far)] == [(0, 1), (1, 2)]


def test_two_tall_halves_are_told_from_a_low_one():
    tall, low = (
        line((60, 40, 70, 130), (82, 40, 92, 130)),
        line((60, 40, 70, 130), (82, 80, 92, 100)),
    )
    both = [
        next(s for s in segment_candidates.spans(w) if s.last - s.first == 2) for w in (tall, low)
    ]
    assert both[0].halves > 0.9
    assert both[1].halves < 0.4


def test_what_does_not_hang_together_is_counted():
    written = line((60, 40, 70, 130), (82, 40, 92, 130))
    shares = {(s.first, s.last): s.rest for s in segment_candidates.spans(written)}
    assert shares[0, 1] == 0
    assert shares[0, 2] == 0.5


def test_connected_ink_wider_than_high_stays_a_span():
    sheet = page((60, 40, 200, 50), (60, 40, 70, 130), (190, 40, 200, 130))
    labels, found = components.find(sheet.mask)
    written = segment_candidates.writing(sheet, labels, found)
    end = len(written.joints) - 1
    assert end > 1
    assert any((s.first, s.last) == (0, end) for s in segment_candidates.spans(written))


def test_the_masks_of_single_steps_share_no_ink():
    sheet = page((60, 40, 200, 50), (60, 40, 70, 130), (190, 40, 200, 130))
    labels, found = components.find(sheet.mask)
    written = segment_candidates.writing(sheet, labels, found)
    seen = np.zeros(written.ink.shape, int)
    for span in segment_candidates.spans(written):
        if span.last == span.first + 1:
            seen[span.place] += span.mask
    assert seen.max() == 1
