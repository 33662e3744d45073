"""A run handed to a tracker that people have already: TensorBoard or MLflow, each by its own
library.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.reports import package
from core.runs.store import Run


class NotInstalled(ValueError):
    """A tracker's library is missing; the message says how to get it."""


def to_tensorboard(run: Run, folder: Path) -> str:
    """Write curves, parameters, metrics and figures as event files into `folder`/RUN.

    Returns how to look at them. Raises NotInstalled.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        raise NotInstalled("TensorBoard is not installed: pip install tensorboard") from None
    with SummaryWriter(str(folder / run.id)) as writer:
        for epoch, name, value in _curves(run):
            writer.add_scalar(name.replace("_", "/", 1), value, epoch)
        plain = {key: str(value) for key, value in parameters(run).items()}
        numbers = {f"result/{key}": value for key, value in metrics(run).items()}
        writer.add_hparams(plain, numbers, run_name=".")
        for name, draw in (("confusion", package.confusion_png), ("curves", package.curves_png)):
            writer.add_image(name, _pixels(draw(run)), dataformats="HWC")
        writer.add_text("report", f"```\n{package.report_text(run)}\n```")
    return f"written; look at it with: tensorboard --logdir {folder}"


def to_mlflow(run: Run, uri: str) -> str:
    """Write parameters, metrics by epoch and all files into the store at `uri`, experiment
    "lightbox". Returns what was written. Raises NotInstalled, or ValueError when the store refuses.
    """
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError:
        raise NotInstalled("MLflow is not installed: pip install mlflow-skinny") from None
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name("lightbox")
        experiment = found.experiment_id if found else client.create_experiment("lightbox")
        made = client.create_run(experiment, run_name=run.title[:120])
        number = made.info.run_id
        for key, value in parameters(run).items():
            client.log_param(number, key, str(value)[:500])
        for epoch, name, value in _curves(run):
            client.log_metric(number, name, value, step=epoch)
        for name, value in metrics(run).items():
            client.log_metric(number, name, value)
        with tempfile.TemporaryDirectory() as folder:
            package.export(run, Path(folder))
            client.log_artifacts(number, folder)
        client.set_terminated(number)
    except MlflowException as error:
        raise ValueError(f"MLflow at {uri}: {error}") from error
    return f"written to {uri} as run {number} of the experiment lightbox"


def parameters(run: Run) -> dict[str, Any]:
    """What the run was trained with, flat."""
    info = run.info
    names = ("recipe", "dataset", "model", "seed", "device", "precision", "threads", "parameters")
    sizes = {f"size_{name}": value for name, value in info["sizes"].items()}
    return {name: info.get(name) for name in names} | info["config"] | sizes


def metrics(run: Run) -> dict[str, float]:
    """What came out, numbers only."""
    low, high = run.metrics["test_accuracy_interval"]
    names = ("test_accuracy", "test_loss", "expected_calibration_error", "training_seconds")
    found = {name: float(run.metrics[name]) for name in names}
    return found | {"test_accuracy_low": low, "test_accuracy_high": high}


def _curves(run: Run) -> Iterator[tuple[int, str, float]]:
    """(epoch, name, value) of everything that history holds by epoch."""
    for record in run.history()[0]:
        for name, value in record.items():
            if name != "epoch" and isinstance(value, int | float):
                yield int(record["epoch"]), name, float(value)


def _pixels(content: bytes) -> np.ndarray:
    """A PNG as uint8 (H, W, 3)."""
    from PIL import Image

    return np.array(Image.open(io.BytesIO(content)).convert("RGB"))
