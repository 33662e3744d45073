"""Whether an image is of the kind that a network was trained on (out-of-distribution detection).

Its Mahalanobis distance to the classes' means in the last hidden layer, with one covariance for all
(Lee et al. 2018, arXiv:1807.03888), is small enough to come with a run, so that it needs no images.
Of digits their loops tell as well: a network that saw only digits calls a face a sure 0. The words
of each rule say how often it is wrong. core/reading/reader.py asks them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.runs import files, store

NAME = "clouds.npz"  # the file keeps its first name, so that older runs and zips are read
RIDGE = 1e-2  # of the mean variance, added to each: many features hardly vary
RARE = 99  # percentile of the distances of images that were not trained on
MOST_LOOPS = 2  # of an 8
ISLANDS, LOOPS = 1, 13  # of 10,000 of MNIST's 70,000 digits: the rules' false alarms
SMALL = 2  # pixels: a loop or an island this small is a flaw of the pen
INK = 110  # of 255


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
    """The class means of the features (M, D) of the images fitted to, with labels (M,); the limit
    comes from features `held_out` (V, D), or from the fitted ones where nothing was held out.
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
    found = ClassMeans(means.astype(np.float32) @ whitening, whitening, 1.0)
    known = held_out if len(held_out) else features
    return replace(found, limit=float(np.percentile(found.distances(known), RARE)))


def write(run: store.Run, means: ClassMeans) -> None:
    files.write_arrays(
        run.folder / NAME,
        centres=means.centres,
        whitening=means.whitening.astype(np.float16),
        limit=np.float32(means.limit),
        weights_sha256=np.array(store.weights_sha256(run)),
    )


def read(run: store.Run) -> ClassMeans | None:
    """The means of a run's present weights, or None when there are none. Needs no torch."""
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


def count_loops(image: np.ndarray) -> tuple[int, int]:
    """(loops, islands) of light strokes on black, uint8 (H, W): patches of ground that strokes
    enclose, and strokes that stand alone inside such a patch.
    """
    from scipy import ndimage

    strokes = np.pad(image >= INK, 1)
    ground, patches = ndimage.label(~strokes)  # 4-neighbours, so that diagonals close a loop
    sizes = np.bincount(ground.ravel(), minlength=patches + 1)
    outside = ground[0, 0]
    loops = [
        number for number in range(1, patches + 1) if number != outside and sizes[number] > SMALL
    ]
    parts, found = ndimage.label(strokes, np.ones((3, 3)))
    islands = 0
    for number in range(1, found + 1):
        part = parts == number
        rim = ndimage.binary_dilation(part) & ~strokes
        islands += bool(part.sum() > SMALL and outside not in ground[rim])
    return len(loops), islands


def why_no_digit(image: np.ndarray) -> str:
    """Why hardly any digit looks like this image, in words; "" when many do."""
    loops, islands = count_loops(image)
    if islands:
        return f"a mark stands alone inside a loop, as in {ISLANDS} of 10,000 of MNIST's digits"
    if loops > MOST_LOOPS:
        return f"it has {loops} loops; {LOOPS} of 10,000 of MNIST's digits have over {MOST_LOOPS}"
    return ""


def why_far(score: float) -> str:
    """Why an image of this `ood_score` may be of another kind, in words; "" up to the limit."""
    than = f"than {RARE} of 100 images of this kind, as about {100 - RARE} of 100 of them does"
    return f"it lies farther from every class {than}" if score > 1 else ""
