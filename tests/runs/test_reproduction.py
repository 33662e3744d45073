"""Scoring again, kept with the run: reproduced, not reproduced, or why it could not be tried."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from core.analysis import scoring
from core.cli import main as command_line
from core.data import datasets
from core.jobs import background_tasks
from core.runs import files, reproduction, store
from tests.helpers import ROOT
from tests.helpers.workers import task_done


def tamper(run: store.Run, *, manifest: bool) -> None:
    """Other weights in the run's file, with or without a manifest that vouches for them."""
    path = run.folder / store.WEIGHTS
    weights = files.read_tensors(path)
    last = [name for name in weights if name.endswith("weight")][-1]
    files.write_tensors(path, {**weights, last: -weights[last]})
    if manifest:
        files.write_manifest(run.folder / store.MANIFEST, store.FINISHED_FILES)


def test_a_page_has_a_run_scored_again_in_a_worker(tiny):
    assert reproduction.read(tiny) is None
    background_tasks.start(tiny.id, "evaluate")
    assert task_done(tiny, "evaluate").status == "done"
    found = reproduction.read(tiny)
    assert found["exact"] is True
    assert found["problem"] is None
    assert found["found"] == found["stored"] == tiny.metrics["test_accuracy"]
    assert found["changed_predictions"] == 0
    assert found["count"] == 360
    assert found["threads"] == 1
    assert found["versions"]["torch"] == torch.__version__.split("+")[0]
    assert found["weights_sha256"] == store.weights_sha256(tiny)


def test_tampered_weights_are_stamped_with_their_checksum_mismatch(tiny):
    """Case 26."""
    tamper(tiny, manifest=False)
    background_tasks.start(tiny.id, "evaluate")
    found = task_done(tiny, "evaluate")
    assert found.status == "failed"
    assert "checksum mismatch" in found.reason
    assert reproduction.read(tiny)["exact"] is False
    assert "checksum mismatch" in reproduction.read(tiny)["problem"]


def test_other_weights_under_a_new_manifest_are_stamped_not_reproduced(tiny, capsys):
    tamper(tiny, manifest=True)
    assert command_line.main(["evaluate", tiny.id, "--save"]) == 1
    assert "NOT reproduced" in capsys.readouterr().out
    found = reproduction.read(tiny)
    assert found["exact"] is False
    assert found["found"] < found["stored"]
    assert found["changed_predictions"] > 0


def test_as_many_right_as_stored_but_others_is_not_reproduced(tiny, capsys):
    """Five wrong answers made right and five right ones wrong."""
    stored = tiny.predictions()
    right = stored["probs"].argmax(1) == stored["labels"]
    for places, shift in ((np.flatnonzero(~right)[:5], 0), (np.flatnonzero(right)[:5], 1)):
        stored["probs"][places] = np.eye(10)[(stored["labels"][places] + shift) % 10]
    files.write_arrays(tiny.folder / store.PREDICTIONS, **stored)
    assert command_line.main(["evaluate", tiny.id, "--save"]) == 1
    told = capsys.readouterr().out
    assert "NOT reproduced" in told
    assert "10 predictions differ" in told
    found = reproduction.read(tiny)
    assert found["found"] == found["stored"]
    assert (found["exact"], found["changed_predictions"]) == (False, 10)


def test_an_older_verdict_on_the_number_right_alone_counts_as_what_it_is_today(tiny):
    scoring.save_reproduction(tiny.id)
    kept = reproduction.read(tiny)
    assert kept["exact"] is True
    files.write_json(tiny.folder / reproduction.NAME, kept | {"changed_predictions": 400})
    assert reproduction.read(tiny)["exact"] is False


def test_a_near_tie_that_float16_rounds_is_no_change(tiny, monkeypatch):
    """Of two classes as likely in float16 the first is stored as the answer."""
    logits = torch.zeros(360, 10)
    logits[:, 4], logits[:, 2] = 1.0001, 1.0
    stored = tiny.predictions() | {"probs": logits.softmax(1).numpy().astype(np.float16)}
    files.write_arrays(tiny.folder / store.PREDICTIONS, **stored)
    monkeypatch.setattr(scoring.steps, "predict_logits", lambda *_: logits)
    assert scoring.reproduce(tiny.id).changed_predictions == 0


def test_a_stamp_counts_only_for_the_weights_that_were_scored(tiny):
    scoring.save_reproduction(tiny.id)
    tamper(tiny, manifest=True)
    assert reproduction.read(tiny) is None


def test_damaged_predictions_are_stamped_as_the_problem(tiny):
    (tiny.folder / store.PREDICTIONS).write_bytes(b"PK\x03\x04")
    with pytest.raises(files.BrokenRun, match="cannot be read"):
        scoring.save_reproduction(tiny.id)
    assert "predictions" in reproduction.read(tiny)["problem"]


def test_scoring_without_a_stamp_leaves_the_run_as_it_was(tiny):
    before = sorted(path.name for path in tiny.folder.iterdir())
    assert command_line.main(["evaluate", tiny.id]) == 0
    assert sorted(path.name for path in tiny.folder.iterdir()) == before


def test_data_that_is_not_here_is_a_failure_but_no_verdict(tiny):
    whole = datasets.load("digits")
    images = whole.train.images.numpy().copy()
    images[0] ^= 1
    other = datasets.from_arrays(
        "digits",
        images,
        whole.train.labels.numpy(),
        *map(np.asarray, datasets.load_test("digits")[:2]),
        whole.classes,
    )
    with pytest.raises(ValueError, match="is not the one the run was trained on"):
        scoring.save_reproduction(tiny.id, other)
    assert reproduction.read(tiny) is None


def test_a_verdict_without_its_numbers_counts_as_none(tiny):
    scoring.save_reproduction(tiny.id)
    kept = reproduction.read(tiny)
    files.write_json(
        tiny.folder / reproduction.NAME, {k: v for k, v in kept.items() if k != "found"}
    )
    assert reproduction.read(tiny) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"garbage"])
def test_a_damaged_stamp_counts_as_none(tiny, content):
    (tiny.folder / reproduction.NAME).write_bytes(content)
    assert reproduction.read(tiny) is None


def test_reading_a_stamp_loads_no_torch(tiny):
    scoring.save_reproduction(tiny.id)
    code = f"""
import sys
from core.jobs import background_tasks
from core.runs import reproduction, store
run = store.load({tiny.id!r})
assert reproduction.read(run)["exact"]
assert not background_tasks.progress(run.folder, "evaluate").active
print(sorted({{"torch", "torchvision", "sklearn", "scipy"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
