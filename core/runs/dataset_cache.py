"""What was computed once about a data set, as JSON beside the runs; read without torch.

Those of the bundled runs' data sets come with the project; newer ones in the artifacts folder go
first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.data.folders import CODE
from core.runs import files, store

FOLDER = "datasets"
SHIPPED = CODE / "artifacts"


def read(dataset: str, kind: str, sha256: str) -> dict[str, Any] | None:
    """A fact of the data set with that sha256, or None when it was not computed for it."""
    for root in (store.root(), SHIPPED):
        try:
            found = files.read_json(_path(root, dataset, kind), ("dataset_sha256",))
        except files.BrokenRun:
            continue
        if found["dataset_sha256"] == sha256:
            return found
    return None


def write(dataset: str, kind: str, value: dict[str, Any]) -> Path:
    """Keep a fact; returns its file."""
    path = _path(store.root(), dataset, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, value)
    return path


def _path(root: Path, dataset: str, kind: str) -> Path:
    return root / FOLDER / f"{dataset}-{kind}.json"
