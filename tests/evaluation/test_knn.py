"""Nearest points, against comparing with every one of them."""

import numpy as np
import pytest

from core.evaluation.knn import CHUNK, Points
from tests.helpers.by_hand import brute_force


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("k", [1, 5, 40])
def test_the_nearest_rows_are_those_of_a_brute_force(k, scale):
    rng = np.random.RandomState(0)
    rows = (scale * rng.randn(300, 16) + 7 * scale).astype(np.float16)
    rows[100:150] = rows[:50]  # equal distances, which keep the order of the rows
    queries = np.concatenate([rows[:20], (scale * rng.randn(30, 16)).astype(np.float16)])
    places, distances = Points(rows).nearest(queries, k)
    for query, chosen, found in zip(queries, places, distances, strict=True):
        expected = brute_force(rows, query, k)
        assert chosen.tolist() == [place for _, place in expected]
        assert found == pytest.approx([distance for distance, _ in expected], rel=1e-6)


def test_nearest_holds_where_float32_cannot_tell_rows_apart():
    rows = (np.float32(1000) + np.arange(64, dtype=np.float32)[:, None] * 2**-13).repeat(8, 1)
    places, _ = Points(rows).nearest(rows[10:11], 3)
    assert places.tolist() == [[10, 9, 11]]


def test_one_query_at_a_time_finds_the_same_as_all_at_once():
    rng = np.random.RandomState(3)
    points, queries = Points(rng.randn(500, 8)), rng.randn(2 * CHUNK + 9, 8)
    shares: list[float] = []
    places, distances = points.nearest(queries, 4, on_progress=shares.append)
    for place in (0, CHUNK - 1, CHUNK, 2 * CHUNK + 8):
        found, far = points.nearest(queries[place : place + 1], 4)
        assert np.array_equal(found[0], places[place])
        assert np.array_equal(far[0], distances[place])
    assert shares == sorted(shares)
    assert len(shares) == 3
    assert shares[-1] == 1


def test_equal_points_are_all_equally_near():
    places, distances = Points(np.ones((30, 5), np.float16)).nearest(np.zeros((2, 5)), 3)
    assert places.tolist() == [[0, 1, 2]] * 2
    assert distances == pytest.approx(np.sqrt(5))
