"""A finished run as a reader of pictures: prepared image in, probabilities out. Pages and predict
use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from core.analysis import neighbours, ood, scoring
from core.data import sources
from core.reading import digit_strings, framing, preprocessing
from core.runs import store
from core.training import steps


@dataclass(frozen=True)
class Answer:
    """What a run says of one picture; `probs` float32 (classes,)."""

    classes: tuple[str, ...]
    probs: np.ndarray
    prepared: preprocessing.Prepared
    unlike: str = ""  # why it may be nothing that the run learned to read

    @property
    def label(self) -> str:
        return self.classes[int(self.probs.argmax())]

    @property
    def confidence(self) -> float:
        return float(self.probs.max())

    @property
    def probabilities(self) -> dict[str, float]:
        return {name: float(value) for name, value in zip(self.classes, self.probs, strict=True)}

    def as_json(self) -> dict[str, Any]:
        """What `predict --json` says: label, confidence, class -> probability, unlike or None."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "probabilities": self.probabilities,
            "unlike": self.unlike or None,
        }


@dataclass(frozen=True)
class Digit:
    """One digit of a number: `box` is (x, y, width, height) in pixels of the given picture."""

    label: str
    confidence: float
    probs: np.ndarray
    box: tuple[int, int, int, int]
    image: np.ndarray
    unlike: str  # as of an Answer


@dataclass(frozen=True)
class NumberAnswer:
    """What a run reads in a picture of several digits; `lines` from top to bottom."""

    classes: tuple[str, ...]
    lines: tuple[tuple[Digit, ...], ...]
    stages: tuple[tuple[str, np.ndarray], ...]
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        return "/".join("".join(digit.label for digit in line) for line in self.lines)

    @property
    def digits(self) -> tuple[Digit, ...]:
        return tuple(digit for line in self.lines for digit in line)

    @property
    def confidence(self) -> float:
        """That all are right, if they are right or wrong independently."""
        return float(np.prod([digit.confidence for digit in self.digits]))

    @property
    def unlike(self) -> str:
        """Which digits may be none, counted from 1 in reading order, and why; "" without any."""
        places: dict[str, list[str]] = {}
        for place, digit in enumerate(self.digits, 1):
            places.setdefault(digit.unlike, []).append(str(place))
        return "; ".join(f"digit {', '.join(places[why])}: {why}" for why in places if why)

    def as_json(self) -> dict[str, Any]:
        """What `predict --number --json` says: text, confidence, and for each digit its box as
        [x, y, width, height] in pixels of the given picture; `labels`, `confidences` and `unlike`
        go with the boxes.
        """
        return {
            "text": self.text,
            "confidence": self.confidence,
            "boxes": [list(digit.box) for digit in self.digits],
            "labels": [digit.label for digit in self.digits],
            "confidences": [digit.confidence for digit in self.digits],
            "unlike": [digit.unlike or None for digit in self.digits],
        }


@dataclass(frozen=True)
class Reader:
    """A run's frozen network in evaluation mode; safe to share between threads."""

    run: store.Run
    model: torch.nn.Sequential
    means: ood.ClassMeans | None = None  # None: not known

    def read(self, image: Image.Image) -> Answer:
        """Raises EmptyDrawing when there is nothing on the image to read."""
        info = self.run.info
        drawn = sources.known(info).drawn
        prepared = preprocessing.prepare(image, tuple(info["shape"]), drawn=drawn)
        frames = prepared.image[None]
        (probs,), (unlike,) = self.score(frames), self._unlike(frames)
        return Answer(tuple(info["classes"]), probs, prepared, unlike)

    def read_number(self, image: Image.Image) -> NumberAnswer:
        """All digits on the picture. Raises EmptyDrawing, or ValueError for a run of no digits."""
        info = self.run.info
        channels, height, width = info["shape"]
        if not sources.known(info).digits:
            raise ValueError(f"{info['id']} reads no numbers: {info['dataset']} is no digit set")
        page = preprocessing.clean(image, digit_strings.SIDE)

        def score(images: np.ndarray) -> np.ndarray:
            return self.score(np.repeat(images[:, None], channels, 1))

        read = digit_strings.read(page, (height, width), score)
        frames = np.array([found.image for line in read for found in line])
        why = iter(self._unlike(np.repeat(frames[:, None], channels, 1)))
        lines = [tuple(self._digit(one, page.scale, next(why)) for one in line) for line in read]
        return NumberAnswer(
            tuple(info["classes"]), tuple(lines), framing.shown(page.stages), page.steps
        )

    def _unlike(self, frames: np.ndarray) -> list[str]:
        """Why each of some prepared images uint8 (N, C, H, W) may be nothing that the run learned
        to read, in one forward pass; "" where nothing speaks for that, or nothing is known.
        """
        digits = sources.known(self.run.info).digits
        odd = [ood.why_no_digit(frame[0]) if digits else "" for frame in frames]
        if self.means is None:
            return odd
        scores = self.means.ood_score(neighbours.features(self.run, self.model, frames))
        return [why or ood.why_far(score) for why, score in zip(odd, scores, strict=True)]

    def _digit(self, found: digit_strings.Found, scale: float, unlike: str) -> Digit:
        label = self.run.info["classes"][int(found.probs.argmax())]
        box = preprocessing.box_of(found.place, scale)
        return Digit(label, float(found.probs.max()), found.probs, box, found.image, unlike)

    def plainly(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Probabilities float32 (N, classes) of pictures uint8 (H, W) or (H, W, 3) that are only
        squashed to the network's size, as a naive demo would do it.
        """
        channels, height, width = self.run.info["shape"]
        mode = "RGB" if channels == 3 else "L"
        small = [
            np.asarray(Image.fromarray(picture).convert(mode).resize((width, height)))
            for picture in pictures
        ]
        stacked = np.stack(small).reshape(len(small), height, width, channels)
        return self.score(np.moveaxis(stacked, 3, 1))

    def score(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 (N, classes) of prepared images, uint8 (N, C, H, W)."""
        batch = torch.from_numpy(np.array(images))
        return steps.predict(self.model, batch, self.run.info["mean"], self.run.info["std"])


def open_run(run_id: str) -> Reader:
    """The reader of a finished run. Raises RunNotFound, BrokenRun or ValueError."""
    run = store.load(run_id)
    return Reader(run, scoring.load_model(run).requires_grad_(False), ood.read(run))
