"""A finished run's network, loaded and scored again."""

import json

import numpy as np
import pytest
import torch

from core.analysis import scoring
from core.jobs import experiment
from core.jobs.job import Job
from core.runs import files, store
from tests.helpers.synthetic import ONE_THREAD, recipe_for, synthetic


@pytest.mark.trains
def test_a_changed_data_set_is_not_scored_as_if_it_were_the_same(artifacts, gray):
    run = experiment.run(Job(recipe_for(gray), **ONE_THREAD), dataset=gray)
    other = synthetic(train=601)
    with pytest.raises(ValueError, match="is not the one the run was trained on"):
        scoring.reproduce(run.id, other)


def test_the_metrics_agree_with_the_stored_predictions(tiny):
    stored = tiny.predictions()
    right = int((stored["probs"].argmax(1) == stored["labels"]).sum())
    assert tiny.metrics["test_right"] == right
    assert tiny.metrics["test_accuracy"] == pytest.approx(right / 360)
    assert np.trace(tiny.metrics["confusion"]) == right
    last = (stored["epoch_classes"][tiny.metrics["kept_epoch"] - 1] == stored["labels"]).mean()
    assert last == pytest.approx(right / 360)


def test_damaged_weights_are_a_broken_run(tiny):
    """Case 26."""
    path = tiny.folder / store.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    with pytest.raises(files.BrokenRun, match="checksum mismatch"):
        scoring.load_model(tiny)


def test_weights_of_another_architecture_say_which_layer(tiny):
    """Case 25."""
    info = json.loads((tiny.folder / store.INFO).read_text())
    info["sizes"]["stages"] = [[8, 16], [24, 24], [32]]
    (tiny.folder / store.INFO).write_text(json.dumps(info))
    with pytest.raises(files.BrokenRun, match=r"size mismatch for 0\.weight"):
        scoring.load_model(store.load(tiny.id))


def rewritten(run: store.Run, change) -> store.Run:
    """The run with other weights that its manifest vouches for."""
    weights = store.read_weights(run)
    change(weights)
    files.write_tensors(run.folder / store.WEIGHTS, weights)
    files.write_manifest(run.folder / store.MANIFEST, store.FINISHED_FILES)
    return store.load(run.id)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop("0.weight"), r'Missing key.*"0\.weight"'),
        (lambda weights: weights.update(extra=torch.ones(1)), 'Unexpected key.*"extra"'),
        (lambda weights: weights["0.weight"].fill_(float("nan")), r"not finite: 0\.weight"),
    ],
)
def test_missing_extra_and_spoiled_weights_are_named(tiny, change, words):
    """Cases 25 and 26: also where the checksum agrees."""
    with pytest.raises(files.BrokenRun, match=words):
        scoring.load_model(rewritten(tiny, change))


def test_weights_for_another_number_of_classes_say_both_sizes(tiny):
    """Case 25."""
    info = json.loads((tiny.folder / store.INFO).read_text())
    info["classes"].append("eleventh")
    (tiny.folder / store.INFO).write_text(json.dumps(info))
    with pytest.raises(files.BrokenRun, match=r"size mismatch(.|\n)*\[10(.|\n)*\[11"):
        scoring.load_model(store.load(tiny.id))
