"""Points in many dimensions, and which of them lie nearest: exact, by comparing with all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CHUNK = 256  # queries compared with all points at once


class Points:
    """Points (M, D) of any float type, made ready once for many searches."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows
        self._centre = rows.mean(0, dtype=np.float64).astype(np.float32)
        self._base = rows.astype(np.float32)
        self._base -= self._centre
        self._squares = np.einsum("md,md->m", self._base, self._base)

    def nearest(
        self, queries: np.ndarray, k: int, on_progress: Callable[[float], None] = lambda share: None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of each query (N, D) the k nearest points, nearest first and equally near ones in their
        order: places int64 (N, k) and Euclidean distances float32 (N, k); `on_progress` is called
        with the share done.

        A matrix product in float32 leaves only points that its rounding cannot rule out; theirs are
        then compared in float64.
        """
        doubt = (self.rows.shape[1] + 8) * float(np.finfo(np.float32).eps)  # of D terms summed
        places = np.empty((len(queries), k), np.int64)
        distances = np.empty((len(queries), k), np.float32)
        for start in range(0, len(queries), CHUNK):
            chunk = queries[start : start + CHUNK].astype(np.float32) - self._centre
            rough = (-2 * chunk) @ self._base.T  # (chunk, M)
            rough += self._squares  # squared distances less the query's own square
            own = np.einsum("nd,nd->n", chunk, chunk)
            unsure = doubt * (own + self._squares.max())
            for row, values in enumerate(rough):
                query = queries[start + row]
                first = np.argpartition(values, k - 1)[:k]
                reach = self._exact(first, query).max() ** 2 - own[row] + unsure[row]
                chosen = np.flatnonzero(values <= reach)
                exact = self._exact(chosen, query)
                order = np.lexsort((chosen, exact))[:k]
                places[start + row], distances[start + row] = chosen[order], exact[order]
            on_progress(min(1.0, (start + CHUNK) / len(queries)))
        return places, distances

    def _exact(self, places: np.ndarray, query: np.ndarray) -> np.ndarray:
        gaps = self.rows[places].astype(np.float64) - query.astype(np.float64)
        return np.sqrt((gaps**2).sum(1))
