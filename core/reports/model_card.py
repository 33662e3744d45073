"""The model card of a run as Markdown: data, metrics, limits and intended use, from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.runs.store import Run
from core.runs.summary import accuracy_text, confused_sentences, dataset_title

FILES = {
    "model.pth": "weights, a plain PyTorch state dict",
    "report.html": "everything on one page that needs no network",
    "notebook.ipynb": "the run rebuilt in plain PyTorch, as a notebook",
    "rebuild.py": "the same as a script; --train trains it again",
    "predictions.csv": "each test image with label, prediction and confidence",
    "model_accuracy.txt": "the result in a few lines",
    "classification_report.txt": "precision, recall and F1 of each class",
    "output_graph.png": "the confusion matrix",
    "curves.png": "loss and accuracy by epoch",
    "output_sample.png": "the first 25 test images, right and wrong",
    "model.onnx": "the network with its normalisation: uint8 images in, probabilities out",
    "run.json": "what was trained, on what, with what",
    "history.jsonl": "one record an epoch",
    "predictions.npz": "probabilities of every test image",
    "metrics.json": "every number on this page",
    "manifest.json": "sha256 of the run's files",
    "notes.json": "what people wrote on the run",
    "neighbours.npz": "the nearest training images of every test image",
    "clouds.npz": "where its classes lie in the last hidden layer",
    "reproduced.json": "what came out when the weights were scored again",
    "tags.json": "what people noted on the test images",
}


def text(run: Run, made: Sequence[str], left_out: Mapping[str, str]) -> str:
    """The card; `made` names the files it lies beside, `left_out` those that are not, and why."""
    info, metrics = run.info, run.metrics
    parts = [
        f"# {plain(run.title)}",
        "".join(f"- {plain(line)}\n" for line in accuracy_text(run).splitlines()),
        f"## Data\n\n{_data(run)}",
        f"## Results\n\n{_classes(metrics)}\n\n{_mistakes(run)}",
        f"## Limits\n\n{limits_text(run)}",
        "## Intended use\n\n" + USE.format(data=plain(dataset_title(run))),
        f"## Training\n\n{_training(run)}",
        "## Files\n\n" + "".join(f"- `{n}`: {FILES[n]}\n" for n in FILES if n in made),
    ]
    if left_out:
        rows = "".join(f"- `{name}`: {plain(why)}\n" for name, why in left_out.items())
        parts.append(f"## Not here\n\n{rows}")
    if info.get("source"):
        parts.append(f"## Source\n\n{plain(info['source'])}. {plain(info.get('notes') or '')}")
    if run.notes.get("note"):
        parts.append(f"## Notes\n\n{plain(run.notes['note'])}")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def limits_text(run: Run) -> str:
    """What the numbers do not promise, as a Markdown list."""
    metrics = run.metrics
    low, high = metrics["test_accuracy_interval"]
    weak = min(metrics["per_class"], key=lambda row: row["recall"])
    lines = [
        (
            f"On other images of this kind {100 * low:.2f} to {100 * high:.2f} % can be expected; "
            "images of another kind were not measured."
        ),
        f"Weakest class: {plain(weak['class'])}, of which {100 * weak['recall']:.1f} % are found.",
        (
            "Confidence and accuracy differ by "
            f"{100 * metrics['expected_calibration_error']:.1f} points on average."
        ),
        f"Every image is taken for one of {len(run.info['classes'])} classes, also one of none.",
        f"One training with one seed ({run.info['seed']}): another seed gives another number.",
    ]
    if metrics.get("stopped"):
        lines.append(f"The training was stopped after {metrics['epochs']} epochs.")
    return "".join(f"- {line}\n" for line in lines)


USE = (
    "Learning, teaching and comparing methods on {data}. Not for decisions about people or "
    "documents: nothing but the test part of this data set was measured."
)


def _data(run: Run) -> str:
    images, shape = run.info["images"], "x".join(map(str, run.info["shape"]))
    held = (
        f"{images['validation']:,} held out for validation"
        if images["validation"]
        else ("nothing held out for validation")
    )
    return (
        f"{plain(dataset_title(run))}: {images['fit']:,} images to learn from, {held}, "
        f"{images['test']:,} for the test, each {shape} (channels, height, width). The test part "
        f"chose nothing. sha256 of the data: `{run.info['dataset_sha256']}`."
    )


def _classes(metrics: Mapping[str, Any]) -> str:
    rows = ["| class | precision | recall | F1 | images |", "|---|--:|--:|--:|--:|"]
    rows += [
        f"| {plain(row['class'])} | {row['precision']:.4f} | {row['recall']:.4f} "
        f"| {row['f1']:.4f} | {row['support']:,} |"
        for row in metrics["per_class"]
    ]
    return "\n".join(rows)


def _mistakes(run: Run) -> str:
    sentences = confused_sentences(run.metrics, run.info["classes"])
    return "".join(f"- {plain(sentence)}\n" for sentence in sentences) or "No mistake.\n"


def _training(run: Run) -> str:
    info, config = run.info, run.info["config"]
    changed = {name: config[name] for name in config if config[name] not in (0, 0.0, False, None)}
    settings = ", ".join(f"{name} {value}" for name, value in changed.items())
    return (
        f"{info['parameters']:,} parameters, {run.metrics['training_seconds']:.1f} s of training "
        f"steps on {plain(info.get('processor') or info.get('device') or 'an unknown device')}. "
        f"{plain(settings)}."
    )


def one_line(text: str, limit: int) -> str:
    """Text from outside without line breaks and control signs, cut."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:limit]


def plain(text: str, limit: int = 2000) -> str:
    """Text from outside on one line, as it is: Markdown's signs lose their meaning."""
    line = one_line(text, limit)
    for sign in "\\`*_{}[]<>#|~":
        line = line.replace(sign, f"\\{sign}")
    return line
