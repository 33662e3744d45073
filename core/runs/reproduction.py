"""What came out when a run's saved weights were scored again; read without torch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.runs import files, store

NAME = "reproduced.json"
RESULT = ("stored", "found", "count", "changed_predictions")


def read(run: store.Run) -> dict[str, Any] | None:
    """What came out for a run's present weights; None when they were not scored again here.

    `exact` says whether every test image got its stored class; `problem`, where it is not None,
    why the weights could not be scored, and otherwise there are `stored` and `found` (accuracies),
    `count`, `changed_predictions` and `seconds`. `time`, `threads`, `processor` and `versions` say
    when and with what, `elsewhere` that it came with a run's zip.
    """
    try:
        found = files.read_json(run.folder / NAME, ("exact", "time", "problem", "weights_sha256"))
        whole = found["problem"] is not None or all(name in found for name in RESULT)
        same = found["weights_sha256"] == store.weights_sha256(run)
        found["exact"] &= not found.get("changed_predictions")  # once, the number right was enough
        return found if whole and same else None
    except files.BrokenRun:
        return None


def write(
    run: store.Run,
    result: dict[str, Any] | None,
    *,
    seconds: float,
    problem: str | None = None,
) -> None:
    """Stamp a run with a scoring.Reproduction as a dict, or with the `problem` that left it
    without one.
    """
    import torch

    from core.training.hardware import environment

    scored = {
        "exact": False,
        **(result or {}),
        "problem": problem,
        "seconds": seconds,
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "threads": torch.get_num_threads(),
        "weights_sha256": store.weights_sha256(run),
        **environment(),
    }
    files.write_json(run.folder / NAME, scored)
