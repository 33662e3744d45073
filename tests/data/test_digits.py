"""The bundled digits and the order of splits."""

import numpy as np
import torch

from core.data import datasets
from core.data.digits import stratified_order


def test_digits_are_1797_images_in_mnists_layout_without_a_download(no_data):
    digits = datasets.load("digits")
    assert digits.train.images.shape == (1437, 1, 28, 28)
    assert digits.test.images.shape == (360, 1, 28, 28)
    assert digits.train.images.dtype == torch.uint8
    assert digits.train.labels.dtype == torch.int64
    border = digits.train.images[:, :, [0, 1, 2, 3, -4, -3, -2, -1]]
    assert int(border.max()) == 0  # as MNIST, 20x20 inside 28x28
    assert not no_data.exists()


def test_digits_match_scikit_learns_own_loader():
    from sklearn.datasets import load_digits

    digits = datasets.load("digits")
    ours = torch.cat([digits.train.labels, digits.test.labels]).bincount()
    assert ours.tolist() == np.bincount(load_digits().target).tolist()
    shares = digits.test.labels.bincount() / len(digits.test)
    whole = digits.train.labels.bincount() / len(digits.train)
    assert float((shares - whole).abs().max()) < 0.005


def test_smaller_holdouts_are_contained_in_larger_ones():
    labels = np.arange(1000) % 7
    order = stratified_order(labels)
    assert sorted(order) == list(range(1000))
    for count in (70, 333, 700):
        counts = np.bincount(labels[order[:count]], minlength=7)
        assert counts.max() - counts.min() <= 2
