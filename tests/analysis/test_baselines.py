"""Simple methods, against scikit-learn and by hand; and the numbers that come with the project."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from core.analysis import baselines
from core.data import datasets
from core.runs import dataset_cache
from tests.helpers import ROOT
from tests.helpers.synthetic import synthetic

RNG = np.random.RandomState(5)
FIT = RNG.rand(200, 12).astype(np.float32), RNG.randint(0, 4, 200)
HELD = RNG.rand(60, 12).astype(np.float32), RNG.randint(0, 4, 60)
TESTED = RNG.rand(80, 12).astype(np.float32)
SLACK = {"Logistic regression": 4}  # its solver stops elsewhere on another processor


def by_name(found: dict) -> dict[str, dict]:
    return {row["name"]: row for row in found["rows"]}


def test_the_majority_class_is_the_most_frequent_of_the_fitted_images():
    predicted, setting = baselines.majority((FIT[0], np.array([2] * 90 + [1] * 110)), HELD, TESTED)
    assert predicted.tolist() == [1] * 80
    assert setting == "class 1"


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_vote_of_the_nearest_is_that_of_scikit_learn(k, monkeypatch):
    monkeypatch.setattr(baselines, "NEIGHBOURS", (k,))
    predicted, setting = baselines.nearest_neighbours(FIT, HELD, TESTED)
    peer = KNeighborsClassifier(k, algorithm="brute").fit(*FIT)
    assert np.array_equal(predicted, peer.predict(TESTED))
    assert setting == f"k = {k}"


def test_a_tied_vote_goes_to_the_lower_class():
    assert baselines.vote(np.array([[3, 1, 3, 1], [2, 2, 0, 1]])).tolist() == [1, 2]


def test_settings_are_chosen_on_the_validation_images_only():
    scores = {k: KNeighborsClassifier(k).fit(*FIT).score(*HELD) for k in baselines.NEIGHBOURS}
    _, setting = baselines.nearest_neighbours(FIT, HELD, TESTED)
    assert setting == f"k = {max(scores, key=lambda k: (scores[k], -k))}"
    for shuffled in (TESTED[::-1], TESTED[:1]):
        assert baselines.nearest_neighbours(FIT, HELD, shuffled)[1] == setting


def test_predicted_classes_are_stored_and_older_rows_have_none(artifacts):
    whole = synthetic(channels=1, side=8, classes=100, train=640, test=100)
    for row in baselines.save(whole)["rows"]:
        predicted = baselines.predictions(row)
        assert (predicted.dtype, predicted.shape) == (np.uint8, (100,))
        assert (predicted == whole.test.labels.numpy()).sum() == row["right"]
        assert baselines.predictions(row | {"count": 99}) is None
        del row["predicted"]
        assert baselines.predictions(row) is None


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion-mnist"])
def test_the_shipped_predictions_are_those_that_were_counted(shipped_runs, name):
    run = next(run for run in shipped_runs if run.info["dataset"] == name)
    labels = run.predictions()["labels"]
    for row in baselines.read(name, run.info["dataset_sha256"])["rows"]:
        assert (baselines.predictions(row) == labels).sum() == row["right"]


@pytest.mark.slow
def test_the_shipped_numbers_of_the_digits_come_out_again(artifacts):
    whole = datasets.load("digits")
    shipped = baselines.read("digits", whole.sha256)
    found = baselines.save(whole)
    for row, known in zip(found["rows"], shipped["rows"], strict=True):
        assert row["name"] == known["name"]
        if row["name"] not in SLACK:  # 120 validation images hardly tell one strength from another
            assert row["setting"] == known["setting"]
        assert abs(row["right"] - known["right"]) <= SLACK.get(row["name"], 0)
        assert row["accuracy"] == row["right"] / row["count"]
        assert row["interval"][0] < row["accuracy"] < row["interval"][1]
    assert baselines.read("digits", whole.sha256)["created"] == found["created"]


def test_the_digits_numbers_are_those_of_scikit_learn():
    whole = datasets.load("digits")
    rows = by_name(baselines.read("digits", whole.sha256))
    fit, _ = whole.holdout()
    pixels, tested = (
        part.images.numpy().reshape(len(part), -1) / 255 for part in (fit, whole.test)
    )
    k = int(rows["Nearest neighbours"]["setting"].split()[-1])
    strength = float(rows["Logistic regression"]["setting"].split()[2].rstrip(","))
    peers = {
        "Majority class": DummyClassifier(strategy="most_frequent"),
        "Logistic regression": LogisticRegression(C=strength, max_iter=1000),
        "Nearest neighbours": KNeighborsClassifier(k, algorithm="brute"),
    }
    for name, peer in peers.items():
        right = (peer.fit(pixels, fit.labels).predict(tested) == whole.test.labels.numpy()).sum()
        assert abs(rows[name]["right"] - right) <= SLACK.get(name, 0), name


@pytest.mark.parametrize("classes", [2, 100])
def test_sets_of_2_and_of_100_colour_classes_have_baselines(artifacts, classes):
    whole = synthetic(channels=3, side=8, classes=classes, train=6 * classes + 40, test=100)
    found = baselines.save(whole)
    majority = by_name(found)["Majority class"]
    assert majority["right"] == (whole.test.labels == int(majority["setting"].split()[1])).sum()
    assert by_name(found)["Nearest neighbours"]["accuracy"] >= majority["accuracy"]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_shipped_numbers_belong_to_the_published_data(real_data, name):
    whole = datasets.load(name)
    found = baselines.read(name, whole.sha256)
    assert found["images"] == {"fit": 55000, "validation": 5000, "test": 10000}
    rows = by_name(found)
    fit, _ = whole.holdout()
    label = int(fit.labels.bincount().argmax())
    assert rows["Majority class"]["right"] == int((whole.test.labels == label).sum())
    assert 0.8 < rows["Logistic regression"]["accuracy"] < rows["Nearest neighbours"]["accuracy"]


@pytest.mark.slow
def test_the_command_prints_a_line_a_method_and_reading_needs_no_scikit_learn(artifacts):
    command = [sys.executable, "-m", "core", "baselines", "digits"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert [line[:8] for line in done.stdout.splitlines()] == ["Majority", "Logistic", "Nearest "]
    stored = json.loads((artifacts / dataset_cache.FOLDER / "digits-baselines.json").read_text())
    code = f"""
import sys
from core.analysis import baselines, duplicates
assert baselines.read("digits", {stored["dataset_sha256"]!r})
print(sorted({{"torch", "torchvision", "sklearn", "scipy"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
