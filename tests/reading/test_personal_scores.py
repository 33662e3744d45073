"""What runs make of the personal set: counted honestly, kept, out of date when either changes."""

import json

import numpy as np
import pytest
from PIL import Image

from core.evaluation import uncertainty
from core.jobs import experiment
from core.reading import personal, personal_scores
from core.reading.personal import Entry
from core.runs import store
from tests.helpers.drawings import further, keep_training_images


def entry(number: int, label: int, *, held: bool) -> Entry:
    return Entry(f"{3 * number + (0 if held else 1):016x}", label, str(number))


def sure(*said: int) -> np.ndarray:
    probs = np.full((len(said), 10), 0.01)
    probs[np.arange(len(said)), said] = 0.9 - 0.1 * np.arange(len(said))
    return probs


def test_right_and_wrong_are_counted_and_the_wrong_ones_named(tiny):
    kept = [entry(1, 1, held=True), entry(2, 2, held=False), entry(3, 3, held=False)]
    found = personal_scores.judge(tiny, kept, sure(1, 5, 7))
    assert (found.unseen.right, found.unseen.count) == (1, 3)
    assert (found.held_out.right, found.held_out.count) == (1, 1)
    assert found.unseen.interval == uncertainty.wilson_interval(1, 3)
    assert [(row["label"], row["said"]) for row in found.wrong] == [("2", "5"), ("3", "7")]
    assert found.wrong[0]["confidence"] == 0.8


def test_a_run_trained_further_is_scored_on_the_held_out_alone(tiny):
    """The drawings trained on are no test, however well they are read."""
    run = store.Run(tiny.id, tiny.folder, tiny.info | {"personal": {"count": 2}}, tiny.metrics)
    kept = [entry(1, 1, held=True), entry(2, 2, held=False), entry(3, 3, held=False)]
    found = personal_scores.judge(run, kept, sure(4, 2, 3))
    assert found.trained_on_drawings
    assert found.unseen == found.held_out
    assert (found.unseen.right, found.unseen.count) == (0, 1)
    assert len(found.wrong) == 1


def test_without_a_held_out_drawing_there_is_no_share(tiny):
    found = personal_scores.judge(tiny, [entry(1, 1, held=False)], sure(1))
    assert found.held_out == personal_scores.Part(0, 0, None)
    assert personal_scores.sentence(found.held_out) == "none"
    assert "1 of 1 (100.0 %" in personal_scores.words(found)


def test_a_score_is_kept_until_the_set_or_the_weights_change(tiny):
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 8)
    assert personal_scores.read(kind, [tiny]) == {}
    found = personal_scores.score(tiny)
    assert found.unseen.count == 8
    assert personal_scores.read(kind, [tiny]) == {tiny.id: found}
    keep_training_images(kind, 1, first=50)
    assert personal_scores.read(kind, [tiny]) == {}
    personal_scores.score(tiny)
    path = tiny.folder / store.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"][store.WEIGHTS]["sha256"] = "0" * 64
    path.write_text(json.dumps(manifest))
    assert personal_scores.read(kind, [tiny]) == {}


def test_a_corrected_label_makes_a_score_out_of_date(tiny):
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 3)
    personal_scores.score(tiny)
    one = personal.entries(kind)[0]
    frame = personal.frames(kind, [one])[0]
    personal.add(kind, Image.new("L", (9, 9)), frame, kind.classes[(one.label + 1) % 10])
    assert personal_scores.read(kind, [tiny]) == {}


def test_scores_in_a_damaged_file_are_made_again(tiny):
    """Case 17."""
    kind = personal.kind_of(tiny)
    keep_training_images(kind, 3)
    found = personal_scores.score(tiny)
    path = kind.folder / personal_scores.NAME
    for text in ("", "[]", json.dumps({tiny.id: {"set": 3}}), json.dumps({tiny.id: "x"})):
        path.write_text(text)
        assert personal_scores.read(kind, [tiny]) == {}
        personal_scores.score(tiny)
        assert personal_scores.read(kind, [tiny]) == {tiny.id: found}


def test_without_drawings_there_is_nothing_to_score(tiny):
    with pytest.raises(ValueError, match="no drawings yet: keep some on the Draw page"):
        personal_scores.score(tiny)


def test_training_images_are_read_better_after_training_further_with_their_kind(tiny):
    """The whole way: keep, train further, score; the words say which drawings were no test."""
    keep_training_images(personal.kind_of(tiny), 24)
    run = experiment.run(further(tiny))
    found = personal_scores.score(run)
    assert found.trained_on_drawings
    assert found.unseen.count == run.info["personal"]["held_out"]
    assert found.unseen.right == run.metrics["personal"]["right_after"]
    assert "trained on, so they are no test" in personal_scores.words(found)
