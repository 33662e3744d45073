"""What a run gives away: every file of it, as a folder or as one zip that can be imported again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.analysis import scoring
from core.data import datasets
from core.figures import static
from core.reports import archive, code_export, html_report, model_card
from core.reports.summary import accuracy_text, report_text
from core.runs import files, safe_zip, store
from core.runs.store import Run


class Unavailable(Exception):
    """A file that cannot be made on this machine; the message says why, or is empty for want of
    the test images.
    """


@dataclass(frozen=True)
class Package:
    """Contents by name, and for each file that could not be made the reason."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def package(run: Run, on_progress: Callable[[str], None] = lambda name: None) -> Package:
    """All that a finished run gives away; `on_progress(name)` is called before each file is made.

    Raises BrokenRun, or ValueError for a run that is not finished.
    """
    scoring.load_model(run)  # refuses what is unfinished or damaged
    images, reason = test_images(run)
    made = Package()
    for name in (*store.FINISHED_FILES, store.MANIFEST):
        made.files[name] = (run.folder / name).read_bytes()
    made.files.update(archive.added(run))
    for name, make in MAKERS.items():
        on_progress(name)
        try:
            content = make(run, images)
        except Unavailable as error:
            made.left_out[name] = str(error) or reason
        else:
            made.files[name] = content.encode() if isinstance(content, str) else content
    on_progress("README.md")
    made.files["README.md"] = model_card.text(run, list(made.files), made.left_out).encode()
    return made


def export(
    run: Run,
    folder: Path,
    on_progress: Callable[[str], None] = lambda name: None,
    *,
    zipped: bool = False,
) -> Package:
    """Write a finished run's package into `folder`, one file each, or all as RUN.zip, which
    `archive.take_in` takes.

    Raises BrokenRun, or ValueError for a run that is not finished or a folder that cannot be
    written.
    """
    made = package(run, on_progress)
    contents = {f"{run.id}.zip": safe_zip.pack(made.files)} if zipped else made.files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            files.write_bytes(folder / name, content)
    except (NotADirectoryError, FileExistsError, PermissionError) as error:
        raise ValueError(f"{folder} cannot be written: {error.strerror}") from error
    return made


def test_images(run: Run) -> tuple[np.ndarray | None, str]:
    """The test images uint8 (N, C, H, W) that the run was scored on, or None and the reason."""
    try:
        images, _, digest = datasets.load_test(run.info["dataset"])
    except (datasets.DatasetError, ValueError) as error:
        return None, f"the test images are not on this machine ({error})"
    if digest != run.info["test_sha256"]:
        return None, "the test images on this machine are not those the run was scored on"
    return images, ""


def predictions_csv(run: Run) -> str:
    """index, label, prediction, confidence (0 to 1) and right (1 or 0), one line a test image."""
    stored, classes = run.predictions(), run.info["classes"]
    rows: list[tuple[object, ...]] = [("index", "label", "prediction", "confidence", "right")]
    for index, label in enumerate(stored["labels"]):
        probs = stored["probs"][index]
        answer, sure = probs.argmax(), float(probs.max())
        rows.append((index, classes[label], classes[answer], f"{sure:.4f}", int(label == answer)))
    return files.csv_text(rows)


def safetensors(run: Run) -> bytes:
    """The weights as other tools read them, without a pickle; metadata: run, architecture, classes
    as JSON.
    """
    from safetensors.torch import save

    classes = json.dumps(run.info["classes"], ensure_ascii=False)
    about = {"run": run.id, "architecture": run.info["model"], "classes": classes}
    tensors = {name: value.contiguous() for name, value in store.read_weights(run).items()}
    return save(tensors, about)


def onnx(run: Run) -> bytes:
    """The network with its normalisation and softmax: uint8 images (N, C, H, W) in, probabilities
    out. Raises Unavailable when the exporter is not installed.
    """
    try:
        import onnx  # noqa: F401  (the exporter's own dependencies)
        import onnxscript  # noqa: F401
    except ModuleNotFoundError:
        raise Unavailable("the exporter is not installed: pip install onnx onnxscript") from None
    import torch

    class Whole(torch.nn.Module):
        """Pixels in, probabilities out."""

        mean: torch.Tensor
        std: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.network = scoring.load_model(run).to(memory_format=torch.contiguous_format)
            for name in ("mean", "std"):
                self.register_buffer(name, torch.tensor(run.info[name]).view(1, -1, 1, 1))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.network((images.float() / 255 - self.mean) / self.std).softmax(1)

    example = torch.zeros((2, *run.info["shape"]), dtype=torch.uint8)
    program = torch.onnx.export(
        Whole().eval(),
        (example,),
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_shapes={"images": {0: torch.export.Dim("count")}},
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # dynamo gives one
    return program.model_proto.SerializeToString()


def confusion_png(run: Run) -> bytes:
    counts, title = (
        np.array(run.metrics["confusion"]),
        f"{run.title}: confusion matrix, test images",
    )
    return static.png(static.confusion(static.blank(), counts, run.info["classes"], title))


def curves_png(run: Run) -> bytes:
    return static.png(static.curves(static.blank(), run.history()[0], title=run.title))


def _samples(run: Run, images: np.ndarray | None) -> bytes:
    if images is None:
        raise Unavailable  # `package` knows why
    stored = run.predictions()
    answers = stored["labels"], stored["probs"].argmax(1), run.info["classes"]
    title = f"{run.title}: the first 25 test images"
    return static.png(static.samples(static.blank(), images, *answers, title))


MAKERS: dict[str, Callable[[Run, np.ndarray | None], bytes | str]] = {
    "report.html": html_report.page,
    "notebook.ipynb": lambda run, images: code_export.notebook(run),
    "rebuild.py": lambda run, images: code_export.script(run),
    "predictions.csv": lambda run, images: predictions_csv(run),
    "model_accuracy.txt": lambda run, images: accuracy_text(run),
    "classification_report.txt": lambda run, images: report_text(run),
    "output_graph.png": lambda run, images: confusion_png(run),
    "curves.png": lambda run, images: curves_png(run),
    "output_sample.png": _samples,
    "model.safetensors": lambda run, images: safetensors(run),
    "model.onnx": lambda run, images: onnx(run),
}
