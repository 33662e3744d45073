"""Nearest training images, against comparing with every image one by one."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.analysis import neighbours, scoring
from core.data import datasets
from core.jobs import experiment
from core.jobs.job import Job
from core.runs import files, store
from core.training import recipes
from tests.helpers import ROOT
from tests.helpers.by_hand import brute_force
from tests.helpers.synthetic import ONE_THREAD, TINY, synthetic


def layer_by_layer(run: store.Run, images: torch.Tensor) -> np.ndarray:
    """What enters the last layer, computed one layer after the other."""
    values = (images.float() / 255 - run.info["mean"][0]) / run.info["std"][0]
    with torch.no_grad():
        for layer in list(scoring.load_model(run))[:-1]:
            values = layer(values)
    return values.numpy()


def test_a_runs_neighbours_are_the_images_it_was_fitted_to_nearest_in_the_last_layer(tiny):
    stored = neighbours.save(tiny.id)
    whole = datasets.load("digits")
    fit, held = whole.holdout_places(tiny.info["config"]["validation"])
    rows = layer_by_layer(tiny, whole.train.images).astype(np.float16)
    queries = layer_by_layer(tiny, whole.test.images).astype(np.float16)
    assert stored.indices.shape == (360, neighbours.COUNT)
    assert not np.isin(stored.indices, held).any()
    for place in range(0, 360, 40):
        expected = brute_force(rows[fit], queries[place], neighbours.COUNT)
        wanted = [distance for distance, _ in expected]
        assert stored.distances[place] == pytest.approx(wanted, rel=5e-3, abs=5e-3)
        apart = rows[stored.indices[place]].astype(float) - queries[place].astype(float)
        assert np.linalg.norm(apart, axis=1) == pytest.approx(wanted, rel=5e-3, abs=5e-3)
    assert np.array_equal(stored.labels, whole.train.labels.numpy()[stored.indices])
    nearest = stored.distances[:, 0]
    assert (nearest <= stored.test_limit).mean() == pytest.approx(0.99, abs=0.005)
    assert stored.limit == stored.validation_limit > 0


def test_an_index_finds_what_was_stored_and_comes_back_from_its_cache(tiny):
    assert neighbours.read(tiny) is None
    assert neighbours.read_index(tiny) is None
    model, whole = scoring.load_model(tiny), datasets.load("digits")
    fresh = neighbours.index(tiny, model)
    stored = neighbours.save(tiny.id)
    kept = neighbours.read_index(tiny)
    assert np.array_equal(kept.features, fresh.features)
    queries = neighbours.features(tiny, model, whole.test.images.numpy())[:50]
    found = kept.nearest(queries)
    assert np.array_equal(found.indices, stored.indices[:50])
    assert np.array_equal(found.labels, stored.labels[:50])
    assert found.distances == pytest.approx(stored.distances[:50], rel=1e-3)


def test_looking_up_features_leaves_the_network_in_evaluation_mode(tiny):
    """Case 37."""
    model = scoring.load_model(tiny)
    neighbours.features(tiny, model, np.zeros((3, 1, 28, 28), np.uint8))
    assert not any(layer.training for layer in model.modules())


def test_other_weights_have_other_neighbours(tiny):
    neighbours.save(tiny.id)
    (tiny.folder / store.WEIGHTS).write_bytes(b"retrained")
    files.write_manifest(tiny.folder / store.MANIFEST, store.FINISHED_FILES)
    assert neighbours.read(tiny) is None
    assert neighbours.read_index(tiny) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text"])
def test_damaged_neighbours_count_as_none(tiny, content):
    (tiny.folder / neighbours.NEIGHBOURS).write_bytes(content)
    assert neighbours.read(tiny) is None


def test_neighbours_that_do_not_fit_the_data_set_count_as_none(tiny):
    neighbours.save(tiny.id)
    path = tiny.folder / neighbours.NEIGHBOURS
    whole = files.read_arrays(path)
    for name, value in (
        ("indices", np.full((360, 5), 1437)),
        ("indices", np.full((360, 5), -1)),
        ("indices", np.zeros((360, 5))),
        ("labels", np.full((360, 5), 10)),
        ("distances", np.zeros((359, 5))),
        ("test_limit", np.zeros(2)),
    ):
        files.write_arrays(path, **{**whole, name: value})
        assert neighbours.read(tiny) is None, (name, value)
    files.write_arrays(path, **whole)
    assert neighbours.read(tiny)


def test_without_a_cache_the_index_is_computed_each_time(tiny, monkeypatch):
    """Case 14: a read-only folder cannot take the cache."""

    def full(*_, **__):
        raise OSError("read-only file system")

    monkeypatch.setattr(files, "write_arrays", full)
    model = scoring.load_model(tiny)
    known = neighbours.index(tiny, model)
    neighbours._keep_features(tiny, known)
    assert neighbours.read_index(tiny) is None
    assert len(neighbours.index(tiny, model).features) == len(known.features) == 1317


@pytest.mark.trains
@pytest.mark.parametrize("model", ["mlp", "cnn", "house"])
def test_colour_images_of_a_set_without_validation_have_neighbours(artifacts, rgb, model):
    recipe = replace(recipes.get("digits-cnn"), model=model, sizes={})
    config = TINY.replace(epochs=1, validation=0.0)
    run = experiment.run(Job(recipe, config, **ONE_THREAD), dataset=rgb)
    stored = neighbours.save(run.id, dataset=rgb)
    assert stored.indices.shape == (70, neighbours.COUNT)
    assert stored.validation_limit is None
    assert stored.limit == stored.test_limit


@pytest.mark.trains
@pytest.mark.parametrize("classes", [2, 100])
def test_runs_of_2_and_of_100_classes_have_neighbours(artifacts, classes):
    """For test images among the training images these are the images themselves."""
    made = synthetic(side=12, classes=classes, train=6 * classes + 60, test=50)
    made = replace(made, test=made.train.take(torch.arange(50)))
    recipe = replace(recipes.get("digits-cnn"), model="mlp", sizes={})
    config = TINY.replace(epochs=1, validation=0.0, schedule="constant")
    run = experiment.run(Job(recipe, config, **ONE_THREAD), dataset=made)
    stored = neighbours.save(run.id, dataset=made)
    assert stored.indices[:, 0].tolist() == list(range(50))
    assert stored.labels[:, 0].tolist() == (np.arange(50) % classes).tolist()
    assert (stored.distances[:, 0] < 0.01 * stored.distances[:, 1]).all()


def test_what_does_not_fit_is_named():
    known = neighbours.Index(np.zeros((9, 4), np.float16), np.arange(9), np.zeros(9, int))
    with pytest.raises(ValueError, match=r"queries \(1, 5\) do not fit \(9, 4\) features"):
        known.nearest(np.zeros((1, 5), np.float16))
    with pytest.raises(ValueError, match="k: 10 is outside 1 to 9"):
        known.nearest(np.zeros((1, 4), np.float16), k=10)


def test_reading_neighbours_loads_no_torch(tiny):
    neighbours.save(tiny.id)
    code = f"""
import sys
from core.analysis import neighbours
from core.jobs import background_tasks
from core.runs import store
run = store.load({tiny.id!r})
assert neighbours.read(run) and neighbours.read_index(run)
background_tasks.progress(run.folder, "neighbours")
print(sorted({{"torch", "torchvision", "sklearn", "scipy"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
