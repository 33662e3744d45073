"""The model card of a run as Markdown: data, metrics, limits and intended use, from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.analysis import facts, findings
from core.reports.summary import accuracy_text, class_rows, confused_sentences
from core.runs.provenance import dataset_title
from core.runs.store import Run

FILES = {
    "model.pth": "weights, a plain PyTorch state dict",
    "model.safetensors": "the same weights for other tools, without a pickle",
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
    info = run.info
    parts = [
        f"# {plain(run.title)}",
        "".join(f"- {plain(line)}\n" for line in accuracy_text(run).splitlines()),
        f"## Data\n\n{_data(run)}",
        f"## Results\n\n{_classes(run)}\n\n{_mistakes(run)}",
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
    lines = [facts.other_images(run), *findings.weakest(run, 1), findings.calibrated(run)]
    kinds = len(run.info["classes"])
    sentences = [
        *(fact.sentence for fact in lines),
        f"Every image is taken for one of {kinds} classes, also one of none.",
        *(fact.sentence for fact in facts.of_limits(run)[2:]),
    ]
    return "".join(f"- {plain(sentence)}\n" for sentence in sentences)


USE = (
    "Learning, teaching and comparing methods on {data}. Not for decisions about people or "
    "documents: nothing but the test part of this data set was measured."
)


def _data(run: Run) -> str:
    shape, split = "x".join(map(str, run.info["shape"])), facts.split(run)
    return (
        f"{plain(split.sentence)} Each is {shape} (channels, height, width). {split.how} "
        f"sha256 of the data: `{run.info['dataset_sha256']}`."
    )


def _classes(run: Run) -> str:
    head = "| class | precision | recall | F1 | images |\n|---|--:|--:|--:|--:|\n"
    return head + "\n".join(f"| {' | '.join(map(plain, row))} |" for row in class_rows(run))


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
