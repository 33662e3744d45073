"""Whether an image is of the kind that a network was trained on: its distance to the classes'
clouds in the last hidden layer. Small enough to come with a run, so that it needs no images.

Mahalanobis distance with one covariance for all classes (Lee et al. 2018, arXiv:1807.03888).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.runs import files, store

NAME = "clouds.npz"
RIDGE = 1e-2  # of the mean variance, added to each: many features hardly vary
RARE = 99  # percentile of the distances of images that were not trained on


@dataclass(frozen=True)
class ClassMeans:
    """`centres` float32 (C, D) are the classes' means after `whitening` float32 (D, D); `limit` is
    the distance that 99 % of the validation images stay under.
    """

    centres: np.ndarray
    whitening: np.ndarray
    limit: float

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Distance float32 (N,) of features (N, D) to the nearest centre."""
        points = features.astype(np.float32) @ self.whitening
        return np.sqrt(((points[:, None] - self.centres) ** 2).sum(2).min(1))

    def ood_score(self, features: np.ndarray) -> np.ndarray:
        """Distances (N,) as shares of the limit: above 1 is unlike 99 % of what it should read."""
        return self.distances(features) / self.limit


def fit(features: np.ndarray, labels: np.ndarray, held_out: np.ndarray, classes: int) -> ClassMeans:
    """Clouds of the features (M, D) of the images fitted to, with labels (M,); the limit comes from
    features `held_out` (V, D), or from the fitted ones where nothing was held out.
    """
    points = features.astype(np.float64)
    means = np.stack(
        [
            points[labels == number].mean(0) if (labels == number).any() else points.mean(0)
            for number in range(classes)
        ]
    )
    apart = points - means[labels]
    covariance = apart.T @ apart / len(points)
    covariance += RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    whitening = np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float16).astype(np.float32)
    clouds = ClassMeans(means.astype(np.float32) @ whitening, whitening, 1.0)
    known = held_out if len(held_out) else features
    return ClassMeans(
        clouds.centres, whitening, float(np.percentile(clouds.distances(known), RARE))
    )


def write(run: store.Run, clouds: ClassMeans) -> None:
    files.write_arrays(
        run.folder / NAME,
        centres=clouds.centres,
        whitening=clouds.whitening.astype(np.float16),
        limit=np.float32(clouds.limit),
        weights_sha256=np.array(store.weights_sha256(run)),
    )


def read(run: store.Run) -> ClassMeans | None:
    """The clouds of a run's present weights, or None when there are none. Needs no torch."""
    try:
        stored = files.read_arrays(run.folder / NAME)
        if str(stored["weights_sha256"]) != store.weights_sha256(run):
            return None
        centres, whitening = stored["centres"], stored["whitening"].astype(np.float32)
        fits = centres.shape == (len(run.info["classes"]), len(whitening))
        limit = float(stored["limit"])
    except (files.BrokenRun, KeyError, ValueError, TypeError):
        return None
    if not fits or whitening.ndim != 2 or not limit > 0:
        return None
    return ClassMeans(centres.astype(np.float32), whitening, limit)
