"""Drawings kept in the personal set, and what trains further with them."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from core.data import datasets
from core.data.sources import DIGIT_NAMES
from core.jobs import fine_tuning
from core.jobs.job import Job
from core.reading import personal
from core.reading.personal import Kind
from core.runs import store
from tests.helpers.synthetic import ONE_THREAD

KIND = personal.Kind(DIGIT_NAMES, (1, 28, 28), True)


def drawing(number: int) -> np.ndarray:
    """A frame uint8 (1, 28, 28) like no other."""
    return np.random.default_rng(number).integers(0, 256, (1, 28, 28), dtype=np.uint8)


def keep(number: int, label: str = "7", kind: personal.Kind = KIND) -> personal.Entry:
    picture = Image.fromarray(np.full((40, 30), number % 256, np.uint8))
    frame = drawing(number) if kind == KIND else np.zeros(kind.shape, np.uint8)
    return personal.add(kind, picture, frame, label, answered="1", confidence=0.61, run="some-run")


def keep_training_images(
    kind: Kind, count: int, *, first: int = 0, answered: str | None = None
) -> None:
    """Keep some of the bundled digits' training images as if they had been drawn."""
    images, labels, _ = datasets.load_train("digits")
    for index in range(first, first + count):
        picture = Image.fromarray(images[index, 0]).resize((100, 100))
        label = kind.classes[labels[index]]
        personal.add(kind, picture, images[index], label, answered=answered)


def further(run: store.Run, **changes) -> Job:
    """A training further, without a name."""
    job = fine_tuning.request(run.id, **ONE_THREAD, **changes)
    return dataclasses.replace(job, name=None)
