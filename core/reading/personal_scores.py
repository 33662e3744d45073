"""What runs make of the personal set: scored once for each state of set and weights, and kept.

Nothing here imports torch until a run is scored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from filelock import FileLock

from core.evaluation import uncertainty
from core.reading import personal
from core.reading.personal import Entry, Kind
from core.runs import files, store

NAME = "scores.json"
AT_ONCE = 500  # drawings that a page scores itself


@dataclass(frozen=True)
class Part:
    """How many of some drawings were read right; `interval` is Wilson's 95 %, None for none."""

    count: int
    right: int
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class PersonalScore:
    """A run on the personal set. `unseen` are the drawings that it was not trained on: all of them,
    or the third that is always held out, which `held_out` is for every run. `wrong` names those
    of `unseen` read wrong: `id`, `label`, `said`, `confidence`, the surest first.
    """

    run_id: str
    trained_on_drawings: bool
    unseen: Part
    held_out: Part
    wrong: tuple[dict[str, Any], ...]


def score(run: store.Run) -> PersonalScore:
    """Score a finished run on the drawings that it reads, each as its network saw it when it was
    kept. Kept when the folder can be written.

    Raises BrokenRun, or ValueError when the run is unfinished or there are no drawings.
    """
    import torch

    from core.analysis import scoring
    from core.training import steps

    kind = personal.kind_of(run)
    kept = personal.entries(kind)
    if not kept:
        raise ValueError("there are no drawings yet: keep some on the Draw page")
    model = scoring.load_model(run)
    images = torch.from_numpy(personal.frames(kind, kept))
    probs = steps.predict(model, images, run.info["mean"], run.info["std"])
    verdict = judge(run, kept, probs)
    _keep(kind, run, kept, verdict)
    return verdict


def judge(run: store.Run, kept: Sequence[Entry], probs: np.ndarray) -> PersonalScore:
    """The verdict on `probs` (N, classes) of these drawings."""
    labels = np.array([entry.label for entry in kept])
    held = np.array([entry.held_out for entry in kept])
    right = probs.argmax(1) == labels
    trained = bool((run.info.get("personal") or {}).get("count"))
    unseen = held if trained else np.ones(len(kept), bool)
    places = np.flatnonzero(unseen & ~right)
    classes = run.info["classes"]
    wrong = [
        {
            "id": kept[place].id,
            "label": classes[labels[place]],
            "said": classes[int(probs[place].argmax())],
            "confidence": round(float(probs[place].max()), 4),
        }
        for place in places[np.argsort(-probs[places].max(1), kind="stable")]
    ]
    return PersonalScore(run.id, trained, _part(right[unseen]), _part(right[held]), tuple(wrong))


def _part(right: np.ndarray) -> Part:
    count, good = len(right), int(right.sum())
    return Part(count, good, uncertainty.wilson_interval(good, count) if count else None)


def read(kind: Kind, readers: Sequence[store.Run]) -> dict[str, PersonalScore]:
    """Run id -> verdict of those runs that were scored on the set as it is now; needs no torch."""
    try:
        stored = files.read_json(kind.folder / NAME, ())
    except files.BrokenRun:
        return {}
    digest, found = personal.digest(personal.entries(kind)), {}
    for run in readers:
        with contextlib.suppress(files.BrokenRun, KeyError, TypeError, ValueError):
            row = stored[run.id]
            if row["set"] == digest and row["weights_sha256"] == store.weights_sha256(run):
                found[run.id] = _parsed(row["verdict"])
    return found


def _parsed(row: dict[str, Any]) -> PersonalScore:
    parts = {}
    for name in ("unseen", "held_out"):
        interval = row[name]["interval"]
        parts[name] = Part(**row[name] | {"interval": tuple(interval) if interval else None})
    return PersonalScore(**row | parts | {"wrong": tuple(row["wrong"])})


def _keep(kind: Kind, run: store.Run, kept: Sequence[Entry], verdict: PersonalScore) -> None:
    """Where nothing can be written the verdict is only told."""
    path = kind.folder / NAME
    row = {
        "set": personal.digest(kept),
        "weights_sha256": store.weights_sha256(run),
        "verdict": asdict(verdict),
    }
    with contextlib.suppress(OSError), FileLock(kind.folder / f".{NAME}.lock", timeout=10):
        try:
            stored = files.read_json(path, ())
        except files.BrokenRun:
            stored = {}
        files.write_json(path, stored | {run.id: row})


def sentence(part: Part) -> str:
    """A part in words and figures."""
    if part.interval is None:
        return "none"
    low, high = part.interval
    return (
        f"{part.right} of {part.count} ({100 * part.right / part.count:.1f} %, "
        f"95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
    )


def words(verdict: PersonalScore) -> str:
    """A verdict as lines of text."""
    what = "held-out drawings" if verdict.trained_on_drawings else "drawings"
    lines = [f"{verdict.run_id}: {sentence(verdict.unseen)} {what} read right"]
    if verdict.trained_on_drawings:
        lines.append("the others were trained on, so they are no test")
    else:
        lines.append(f"of those held out from any training: {sentence(verdict.held_out)}")
    lines += [
        f"{row['id']}  is {row['label']}, said {row['said']} ({100 * row['confidence']:.0f} %)"
        for row in verdict.wrong
    ]
    return "\n".join(lines)
