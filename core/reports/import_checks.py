"""What the files of a run from outside must be like before pages show them. Serves archive.py."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import numpy as np

from core.analysis import neighbours, ood
from core.evaluation import classification
from core.runs import reproduction, safe_zip, store
from core.runs.safe_zip import BadArchive
from core.training.recipes import from_description

MAX_HISTORY = 100_000_000
MAX_CLASSES, MAX_TEXT = 1000, 5000
PARTS = {
    "labels": 1,
    "probs": 2,
    "epoch_classes": 2,
    "epoch_confidences": 2,
    "validation_labels": 1,
    "validation_probs": 2,
    "log_odds": 1,
    "validation_log_odds": 1,
}  # of predictions.npz, each with its number of dimensions
COMPUTED = {
    neighbours.NEIGHBOURS: ("indices", "labels", "distances"),
    ood.NAME: ("centres", "whitening"),
}  # each with its arrays of numbers
SCALARS = ("test_limit", "validation_limit", "limit")
MAX_SCORED = 100_000
NUMBERS = {int, float, type(None)}
INFO_KEYS = (*store.REQUIRED, "id", "config", "test_sha256", "dataset_sha256", "images", "versions")
TEXTS: tuple[str, ...] = ("name", "recipe", "title", "dataset", "model", "source", "stated")
TEXTS += ("notes", "device", "precision", "processor", "platform", "commit", "created")
TEXTS += ("backend", "test_sha256", "dataset_sha256")
SHOWN = {
    "images": {"fit": 0, "validation": 0, "test": 0},
    "layers": [{"layer": "", "output": [], "parameters": 0}],
}
TUNED = {"start_from": {"run": "", "weights_sha256": ""}, "personal": {"count": 0, "repeats": 0}}
OUTCOME = {"kept_epoch": 0, "training_seconds": 0.0, "total_seconds": 0.0, "finished": ""}
METRIC_KEYS = (*OUTCOME, "validation_accuracy", "validation_loss")  # before there were `epochs`
OPEN_ENDED = ("calibration", "most_confused", "layers")  # lists of any length up to MAX_CLASSES


def description(info: dict[str, Any]) -> None:
    """run.json as experiments write it. Raises BadArchive naming the field."""
    classes, shape = info["classes"], info["shape"]
    if not isinstance(info["id"], str) or not store.ID_PATTERN.fullmatch(info["id"]):
        raise BadArchive(f"{store.INFO}: {str(info['id'])[:80]!r} is not the id of a run")
    schema = info.get("schema", store.SCHEMA)
    if not isinstance(schema, int) or schema > store.SCHEMA:
        raise BadArchive(f"{store.INFO} was written by a newer version of Lightbox: update")
    if not isinstance(classes, list) or not 2 <= len(classes) <= MAX_CLASSES:
        raise BadArchive(f"{store.INFO}: classes must be a list of 2 to {MAX_CLASSES} names")
    if not all(isinstance(name, str) and len(name) <= 200 for name in classes):
        raise BadArchive(f"{store.INFO}: a class has no name of at most 200 characters")
    if not isinstance(shape, list) or len(shape) != 3:
        raise BadArchive(f"{store.INFO}: shape is not [channels, height, width]")
    if not all(type(side) is int and 1 <= side <= 1024 for side in shape):
        raise BadArchive(f"{store.INFO}: shape {shape} is outside 1 to 1024")
    for name in ("mean", "std"):
        if not _numbers(info.get(name), shape[0]):
            raise BadArchive(f"{store.INFO}: {name} is not one finite number a channel")
    _words_and_numbers(info)
    try:
        from_description(info)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadArchive(f"{store.INFO}: {error}") from error


def _words_and_numbers(info: dict[str, Any]) -> None:
    """What pages only show."""
    if type(info["seed"]) is not int or type(info.get("parameters")) is not int:
        raise BadArchive(f"{store.INFO}: seed or parameters is no whole number")
    for name in TEXTS:
        if not isinstance(info.get(name) or "", str) or len(info.get(name) or "") > MAX_TEXT:
            raise BadArchive(f"{store.INFO}: {name} is no text of at most {MAX_TEXT} characters")
    versions = info["versions"].values() if isinstance(info["versions"], dict) else [0]
    if any(not isinstance(version or "", str) for version in versions):
        raise BadArchive(f"{store.INFO}: versions is not names with texts")
    tuned = any(info.get(name) is not None for name in TUNED)
    if fault := _other_form({"layers": [], **info}, SHOWN | (TUNED if tuned else {})):
        raise BadArchive(f"{store.INFO}: {fault}")


def history(content: bytes) -> None:
    """Lines of records by epoch, as training appends them. Raises BadArchive."""
    if len(content) > MAX_HISTORY:
        raise BadArchive(f"{store.HISTORY} is larger than {MAX_HISTORY / 1e6:.0f} MB")
    for number, line in enumerate(content.splitlines(), 1):
        try:
            record = json.loads(line)
            whole = type(record["epoch"]) is int and set(map(type, record.values())) <= NUMBERS
            whole = whole and {"train_loss", "train_accuracy"} <= record.keys()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            whole = False
        if not whole:
            raise BadArchive(f"{store.HISTORY}: line {number} is not the record of an epoch")


def predictions(content: bytes, metrics: dict[str, Any], names: list[str]) -> None:
    """Arrays of the kinds and shapes that a run has, which tell the same story as the metrics.

    Raises BadArchive.
    """
    arrays = read_arrays(content)
    labels, probs, classes = arrays["labels"], arrays["probs"], len(names)
    if labels.dtype.kind not in "iu" or probs.dtype != np.float16:
        raise BadArchive(f"{store.PREDICTIONS}: labels are {labels.dtype}, probs {probs.dtype}")
    if not len(labels) or probs.shape != (len(labels), classes):
        raise BadArchive(
            f"{store.PREDICTIONS}: {len(labels)} labels, {classes} classes, "
            f"but probabilities {probs.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes or not np.isfinite(probs).all():
        raise BadArchive(f"{store.PREDICTIONS}: labels or probabilities out of range")
    for part in ("", "validation_"):
        count = len(arrays.get(f"{part}labels", ()))
        odds = arrays.get(f"{part}log_odds", np.zeros(count, np.float32))  # older runs have none
        if odds.dtype != np.float32 or len(odds) != count or not np.isfinite(odds).all():
            raise BadArchive(f"{store.PREDICTIONS}: {part}log_odds do not fit its images")
    measured = classification.measure(labels, probs.astype(np.float32), tuple(names))
    for row in measured["calibration"]:  # older runs have no intervals there
        del row["accuracy_low"], row["accuracy_high"]
    if fault := _other_form(metrics, measured | OUTCOME):
        raise BadArchive(f"{store.METRICS}: {fault}")
    epochs = metrics["kept_epoch"], metrics.get("epochs", 0 if not metrics.get("stopped") else None)
    if any(type(number) is not int or number < 0 for number in epochs):
        raise BadArchive(f"{store.METRICS}: kept_epoch or epochs is no whole number")
    counts, share = np.array(metrics["confusion"]), metrics["test_accuracy"]
    if counts.dtype.kind != "i" or counts.min() < 0:
        raise BadArchive(f"{store.METRICS}: the confusion matrix does not count")
    if any(not _is_pair(item, classes) for item in metrics["most_confused"]):
        raise BadArchive(f"{store.METRICS}: most_confused names a class that is none")
    if (counts.sum(1) != np.bincount(labels, minlength=classes)).any():
        raise BadArchive(f"{store.METRICS}: the confusion matrix is not that of the predictions")
    right = measured["test_accuracy"]
    if not abs(share - right) <= 0.002:  # float16 may turn a near tie
        raise BadArchive(f"{store.METRICS} says {share:.2%} right, the predictions {right:.2%}")


def _other_form(value: Any, model: Any, name: str = "it") -> str | None:
    """Where a value from outside is not built like `model`: keys, lengths and kinds; or None."""
    if isinstance(model, dict):
        if not isinstance(value, dict) or not model.keys() <= value.keys():
            return f"{name} lacks one of {', '.join(model)}"
        faults = (_other_form(value[key], model[key], key) for key in model)
    elif isinstance(model, list | tuple):
        if not isinstance(value, list | tuple):
            return f"{name} is no list"
        exact = name not in OPEN_ENDED and model
        if len(value) > MAX_CLASSES or (exact and len(value) != len(model)):
            return f"{name} has {len(value)} items, not {len(model)}"
        faults = (_other_form(item, model[0], f"an item of {name}") for item in value if model)
    elif isinstance(model, str):
        return None if isinstance(value, str) else f"{name} is no text"
    else:
        return None if _numbers([value], 1) else f"{name} is no finite number"
    return next((fault for fault in faults if fault), None)


def _is_pair(item: list[Any], classes: int) -> bool:
    """[true class, predicted class, count]"""
    return len(item) == 3 and all(type(n) is int and 0 <= n < classes for n in item[:2])


def _numbers(values: Any, count: int) -> bool:
    """Whether these are `count` finite numbers."""
    return (
        isinstance(values, list | tuple)
        and len(values) == count
        and all(type(value) in (int, float) and math.isfinite(value) for value in values)
    )


def computed(found: dict[str, bytes]) -> None:
    """What was computed about a run later, where it came with it: arrays of finite numbers, and
    what a scoring wrote. Raises BadArchive.
    """
    for name, parts in COMPUTED.items():
        if name not in found:
            continue
        arrays = _arrays(found[name], name, (*parts, *SCALARS))
        for part in parts:
            kind = arrays[part].dtype.kind if part in arrays else ""
            if kind not in (*"iuf",):
                raise BadArchive(f"in {name}: {part} is missing or holds no numbers")
            if not np.isfinite(arrays[part]).all():
                raise BadArchive(f"in {name}: {part} is not finite")
        for part in SCALARS:
            if part in arrays and (arrays[part].ndim or arrays[part].dtype.kind != "f"):
                raise BadArchive(f"in {name}: {part} is no number")
    if reproduction.NAME in found:
        _reproduction(found[reproduction.NAME])


def _reproduction(content: bytes) -> None:
    try:
        scored = json.loads(content[:MAX_SCORED])
        words = [scored["time"], scored["weights_sha256"], scored["problem"] or ""]
        numbers = [scored[name] for name in reproduction.RESULT if scored["problem"] is None]
        whole = type(scored["exact"]) is bool and _numbers(numbers, len(numbers))
        whole = whole and all(isinstance(word, str) and len(word) <= MAX_TEXT for word in words)
    except (ValueError, TypeError, KeyError, RecursionError):
        whole = False
    if not whole:
        raise BadArchive(f"{reproduction.NAME} is not what a scoring writes")


def read_arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a predictions.npz from outside: no pickle, no bomb. Raises BadArchive."""
    where = f"in {store.PREDICTIONS}: "
    arrays = _arrays(content, store.PREDICTIONS, tuple(PARTS))
    if missing := {"labels", "probs"} - arrays.keys():
        raise BadArchive(f"{where}{min(missing)} is missing")
    for name, array in arrays.items():
        if array.ndim != PARTS[name]:
            raise BadArchive(f"{where}{name} has {array.ndim} dimensions, not {PARTS[name]}")
    return arrays


def _arrays(content: bytes, file: str, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those arrays of an .npz that are `wanted`. Raises BadArchive naming the file."""
    try:
        with safe_zip.opened(content):
            pass
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files if name in wanted}
    except BadArchive as error:
        raise BadArchive(f"in {file}: {error}") from None
    except Exception as error:  # NumPy raises almost anything on foreign bytes
        raise BadArchive(f"in {file}: not arrays of numbers ({type(error).__name__})") from error
