"""Finding the images to look at."""

import numpy as np
import pytest

from core.samples import find

LABELS = np.array([0, 1, 2, 0, 1])
PROBS = np.eye(3)[[0, 2, 2, 1, 1]]  # said 0, 2, 2, 1, 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"verdict": "Wrong"}, [1, 3]),
        ({"verdict": "Right"}, [0, 2, 4]),
        ({"true": 1}, [1, 4]),
        ({"said": 2}, [1, 2]),
        ({"verdict": "Wrong", "true": 0, "said": 1}, [3]),
        ({"verdict": "Right", "true": 0, "said": 1}, []),
    ],
)
def test_filters_add_up(filters, expected):
    assert find(LABELS, PROBS, **filters).tolist() == expected


def test_an_unknown_verdict_lists_the_known_ones():
    with pytest.raises(ValueError, match="choose one of All, Wrong, Right"):
        find(LABELS, PROBS, verdict="Maybe")
