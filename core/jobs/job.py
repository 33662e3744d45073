"""What a training is asked for, as the form, the command line and a request on the disk say it.

Nothing here imports torch at the top: pages put trainings in line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data import datasets
from core.runs import files, limits
from core.training import settings
from core.training.hardware import DEVICES, PRECISIONS, choose_device
from core.training.recipes import Recipe, describe, from_description
from core.training.settings import TrainConfig, setting

if TYPE_CHECKING:
    from torch import Tensor

START, DRAWINGS = "start.pth", "personal.npz"


@dataclass(frozen=True)
class FineTuning:
    """A beginning. `start_from` and `personal` go into run.json; `start` is the file of the first
    run's weights, `fit` and `held_out` are images uint8 (N, C, H, W) with labels int64 (N,).
    """

    start_from: dict[str, Any]
    personal: dict[str, Any]
    start: Path
    fit: tuple[np.ndarray, np.ndarray]
    held_out: tuple[np.ndarray, np.ndarray]

    @property
    def info(self) -> dict[str, Any]:
        """Its part of run.json."""
        return {"start_from": self.start_from, "personal": self.personal}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """The images to train on and their labels, each as often as it counts."""
        import torch

        times = self.personal["repeats"]
        images, labels = (torch.from_numpy(part) for part in self.fit)
        return images.repeat(times, 1, 1, 1), labels.repeat(times)

    def weights(self) -> dict[str, Tensor]:
        """What the network starts with. Raises BrokenRun when it is not what was frozen."""
        return files.read_tensors(self.start, self.start_from["weights_sha256"])

    def freeze(self, folder: Path) -> None:
        """Write it into a run's folder. Raises BrokenRun when the first run is damaged."""
        if self.start.parent.resolve() == folder.resolve():
            return
        content = self.start.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.start_from["weights_sha256"]:
            raise files.BrokenRun(f"{self.start}: checksum mismatch: it was changed or damaged")
        files.write_bytes(folder / START, content)
        names = ("images", "labels", "held_out_images", "held_out_labels")
        arrays = dict(zip(names, (*self.fit, *self.held_out), strict=True))
        files.write_arrays(folder / DRAWINGS, **arrays)


@dataclass(frozen=True)
class Job:
    """A training; `config` is the recipe's own unless it is given, `tuning` what it goes on from.
    Raises ValueError naming the field.
    """

    recipe: Recipe
    config: TrainConfig = None  # type: ignore[assignment]  # never None once it is made
    seed: int = setting(0, 0, 2**31 - 1, group="machine", help="Of weights, order and augmentation")
    device: str = setting("auto", group="machine", choices=DEVICES)
    precision: str = setting("auto", group="machine", choices=PRECISIONS)
    threads: int | None = setting(None, 1, 256, group="machine", help="All by default")
    name: str | None = setting(None, group="title", help="A title of your own for the run")
    tuning: FineTuning | None = None

    def __post_init__(self) -> None:
        for name, field in OPTIONS.items():
            settings.check(field, getattr(self, name))
        title = "".join(filter(str.isprintable, " ".join((self.name or "").split())))
        object.__setattr__(self, "name", title[:80].strip() or None)
        object.__setattr__(self, "config", self.config or self.recipe.config)

    def check(self) -> None:
        """Whether it can be done here. Raises ValueError naming the field."""
        limits.check(self.config)
        if self.device not in ("auto", "cpu"):
            choose_device(self.device)
        images = datasets.train_count(self.recipe.dataset)
        images -= round(images * self.config.validation)
        if self.tuning:
            images += self.tuning.personal["count"] * self.tuning.personal["repeats"]
        if self.config.batch_size > images:
            raise ValueError(
                f"batch_size: {self.config.batch_size} is more than the {images} training images"
            )

    def request(self) -> dict[str, Any]:
        """As request.json holds it."""
        begun = {"start_from": None, "personal": None} | (self.tuning.info if self.tuning else {})
        own = {name: getattr(self, name) for name in OPTIONS}
        return {**describe(self.recipe, self.config), **own, **begun}

    @classmethod
    def read(cls, info: Mapping[str, Any], tuning: FineTuning | None = None) -> Job:
        """The reverse of `request`; what is left out is as usual. Raises ValueError."""
        own = {name: info[name] for name in OPTIONS if name in info}
        return cls(*from_description(info), tuning=tuning, **own)


OPTIONS = {name: field for name, field in Job.__dataclass_fields__.items() if field.metadata}
