"""Clouds of classes: distances against SciPy, a limit that holds, and files that do not fit."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from core.analysis import ood
from core.runs import files


@pytest.fixture
def points():
    rng = np.random.RandomState(5)
    labels = np.arange(600) % 3
    spread = np.array([1.0, 3.0, 0.2, 1.0])
    features = rng.normal(0, 1, (600, 4)) * spread + labels[:, None] * 8
    return features.astype(np.float32), labels


def test_distances_are_mahalanobis_to_the_nearest_class(points):
    features, labels = points
    found = ood.fit(features[:500], labels[:500], features[500:], 3)
    means = np.stack([features[:500][labels[:500] == k].mean(0) for k in range(3)])
    apart = (features[:500] - means[labels[:500]]).astype(float)
    covariance = apart.T @ apart / 500
    covariance += ood.RIDGE * np.trace(covariance) / 4 * np.eye(4)
    inverse = np.linalg.inv(covariance)
    expected = [min(mahalanobis(row, mean, inverse) for mean in means) for row in features[500:520]]
    assert found.distances(features[500:520]) == pytest.approx(expected, rel=5e-3)


def test_ninety_nine_of_a_hundred_held_out_images_are_no_strangers(points):
    features, labels = points
    found = ood.fit(features[:300], labels[:300], features[300:], 3)
    assert (found.ood_score(features[300:]) <= 1).mean() == pytest.approx(0.99, abs=0.005)
    assert found.ood_score(np.full((1, 4), -40.0))[0] > 2


def test_a_class_without_images_does_no_harm(points):
    features, labels = points
    found = ood.fit(features, labels, features[:0], 5)
    assert np.isfinite(found.distances(features)).all()


def test_clouds_are_read_back_for_these_weights_only(tiny, points):
    features, labels = points
    found = ood.fit(features, labels, features, 10)
    assert ood.read(tiny) is None
    ood.write(tiny, found)
    again = ood.read(tiny)
    assert again.distances(features) == pytest.approx(found.distances(features), rel=1e-6)
    path = tiny.folder / ood.NAME
    stored = files.read_arrays(path)
    files.write_arrays(path, **{**stored, "weights_sha256": np.array("0" * 64)})
    assert ood.read(tiny) is None
    path.write_bytes(b"no arrays")
    assert ood.read(tiny) is None
