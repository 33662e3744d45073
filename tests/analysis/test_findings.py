"""What the numbers say to a reviewer: sentences raised from what a run stores."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.analysis import findings
from core.reports import review
from core.runs import dataset_cache, files, store


def sentences(run: store.Run, key: str) -> str:
    stop = next(stop for stop in review.stops(run) if stop.key == key)
    return "\n".join(finding.sentence for finding in stop.findings)


def changed(run: store.Run, file: str, /, **changes) -> store.Run:
    value = json.loads((run.folder / file).read_text())
    files.write_json(run.folder / file, value | changes)
    return store.load(run.id)


def test_the_weakest_class_is_named_with_where_its_images_go(tiny):
    counts = np.array(tiny.metrics["confusion"])
    recall = np.diag(counts) / counts.sum(1)
    true = int(recall.argmin())
    others = np.where(np.arange(10) == true, -1, counts[true])
    said = int(others.argmax())
    told = review.stops(tiny)[3].findings[0]
    assert told.sentence.startswith(f"{true} has recall {recall[true]:.3f}; ")
    assert f"{others[said] / counts[true].sum():.1%} go to {said}" in told.sentence
    assert told.query == {"true": str(true), "said": str(said)}
    assert told.concern == (recall[true] < findings.WEAK_RECALL)


def test_baselines_and_duplicates_are_told_when_they_are_known(tiny):
    digest = tiny.info["dataset_sha256"]
    rows = [
        {"name": "Majority class", "accuracy": 0.1, "interval": [0.07, 0.14]},
        {"name": "Nearest neighbours", "accuracy": 0.999, "interval": [0.98, 0.9999]},
    ]
    dataset_cache.write("digits", "baselines", {"dataset_sha256": digest, "rows": rows})
    counts = {"exact": 12, "near": 3, "images": {"train": 1437, "test": 360}, "pairs": []}
    dataset_cache.write("digits", "duplicates", {"dataset_sha256": digest, **counts})
    told = sentences(tiny, "baselines")
    assert "Majority class reaches 10.00%; Nearest neighbours reaches 99.90%" in told
    assert "against nearest neighbours: their 95 % intervals overlap" in told
    assert "12 exactly and 3 nearly repeat one of the training part" in sentences(tiny, "data")


def test_what_was_not_computed_is_said_with_its_command(tiny):
    run = changed(tiny, store.INFO, dataset="own", dataset_sha256="0" * 64)
    assert "python -m core baselines own" in sentences(run, "baselines")
    assert "python -m core duplicates own" in sentences(run, "data")


def test_nothing_held_out_is_a_concern(tiny):
    images = tiny.info["images"] | {"validation": 0}
    run = changed(tiny, store.INFO, images=images)
    assert "Nothing was held out" in sentences(run, "data")


def test_a_kept_epoch_past_the_best_is_told(tiny):
    history = [
        {"epoch": n, "train_loss": 1.0, "train_accuracy": 0.99, "validation_loss": loss}
        | {"validation_accuracy": 0.9}
        for n, loss in enumerate((0.5, 0.2, 0.9), 1)
    ]
    files.write_bytes(tiny.folder / store.HISTORY, "\n".join(map(json.dumps, history)).encode())
    run = changed(tiny, store.METRICS, kept_epoch=3)
    told = sentences(run, "curves")
    assert "lowest at epoch 2 (0.2000); the kept epoch 3 has 0.9000" in told
    assert "99.00% right in training and 90.00% on validation" in told


def test_a_run_without_a_finished_epoch_is_no_fault(tiny):
    files.write_bytes(tiny.folder / store.HISTORY, b"")
    assert "No epoch was finished" in sentences(tiny, "curves")


def test_sure_mistakes_are_counted(tiny):
    stored = tiny.predictions()
    wrong = stored["probs"].argmax(1) != stored["labels"]
    sure = int((wrong & (stored["probs"].max(1) > findings.SURE)).sum())
    told = sentences(tiny, "calibration")
    assert (f"{sure} test image" in told) == bool(sure)
    assert "differ by" in told


def test_one_seed_is_a_limit_and_two_are_counted(tiny):
    import shutil

    assert "One seed (0) was trained" in sentences(tiny, "limits")
    folder = tiny.folder.with_name("second-seed")
    shutil.copytree(tiny.folder, folder)
    changed(store.load("second-seed"), store.INFO, seed=1)
    assert "2 seeds of these settings" in sentences(tiny, "limits")


# Which numbers ask for an answer: on runs made up for it


def made(folder: Path, metrics: dict | None = None, **info) -> store.Run:
    """A run of two classes that is good in every respect but those given."""
    row = {"recall": 0.99, "support": 50}
    good = {
        "test_accuracy": 0.99,
        "test_accuracy_interval": [0.98, 0.995],
        "per_class": [{"class": "a", **row}, {"class": "b", **row}],
        "confusion": [[49, 1], [1, 49]],
        "expected_calibration_error": 0.01,
        "calibration": [],
        "kept_epoch": 2,
    }
    usual = {
        "dataset": "own",
        "dataset_sha256": "f" * 64,
        "classes": ["a", "b"],
        "images": {"fit": 80, "validation": 20, "test": 100},
    }
    return store.Run("made", folder, usual | info, good | (metrics or {}))


def concern(found: list[findings.Finding], words: str) -> bool:
    """Whether the one finding with these words asks for an answer."""
    (told,) = (finding for finding in found if words in finding.sentence)
    return told.concern


@pytest.mark.parametrize(("exact", "near", "asks"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_any_duplicate_asks_for_an_answer(artifacts, exact, near, asks):
    run = made(artifacts)
    counts = {"exact": exact, "near": near, "images": {"train": 100, "test": 100}, "pairs": []}
    dataset_cache.write("own", "duplicates", {"dataset_sha256": "f" * 64, **counts})
    assert concern(findings.of_data(run), "100 test images") is asks


@pytest.mark.parametrize(("held_out", "asks"), [(0, True), (20, False)])
def test_nothing_held_out_asks_for_an_answer(artifacts, held_out, asks):
    run = made(artifacts, images={"fit": 80, "validation": held_out, "test": 100})
    told = [finding.sentence for finding in findings.of_data(run) if finding.concern]
    assert bool(told) is asks
    assert all("Nothing was held out" in sentence for sentence in told)


@pytest.mark.parametrize(("most", "asks"), [(30, False), (31, True)])
def test_a_test_part_is_uneven_from_half_as_many_again(artifacts, most, asks):
    rows = [{"recall": 1.0, "support": support} for support in (20, most)]
    told = findings.of_data(made(artifacts, {"per_class": rows}))
    assert any("20 to 31 images a class" in finding.sentence for finding in told) is asks
    assert any(finding.concern for finding in told) is asks


@pytest.mark.parametrize(
    ("low", "verdict", "asks"),
    [(0.96, "its whole 95 % interval above", False), (0.95, "their 95 % intervals overlap", True)],
)
def test_a_simple_method_that_comes_as_far_asks_for_an_answer(artifacts, low, verdict, asks):
    rows = [
        {"name": "Majority class", "accuracy": 0.5, "interval": [0.4, 0.6]},
        {"name": "Nearest neighbours", "accuracy": 0.93, "interval": [0.9, 0.95]},
    ]
    dataset_cache.write("own", "baselines", {"dataset_sha256": "f" * 64, "rows": rows})
    run = made(artifacts, {"test_accuracy": 0.97, "test_accuracy_interval": [low, 0.99]})
    told = findings.of_baselines(run)
    assert f"+4.00 points against nearest neighbours: {verdict}" in told[1].sentence
    assert concern(told, "This run reaches") is asks


@pytest.mark.parametrize(
    ("accuracy", "most", "asks"),
    [(0.45, 25, True), (0.55, 25, False), (0.85, 75, True), (0.95, 75, False)],
)
def test_twice_the_most_frequent_class_or_nine_tenths_is_better_than_guessing(
    artifacts, accuracy, most, asks
):
    rows = [{"recall": 0.5, "support": support} for support in (most, *[(100 - most) / 5] * 5)]
    run = made(artifacts, {"test_accuracy": accuracy, "per_class": rows})
    assert concern(findings.of_baselines(run), "Always saying the most frequent class") is asks


def history(run: store.Run, losses: list[float], train: float, validation: float) -> store.Run:
    records = [
        {"epoch": epoch, "train_accuracy": train, "validation_accuracy": validation}
        | {"validation_loss": loss}
        for epoch, loss in enumerate(losses, 1)
    ]
    files.write_bytes(run.folder / store.HISTORY, "\n".join(map(json.dumps, records)).encode())
    return run


@pytest.mark.parametrize(("last", "asks"), [(0.21, False), (0.23, True)])
def test_a_kept_epoch_a_tenth_above_the_lowest_loss_asks_for_an_answer(artifacts, last, asks):
    run = history(made(artifacts, {"kept_epoch": 3}), [0.5, 0.2, last], 0.99, 0.98)
    assert concern(findings.of_curves(run), "lowest at epoch 2") is asks


@pytest.mark.parametrize(("last", "falls"), [(0.1, True), (0.3, False)])
def test_a_loss_that_still_falls_asks_for_more_epochs(artifacts, last, falls):
    told = findings.of_curves(history(made(artifacts), [0.5, 0.2, last], 0.99, 0.98))
    assert any("still fell at the end" in finding.sentence for finding in told) is falls


@pytest.mark.parametrize(("validation", "asks"), [(0.975, False), (0.965, True)])
def test_a_gap_of_two_points_to_validation_asks_for_an_answer(artifacts, validation, asks):
    run = history(made(artifacts), [0.5, 0.2, 0.3], 0.99, validation)
    assert concern(findings.of_curves(run), "At that epoch") is asks


@pytest.mark.parametrize(("recall", "asks"), [(0.94, True), (0.96, False)])
def test_a_class_found_in_under_95_of_100_asks_for_an_answer(artifacts, recall, asks):
    rows = [{"class": "a", "recall": recall}, {"class": "b", "recall": 0.99}]
    run = made(artifacts, {"per_class": rows, "confusion": [[47, 3], [0, 50]]})
    (told,) = findings.of_errors(run)
    assert told.sentence == f"a has recall {recall:.3f}; 6.0% go to b (3 images)."
    assert told.concern is asks


def answers(run: store.Run, probs: list[list[float]]) -> store.Run:
    """The run with these probabilities for as many images of class 0."""
    arrays = {"labels": np.zeros(len(probs), int), "probs": np.array(probs, np.float16)}
    files.write_arrays(run.folder / store.PREDICTIONS, **arrays)
    return run


@pytest.mark.parametrize(("error", "asks"), [(0.015, False), (0.025, True)])
def test_two_points_between_confidence_and_accuracy_ask_for_an_answer(artifacts, error, asks):
    run = answers(made(artifacts, {"expected_calibration_error": error}), [[1, 0]])
    assert concern(findings.of_calibration(run), "Confidence and accuracy differ") is asks


@pytest.mark.parametrize(("accuracy", "asks"), [(0.93, False), (0.91, True)])
def test_the_bin_of_the_widest_gap_is_named_if_it_holds_enough_images(artifacts, accuracy, asks):
    bins = [
        {"low": 0.0, "high": 0.5, "count": 29, "confidence": 0.4, "accuracy": 0.0},
        {"low": 0.5, "high": 0.9, "count": 30, "confidence": 0.8, "accuracy": 0.79},
        {"low": 0.9, "high": 1.0, "count": 99, "confidence": 0.96, "accuracy": accuracy},
    ]
    told = findings.of_calibration(answers(made(artifacts, {"calibration": bins}), [[1, 0]]))
    assert concern(told, f"confidence 0.96 but accuracy {accuracy}") is asks


def test_only_mistakes_above_99_percent_are_called_sure(artifacts):
    run = answers(made(artifacts), [[0.001, 0.999], [0.2, 0.8], [0.999, 0.001]])
    assert concern(findings.of_calibration(run), "1 test image is")
    told = findings.of_calibration(answers(run, [[0.02, 0.98], [0.999, 0.001]]))
    assert not any("confidence." in finding.sentence for finding in told)
