"""Planted duplicates are found, against comparing every pair."""

import numpy as np
import pytest

from core.analysis import duplicates
from core.data import datasets


def planted() -> tuple[np.ndarray, np.ndarray]:
    """Noise of 3 colours; test image 3 is train image 7, 5 is 11 and 20 with a pixel changed by a
    little, 9 is 13 with noise that is too much.
    """
    rng = np.random.RandomState(2)
    train = rng.randint(0, 256, (40, 3, 6, 6), np.uint8)
    test = rng.randint(0, 256, (15, 3, 6, 6), np.uint8)
    train[25] = train[7]
    test[3], test[5], test[9] = train[7], train[11], train[13]
    test[5, 0, 0, 0] ^= 16
    test[9] = (test[9] * 0.5 + rng.randint(0, 128, (3, 6, 6))).astype(np.uint8)
    return train, test


def every_pair(train: np.ndarray, test: np.ndarray, near: float) -> dict[int, tuple[int, float]]:
    """Test image -> (nearest training image, relative distance), of those nearer than `near`."""
    found = {}
    for place, image in enumerate(test.reshape(len(test), -1).astype(float)):
        others = train.reshape(len(train), -1).astype(float)
        distances = np.sqrt(((others - image) ** 2).sum(1))
        nearest = int(distances.argmin())
        norm = min(np.linalg.norm(image), np.linalg.norm(others[nearest]))
        if distances[nearest] < near * norm:
            found[place] = nearest, distances[nearest] / norm
    return found


def test_planted_duplicates_are_found_and_nothing_else():
    pairs = duplicates.find(*planted())
    assert [(pair["test"], pair["train"], pair["exact"]) for pair in pairs] == [
        (3, 7, True),
        (5, 11, False),
    ]
    assert pairs[0]["distance"] == 0 < pairs[1]["distance"] < duplicates.NEAR


@pytest.mark.parametrize("near", [0.05, 0.5, 0.55, 2.0])
def test_pairs_are_those_of_comparing_all_with_all(near):
    train, test = planted()
    expected = every_pair(train, test, near)
    found = duplicates.find(train, test, near)
    assert {pair["test"]: pair["train"] for pair in found} == {
        place: nearest for place, (nearest, _) in expected.items()
    }
    for pair in found:
        assert pair["distance"] == pytest.approx(expected[pair["test"]][1], abs=1e-5)


def test_an_empty_image_is_a_duplicate_only_of_an_empty_one():
    train, test = np.zeros((2, 1, 4, 4), np.uint8), np.zeros((2, 1, 4, 4), np.uint8)
    train[0], test[1, 0, 0, 0] = 200, 1
    assert [(p["test"], p["train"], p["exact"]) for p in duplicates.find(train, test)] == [
        (0, 1, True)
    ]


def test_counts_labels_and_repeats_are_kept_with_the_data_set(artifacts):
    train, test = planted()
    train_labels, test_labels = np.arange(40) % 10, np.arange(15) % 10
    classes = tuple("0123456789")
    whole = datasets.from_arrays("made", train, train_labels, test, test_labels, classes)
    duplicates.save(whole)
    found = duplicates.read("made", whole.sha256)
    assert (found["exact"], found["near"]) == (1, 1)
    assert (found["within_train"], found["within_test"]) == (1, 0)
    assert found["images"] == {"train": 40, "test": 15}
    assert [pair["labels"] for pair in found["pairs"]] == [[3, 7], [5, 1]]
    assert duplicates.read("made", "other data") is None


def test_the_shipped_duplicates_of_the_digits_come_out_again(artifacts):
    whole = datasets.load("digits")
    shipped = duplicates.read("digits", whole.sha256)
    found = duplicates.save(whole)
    assert {**found, "created": None} == {**shipped, "created": None}


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_shipped_pairs_are_as_near_as_they_say(real_data, name):
    whole = datasets.load(name)
    found = duplicates.read(name, whole.sha256)
    assert found["exact"] + found["near"] == len(found["pairs"])
    for pair in found["pairs"]:
        one = whole.test.images[pair["test"]].double()
        other = whole.train.images[pair["train"]].double()
        share = float((one - other).norm() / min(one.norm(), other.norm()))
        assert share == pytest.approx(pair["distance"], abs=1e-5)
        assert share < found["threshold"]
        assert pair["labels"] == [
            int(whole.test.labels[pair["test"]]),
            int(whole.train.labels[pair["train"]]),
        ]
