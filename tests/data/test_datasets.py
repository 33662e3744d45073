"""Data sets: shapes, fixed splits and hashes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data import datasets, sources
from tests.helpers import ROOT


def test_holdout_is_stratified_disjoint_and_the_same_every_time(gray):
    fit, validation = gray.holdout(1 / 12)
    assert len(validation) == 50
    assert len(fit) + len(validation) == len(gray.train)
    assert validation.labels.bincount().tolist() == [5] * 10
    again = gray.holdout(1 / 12)[1]
    assert torch.equal(validation.images, again.images)
    keys = {image.numpy().tobytes() for image in fit.images}
    assert not any(image.numpy().tobytes() in keys for image in validation.images)


def test_holdout_of_nothing_leaves_everything_to_train_on(gray):
    fit, validation = gray.holdout(0)
    assert len(fit) == len(gray.train)
    assert len(validation) == 0


def test_holdout_refuses_a_share_of_one(gray):
    with pytest.raises(ValueError, match="validation: 1 is not a share"):
        gray.holdout(1)


def test_mean_and_std_are_those_of_the_training_part(rgb):
    pixels = rgb.train.images.double() / 255
    assert rgb.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist())
    assert rgb.std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist())


def test_sha256_changes_with_one_pixel_one_label_and_a_class_name(gray):
    train, test = gray.train, gray.test
    arrays = [part.numpy() for part in (train.images, train.labels, test.images, test.labels)]
    same = datasets.from_arrays("copy", *arrays, gray.classes)
    assert same.sha256 == gray.sha256
    renamed = datasets.from_arrays("copy", *arrays, (*gray.classes[:-1], "other"))
    assert renamed.sha256 != gray.sha256
    for part in range(4):  # images and labels of either part
        changed = [array.copy() for array in arrays]
        changed[part].flat[0] ^= 1
        other = datasets.from_arrays("copy", *changed, gray.classes)
        assert other.sha256 != gray.sha256
        assert (other.test_sha256 != gray.test_sha256) == (part > 1)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 8, 8)), [0, 1, 0, 1], "must be uint8"),
        (np.zeros((4, 8, 8), np.uint8), [0, 1, 0], "4 train images but 3 labels"),
        (np.zeros((4, 8, 8), np.uint8), [0, 1, 2, 0], r"must lie in 0\.\.1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(images, labels, message):
    good = np.zeros((2, 8, 8), np.uint8), np.array([0, 1])
    with pytest.raises(ValueError, match=message):
        datasets.from_arrays("bad", images, np.array(labels), *good, ("a", "b"))


def test_an_unknown_set_lists_the_known_ones():
    with pytest.raises(ValueError, match="choose one of digits, mnist"):
        datasets.load("cifar")


def test_test_images_come_without_torch_and_match_the_whole_set(no_data):
    images, labels, digest = datasets.load_test("digits")
    whole = datasets.load("digits")
    assert digest == whole.test_sha256
    assert np.array_equal(images, whole.test.images.numpy())
    assert np.array_equal(labels, whole.test.labels.numpy())
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0
    code = (
        "import sys; from core.data import datasets; datasets.load_test('digits');"
        "print([m for m in ('torch', 'torchvision', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(("name", "recipe"), [("mnist", "mnist-mlp"), ("fashion-mnist", "fashion")])
def test_the_sums_of_the_published_sets_are_those_that_the_shipped_runs_saw(name, recipe):
    shipped = next((ROOT / "artifacts").glob(f"{recipe}-*/run.json"))
    info = json.loads(shipped.read_text())
    assert sources.DATASETS[name].sha256 == (info["dataset_sha256"], info["test_sha256"])


@pytest.mark.slow
def test_a_set_is_held_in_memory_twice_and_no_more():
    """The data set and what training takes of it; counting pixels once took 8 bytes for each."""
    code = """
import re, numpy, torch
from pathlib import Path
from core.data import datasets
from core.training.results import TrainingData, TrainConfig

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1000

images, labels = numpy.ones((60_000, 28, 28), "uint8"), numpy.arange(60_000) % 10
before = peak()
whole = datasets.from_arrays("x", images, labels, images[:9], labels[:9], tuple("0123456789"))
parts = TrainingData.of(whole, TrainConfig())
print(peak() - before)
"""
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not say how much memory a process took at most")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert float(done.stdout) < 200, done.stderr


def test_the_published_sets_have_their_sizes_and_names(real_data):
    mnist, fashion = datasets.load("mnist"), datasets.load("fashion-mnist")
    assert len(mnist.train) == len(fashion.train) == 60_000
    assert len(mnist.holdout()[1]) == 5_000
    assert mnist.mean == pytest.approx([0.1307], abs=1e-4)
    assert mnist.std == pytest.approx([0.3081], abs=1e-4)
    assert fashion.classes[int(fashion.train.labels[0])] == "Ankle boot"
    assert datasets.load_test("mnist")[2] == mnist.test_sha256


def test_training_images_without_torch_are_those_of_training():
    images, labels, digest = datasets.load_train("digits")
    whole = datasets.load("digits")
    assert np.array_equal(images, whole.train.images.numpy())
    assert np.array_equal(labels, whole.train.labels.numpy())
    assert digest == whole.sha256


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_training_images_left_on_the_disk_are_those_of_training(real_data, name):
    images, labels, digest = datasets.load_train(name)
    whole = datasets.load(name)
    assert np.array_equal(images, whole.train.images.numpy())
    assert np.array_equal(labels, whole.train.labels.numpy())
    assert digest == whole.sha256
    assert not images.flags.writeable


def test_only_sets_of_digits_call_themselves_digits():
    digits = {name for name, source in sources.DATASETS.items() if source.digits}
    assert digits == {"digits", "mnist"}
    for name, source in sources.DATASETS.items():
        assert sources.known({"dataset": name, "classes": list(source.classes)}) is source
        assert not source.digits or (source.drawn and source.classes == sources.DIGIT_NAMES)


@pytest.mark.parametrize(
    "info",
    [
        {"dataset": "sign-digits", "classes": list("0123456789")},
        {"dataset": "mnist", "classes": list("abcdefghij")},
    ],
)
def test_nothing_is_presumed_of_a_set_that_is_not_known(info):
    found = sources.known(info)
    assert (found.drawn, found.digits) == (False, False)
