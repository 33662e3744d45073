"""How a picture walks through core when it is read, and a recipe when it is trained.

Run: python -m bench.walks. Functions of core are listed in the order in which they are entered,
each call from one function to another once, however often a loop repeats it; methods of the values
that are handed along (a data set, settings, the world of processes) have no place of their own.
Calls in a row within one file are one stay; a climb is a step back to a file that was seen before
the one left. Fewer of both are easier to follow.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType

import numpy as np
from PIL import Image, ImageDraw

CORE = str(Path(__file__).parents[1] / "core") + os.sep
VALUES = {"World", "Split", "Dataset", "TrainConfig", "TrainingData", "Trained", "Run", "Job"}


def files_entered(work: Callable[[], object]) -> list[str]:
    """room/file of each new call of `work`, in order."""
    calls, entered = set(), []

    def look(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        owner, name = code.co_qualname.split(".")[0], code.co_name
        if event != "call" or not code.co_filename.startswith(CORE):
            return
        if owner in VALUES or name.startswith(("<", "__")):
            return
        caller = frame.f_back
        while caller and not caller.f_code.co_filename.startswith(CORE):
            caller = caller.f_back
        call = (caller and caller.f_code, code)
        if call not in calls:
            calls.add(call)
            entered.append(code.co_filename.removeprefix(CORE).removesuffix(".py"))

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return entered


def told(title: str, entered: list[str]) -> None:
    walk = [file for file, before in zip(entered, [None, *entered], strict=False) if file != before]
    first = {file: walk.index(file) for file in walk}
    climbs = sum(first[here] < first[before] for before, here in pairwise(walk))
    print(f"{title}: {len(walk)} stays in {len(first)} files, {climbs} climbs\n  {' '.join(walk)}")


def photo() -> Image.Image:
    """A 7 on paper in light that falls off to one side, with a sensor's noise."""
    paper = Image.new("L", (600, 500), 230)
    way = [(200, 120), (330, 120), (250, 400)]
    ImageDraw.Draw(paper).line(way, 40, 22, joint="curve")
    noise = np.random.RandomState(0).normal(0, 3, (500, 600))
    values = np.asarray(paper, float) * np.linspace(0.6, 1, 600)[None] + noise
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LIGHTBOX_ARTIFACTS"] = folder
        from core.jobs import experiment
        from core.jobs.job import Job
        from core.reading import preprocessing
        from core.training import recipes

        experiment.warm_up()
        recipe, image = recipes.get("digits-cnn"), photo()
        job = Job(recipe, recipe.config.replace(epochs=1), precision="float32", threads=1)
        experiment.run(job)  # what is read once is read now
        read = files_entered(lambda: preprocessing.prepare(image, (1, 28, 28), drawn=True))
        told("a picture, prepared", read)
        told(
            "a recipe, trained",
            files_entered(lambda: experiment.run(job)),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
