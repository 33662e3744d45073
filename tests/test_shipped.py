"""The ten runs that come with the project: whole, honest, and what the README says of them."""

import numpy as np
import pytest
import torch
from torch import nn

from core.analysis import neighbours, scoring
from core.cli.main import main
from core.data import datasets
from core.evaluation import curves
from core.jobs import queue
from core.reports import archive
from core.reports.summary import results_table
from core.runs import safe_zip, store
from core.training import recipes
from tests.helpers import ROOT
from tests.helpers.archives import contents
from tests.helpers.pages import open_page


def test_every_recipe_ships_one_finished_run(shipped):
    assert set(shipped) == set(recipes.RECIPES)
    for name, run in shipped.items():
        assert run.status == "finished"
        assert run.info["changed"] == {}, name
        assert len(run.history()[0]) == recipes.get(name).config.epochs
        assert not (run.folder / store.CHECKPOINT).exists()


def test_together_they_stay_under_15_megabytes(shipped):
    size = sum(path.stat().st_size for run in shipped.values() for path in run.folder.iterdir())
    assert size < 15_000_000


@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("mnist-mlp", 0.9668),
        ("mnist-cnn-keras", 0.98),
        ("mnist-cnn-128", 0.988),
        ("mnist-cnn-bn", 0.99),
        ("fashion-cnn", 0.91),
        ("mnist-house", 0.9955),
        ("fashion-house", 0.935),
    ],
)
def test_they_reach_what_the_authors_stated_and_what_the_house_promises(shipped, name, at_least):
    assert shipped[name].metrics["test_accuracy"] >= at_least


def test_the_readme_shows_their_numbers(shipped_runs):
    assert results_table(shipped_runs) in (ROOT / "README.md").read_text()


def test_one_recipe_ships_three_seeds(shipped_runs):
    found = [run for run in shipped_runs if run.info["recipe"] == "mnist-mlp"]
    assert sorted(run.info["seed"] for run in found) == [0, 1, 2]
    assert len({curves.seed_key(run.info) for run in found}) == 1


def test_the_bundled_digits_run_is_reproduced_without_any_download(shipped, no_data):
    result = scoring.reproduce(shipped["digits-cnn"].id)
    assert result.exact


@pytest.mark.parametrize("name", [name for name in recipes.RECIPES if name != "digits-cnn"])
def test_saved_weights_reproduce_the_stored_accuracy(shipped, real_data, name):
    assert scoring.reproduce(shipped[name].id).exact


def test_all_tell_how_sure_each_answer_is(shipped_runs):
    for run in shipped_runs:
        stored = run.predictions()
        assert len(np.unique(stored["log_odds"])) > 0.99 * len(stored["labels"]), run.id
        for part in ("", "validation_"):
            sure = 1 / (1 + np.exp(-stored[f"{part}log_odds"].astype(float)))
            assert sure == pytest.approx(stored[f"{part}probs"].max(1).astype(float), abs=5e-4)


def test_every_one_leaves_as_a_zip_and_comes_in_again(shipped_runs, artifacts, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(ROOT / "artifacts"))
    packed = {run.id: safe_zip.pack(contents(run)) for run in shipped_runs}
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(artifacts))
    for run in shipped_runs:
        assert archive.take_in(packed[run.id]).run_id == run.id
        back = store.load(run.id)
        assert (back.status, back.info, back.metrics) == ("finished", run.info, run.metrics)
        assert back.predictions().keys() == run.predictions().keys()
        assert neighbours.read(back) is not None
        scoring.load_model(back)


@pytest.mark.slow
def test_a_zip_of_the_command_comes_in_again(digits, tmp_path):
    assert main(["export", digits.id, "--zip", "-o", str(tmp_path)]) == 0
    queue.delete(digits.id)
    assert main(["import", str(tmp_path / f"{digits.id}.zip")]) == 0
    assert store.load(digits.id).metrics == digits.metrics


@pytest.mark.parametrize("page", ["run", "curves", "time_machine", "claim", "review", "report"])
def test_pages_of_one_that_came_in_cope_with_what_it_lacks(digits, page):
    assert "stopped" not in digits.metrics
    content = safe_zip.pack(contents(digits))
    queue.delete(digits.id)
    at = open_page(page, run=archive.take_in(content).run_id)
    assert not at.exception
    assert not at.error


def by_hand(name: str) -> nn.Sequential:
    """The originals' networks, written from the recipes' table with plain torch."""
    if name == "mnist-mlp":
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )
    if name == "mnist-cnn-bn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(3136, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 10),
        )
    if name == "fashion-cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(),
            nn.Flatten(),
            nn.Linear(3136, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )
    dense = 64 if name == "mnist-cnn-keras" else 128
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1600, dense),
        nn.ReLU(),
        nn.Linear(dense, 10),
    )


ORIGINALS = ("mnist-mlp", "mnist-cnn-bn", "mnist-cnn-keras", "mnist-cnn-128", "fashion-cnn")


@pytest.mark.parametrize("name", ORIGINALS)
def test_the_weights_score_the_same_in_a_network_written_by_hand(shipped, real_data, name):
    run = shipped[name]
    model = by_hand(name)
    model.load_state_dict(torch.load(run.folder / "model.pth", weights_only=True))
    moments = {"mnist-mlp": (0.1307, 0.3081), "mnist-cnn-bn": (0.1307, 0.3081)}
    mean, std = moments.get(name, (0.5, 0.5) if name == "fashion-cnn" else (0.0, 1.0))
    test = datasets.load(run.info["dataset"]).test
    with torch.no_grad():
        batches = ((images / 255 - mean) / std for images in test.images.split(500))
        predicted = torch.cat([model.eval()(batch).argmax(1) for batch in batches])
    accuracy = float((predicted == test.labels).double().mean())
    # the published moments have four digits: a borderline image may fall the other way
    assert accuracy == pytest.approx(run.metrics["test_accuracy"], abs=2e-4)


def test_each_brings_the_neighbours_of_its_test_images(shipped):
    for name, run in shipped.items():
        found = neighbours.read(run)
        assert found is not None, name
        assert found.indices.shape == (run.metrics["test_count"], neighbours.COUNT)
        assert (np.diff(found.distances, axis=1) >= 0).all()
        assert found.limit == found.validation_limit > 0


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_neighbours_are_training_images_with_the_labels_stored_beside_them(
    shipped, real_data, name
):
    run, found = shipped[name], neighbours.read(shipped[name])
    _, labels, digest = datasets.load_train(run.info["dataset"])
    assert digest == run.info["dataset_sha256"]
    assert np.array_equal(labels[found.indices], found.labels)
