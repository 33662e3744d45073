"""A run as an older version exported it comes in whole, and under the names of today.

tests/fixtures/run-2026-11.zip was made in November 2026 by the last version with flat modules; of
what its `export --zip` wrote, pictures, page, notebook and ONNX were left out for size.
"""

import zipfile

import pytest

from core.analysis import neighbours, ood, scoring
from core.data import datasets
from core.jobs import queue
from core.reports import archive, code_export, review
from core.runs import reproduction, safe_zip, store, tags
from core.training import recipes
from tests.helpers import ROOT
from tests.helpers.archives import contents
from tests.helpers.pages import open_page

ZIP = ROOT / "tests" / "fixtures" / "run-2026-11.zip"


@pytest.fixture
def older(artifacts) -> store.Run:
    return store.load(archive.take_in(ZIP.read_bytes()).run_id)


def test_its_settings_have_the_names_of_today(older):
    with zipfile.ZipFile(ZIP) as packed:
        assert b'"flags": 0.3' in packed.read("run.json")
    assert older.status == "finished"
    assert older.info["config"]["upstrokes"] == older.info["recipe_config"]["upstrokes"] == 0.3
    assert "flags" not in older.info["config"]
    recipe, config = recipes.from_description(older.info)
    assert config == recipe.config
    assert config.upstrokes == 0.3


def test_its_weights_score_as_stored(older):
    found = scoring.reproduce(older.id)
    assert found.exact
    assert found.found == older.metrics["test_accuracy"] == pytest.approx(304 / 360)


def test_what_was_computed_and_noted_about_it_came_along(older):
    assert neighbours.read(older).labels.shape == (360, 5)
    images = datasets.load_test("digits")[0]
    features = neighbours.features(older, scoring.load_model(older), images[:20])
    assert (ood.read(older).ood_score(features) < 2).all()
    assert reproduction.read(older)["exact"]
    assert (older.title, older.notes["note"]) == ("Kept from an older version", "Look at the 8s")
    assert review.saved(older)["errors"] == {"status": "discussed", "note": "Blurry images"}
    assert tags.read(older.info["test_sha256"])[3]["tag"] == "ambiguous"


def test_what_is_made_of_it_today_knows_its_settings(older):
    assert "upstrokes" in code_export.script(older)
    at = open_page("run", run=older.id)
    assert not at.exception
    assert not at.error
    assert any("upstrokes" in str(frame.value.to_dict()).lower() for frame in at.dataframe)


def test_exported_again_it_comes_in_again(older):
    packed = safe_zip.pack(contents(older))
    queue.delete(older.id)
    again = store.load(archive.take_in(packed).run_id)
    assert (again.id, again.info, again.metrics) == (older.id, older.info, older.metrics)
    assert scoring.reproduce(again.id).exact
