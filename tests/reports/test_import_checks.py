"""What the files of a run from outside must be like: each fault is refused by its name."""

import io
import os

import numpy as np
import pytest

from core.analysis import neighbours, ood
from core.jobs import queue
from core.runs import reproduction, store, tags
from tests.helpers.archives import contents, refuse, sealed, with_json

pytestmark = pytest.mark.usefixtures("untouched")


@pytest.mark.parametrize(
    ("name", "changes", "match"),
    [
        (store.INFO, {"id": "../../evil"}, "is not the id of a run"),
        (store.INFO, {"id": 7}, "is not the id of a run"),
        (store.INFO, {"schema": 99}, "newer version"),
        (store.INFO, {"classes": []}, "classes must be"),
        (store.INFO, {"classes": [["a"]] * 10}, "a class has no name"),
        (store.INFO, {"shape": [1, 10**9, 28]}, "outside 1 to 1024"),
        (store.INFO, {"shape": "abc"}, "is not .channels"),
        (store.INFO, {"mean": ["a"]}, "mean is not"),
        (store.INFO, {"seed": "x"}, "seed or parameters"),
        (store.INFO, {"name": ["x"]}, "name is no text"),
        (store.INFO, {"title": "x" * 9000}, "title is no text"),
        (store.INFO, {"versions": {"torch": 2}}, "versions"),
        (store.INFO, {"images": {"fit": "many"}}, "images"),
        (store.INFO, {"layers": [{"layer": 1}]}, "layers"),
        (store.INFO, {"layers": [{}] * 1001}, "layers has 1001 items"),
        (store.INFO, {"start_from": {"run": "x", "weights_sha256": "y"}}, "lacks one of"),
        (
            store.INFO,
            {
                "start_from": {"run": "x", "weights_sha256": "y"},
                "personal": {"count": "many", "repeats": 1},
            },
            "count is no finite number",
        ),
        (store.INFO, {"model": "transformer"}, "transformer"),
        (store.INFO, {"config": {"lr": 1e9}}, "lr: "),
        (store.METRICS, {"most_confused": [[99, 0, 1]]}, "a class that is none"),
        (store.METRICS, {"confusion": [[1]]}, "confusion has 1 items"),
        (store.METRICS, {"per_class": "many"}, "per_class is no list"),
        (store.METRICS, {"test_accuracy": 0.5}, "says 50.00%"),
        (store.METRICS, {"test_accuracy": None}, "no finite number"),
        (store.METRICS, {"calibration": [{}]}, "lacks one of low"),
        (store.METRICS, {"kept_epoch": 1.5}, "no whole number"),
        (store.METRICS, {"kept_epoch": None}, "kept_epoch is no finite number"),
        (store.METRICS, {"epochs": "many"}, "no whole number"),
        (store.METRICS, {"epochs": None, "stopped": True}, "no whole number"),
        (store.METRICS, {"training_seconds": "long"}, "training_seconds is no finite number"),
        (store.METRICS, {"finished": 7}, "finished is no text"),
    ],
)
def test_a_forged_description_is_refused_by_its_field(tiny, name, changes, match):
    """Cases 30 and 41."""
    found = contents(tiny)
    queue.delete(tiny.id)
    refuse(sealed(with_json(found, name, **changes)), match)


def test_a_history_that_is_none_is_refused(tiny):
    found = contents(tiny)
    queue.delete(tiny.id)
    for line in (b"garbage", b"{}", b'{"epoch": 1, "train_loss": "x"}', b"[1]"):
        refuse(sealed(found | {store.HISTORY: line + b"\n"}), "line 1 is not the record")


def test_predictions_of_a_wrong_type_shape_or_range_are_refused(tiny):
    """Case 31."""
    found, stored = contents(tiny), tiny.predictions()
    queue.delete(tiny.id)
    for changes, match in (
        ({"labels": stored["labels"].astype(float)}, "labels are float64"),
        ({"labels": stored["labels"] + 1}, "out of range"),
        ({"labels": stored["labels"][:-1]}, "359 labels"),
        ({"probs": stored["probs"].astype(np.float64)}, "probs float64"),
        ({"probs": stored["probs"] * np.nan}, "out of range"),
        ({"probs": stored["probs"].ravel()}, "has 1 dimensions"),
        ({"labels": np.roll(stored["labels"], 1)}, "confusion matrix|says"),
        ({"log_odds": stored["log_odds"][:-1]}, "log_odds do not fit"),
        ({"log_odds": stored["log_odds"].astype(np.float64)}, "log_odds do not fit"),
        ({"log_odds": stored["log_odds"] + np.float32(np.inf)}, "log_odds do not fit"),
        ({"log_odds": stored["log_odds"][:, None]}, "has 2 dimensions"),
        ({"validation_log_odds": stored["log_odds"]}, "validation_log_odds do not fit"),
    ):
        refuse(sealed(with_arrays(found, **changes)), match)


def test_predictions_with_pickles_are_refused_and_nothing_runs(tiny, tmp_path):
    """Case 31: NPZ with a pickle."""

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    found = contents(tiny)
    queue.delete(tiny.id)
    refuse(sealed(with_arrays(found, labels=np.array([Evil()], object))), "not arrays of numbers")
    assert not (tmp_path / "executed").exists()
    refuse(sealed(found | {store.PREDICTIONS: b"no zip"}), "not a zip")


def test_predictions_that_inflate_are_refused(tiny):
    """Cases 24 and 31."""
    found = contents(tiny)
    queue.delete(tiny.id)
    bomb = with_arrays(found, epoch_classes=np.zeros((6000, 10_000), np.uint8))
    refuse(sealed(bomb), "inflates too much")


def other_arrays(content: bytes, **changes) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(np.load(io.BytesIO(content))) | changes)
    return buffer.getvalue()


@pytest.mark.usefixtures("rich")
def test_computed_files_of_a_wrong_kind_shape_or_run_are_refused(tiny):
    """Case 31."""
    found = contents(store.load(tiny.id))
    queue.delete(tiny.id)
    near, far = neighbours.NEIGHBOURS, ood.NAME
    stored, form = np.load(io.BytesIO(found[near])), np.load(io.BytesIO(found[far]))
    for name, changes, match in (
        (near, {"distances": stored["distances"].astype(str)}, "distances is missing or holds no"),
        (near, {"distances": np.full_like(stored["distances"], np.nan)}, "distances is not finite"),
        (near, {"test_limit": np.zeros(3)}, "test_limit is no number"),
        (near, {"indices": stored["indices"][:-1]}, "does not belong to this run"),
        (near, {"labels": stored["labels"] + 20}, "does not belong to this run"),
        (near, {"weights_sha256": np.array("0" * 64)}, "does not belong to this run"),
        (near, {"indices": np.array([{}], object)}, "not arrays of numbers"),
        (near, {"labels": np.zeros((6000, 10_000), np.uint8)}, "inflates too much"),
        (far, {"centres": form["centres"][:-1]}, "does not belong to this run"),
        (far, {"whitening": np.full_like(form["whitening"], np.inf)}, "whitening is not finite"),
    ):
        refuse(found | {name: other_arrays(found[name], **changes)}, match)
    for name in (near, far):
        refuse(found | {name: b"no arrays"}, f"in {name}: not a zip")
    for changes in ({"exact": 1}, {"found": "all"}, {"time": None}, {"problem": 7}):
        refuse(with_json(found, reproduction.NAME, **changes), "is not what a scoring writes")
    refuse(with_json(found, reproduction.NAME, weights_sha256="0"), "does not belong to this run")
    refuse(found | {tags.NAME: b"[]"}, r"tags\.json lacks")


def with_arrays(found: dict[str, bytes], **changes) -> dict[str, bytes]:
    stored = dict(np.load(io.BytesIO(found[store.PREDICTIONS]))) | changes
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **stored)
    return found | {store.PREDICTIONS: buffer.getvalue()}
