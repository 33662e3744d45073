"""What the numbers say to a reviewer: sentences raised from what a run stores."""

import json

import numpy as np

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
