"""A finished run as a reader of pictures: prepared image in, probabilities out. Pages and predict
use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from core import data, evaluate, ink, runs, scoring


@dataclass(frozen=True)
class Answer:
    """What a run says of one picture; `probs` float32 (classes,)."""

    classes: tuple[str, ...]
    probs: np.ndarray
    prepared: ink.Prepared

    @property
    def label(self) -> str:
        return self.classes[int(self.probs.argmax())]

    @property
    def confidence(self) -> float:
        return float(self.probs.max())

    @property
    def probabilities(self) -> dict[str, float]:
        return {name: float(value) for name, value in zip(self.classes, self.probs, strict=True)}


@dataclass(frozen=True)
class Reader:
    """A run's frozen network in evaluation mode; safe to share between threads."""

    run: runs.Run
    model: torch.nn.Module

    def read(self, image: Image.Image) -> Answer:
        """Raises EmptyDrawing when there is nothing on the image to read."""
        info = self.run.info
        known = data.DATASETS.get(info["dataset"])
        prepared = ink.prepare(image, tuple(info["shape"]), drawn=bool(known and known.drawn))
        return Answer(tuple(info["classes"]), self.score(prepared.variants).mean(0), prepared)

    def score(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 (N, classes) of prepared images, uint8 (N, C, H, W)."""
        batch = torch.from_numpy(np.ascontiguousarray(images))
        return evaluate.predict(self.model, batch, self.run.info["mean"], self.run.info["std"])


def open_run(run_id: str) -> Reader:
    """The reader of a finished run. Raises RunNotFound, BrokenRun or ValueError."""
    run = runs.load(run_id)
    return Reader(run, scoring.load_model(run).requires_grad_(False))
