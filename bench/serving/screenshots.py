"""Make the pictures of README.md and docs/ from the running app.

Run: python -m bench.serving.screenshots (assets/*.png), or with --tour (assets/tour.webp, the
moving picture of the README). Needs requirements-dev.txt and Chromium. Mistakes are shown of the
best fashion-house, drawings are read by the best mnist-house; --run and --draw name others.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from PIL import Image, ImageDraw, ImageFont

from bench.serving.reruns import ROOT, start
from core.evaluation import samples
from core.runs import store

SIZE = {"width": 1280, "height": 800}
CLIP = {"x": 40, "y": 40, "width": 1200, "height": 750}  # of the tour: less margin, larger letters
FRAME, STRIP = (1000, 625), 46  # pixels of a frame of the tour, and of the words under it
PAPER, INK, RING = "#F1EDE3", "#23211D", "#E0A100"
ONE = ((85, 115), (145, 55), (145, 225))  # with its upstroke
SEVEN = ((85, 75), (215, 75), (130, 240))
STILL = """document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton]')"""
CELL = """([x, y]) => {
    const charts = [...document.querySelectorAll('.js-plotly-plot')];
    const matrix = charts.find(chart => chart.querySelector('.heatmaplayer'));
    const {xaxis, yaxis} = matrix._fullLayout, box = matrix.getBoundingClientRect();
    return [box.x + xaxis._offset + xaxis.c2p(x), box.y + yaxis._offset + yaxis.c2p(y)];
}"""


@dataclass(frozen=True)
class Step:
    """What the tour says of a view and how long it shows it; `at` is where somebody will click."""

    words: str
    seconds: float = 2.0
    at: Sequence[float] | None = None


@dataclass(frozen=True)
class Visit:
    """The app in a browser."""

    page: Any
    address: str

    def go(self, name: str, run: store.Run | None = None, **query: object) -> None:
        """Open a view, of a run where one is named, and wait until it stands still."""
        chosen = ({"run": run.id} if run else {}) | query
        self.page.goto(f"{self.address}/{name}?{urlencode(chosen)}")
        self.page.get_by_role("heading", level=1).first.wait_for()
        self.settle()

    def settle(self) -> None:
        self.page.mouse.move(5, 5)  # nothing is pointed at
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_function(STILL)
        self.page.wait_for_timeout(500)  # the sign that a script runs fades out
        if self.page.get_by_text("Something went wrong").count():
            raise RuntimeError(f"{self.page.url} shows a fault: no picture of that")

    def draw(self, way: Sequence[tuple[int, int]]) -> None:
        """A stroke on the canvas; the pen stays on it."""
        canvas = self.page.locator("canvas.upper-canvas")
        canvas.wait_for()
        corner = canvas.bounding_box()
        for place, (x, y) in enumerate(way):
            self.page.mouse.move(corner["x"] + x, corner["y"] + y, steps=8)
            if not place:
                self.page.mouse.down()

    def lift(self) -> None:
        """The pen is off the canvas, the answer is there."""
        self.page.mouse.up()
        self.page.get_by_text("Nearest training images").wait_for()
        self.settle()


def pictures(visit: Visit, run: store.Run, reader: store.Run) -> Iterator[str]:
    """The name of each picture in docs/, while the browser shows it."""
    visit.go("train")
    yield "train"
    for name in ("curves", "claim", "review"):
        visit.go(name, run)
        yield name
    visit.go("draw", reader)
    visit.draw(ONE)
    visit.lift()
    yield "draw"


def tour(visit: Visit, run: store.Run, reader: store.Run) -> Iterator[Step]:
    """A walk through the app, while the browser shows it."""
    true, said, _ = run.metrics["most_confused"][0]
    cell = {"true": run.info["classes"][true], "said": run.info["classes"][said]}
    visit.go("")
    yield Step("Every run, with its 95 % interval")
    visit.go("confusion_matrix", run)
    yield Step("Which class is taken for which", 1.4)
    yield Step("Which class is taken for which", 0.8, visit.page.evaluate(CELL, [said, true]))
    visit.go("confusion_matrix", run, **cell)
    yield Step("A click on a cell opens its images")
    visit.go("samples", run, true=cell["true"])
    yield Step("The test images, right in green and wrong in vermilion")
    visit.go("samples", run, image=surest_mistake(run, true, said))
    yield Step("One image, and what the network makes of it", 1.6)
    below = visit.page.get_by_role("heading", name="At every epoch")
    below.evaluate("heading => heading.scrollIntoView({block: 'center'})")
    visit.settle()
    yield Step("Its nearest training images, and what was said of it at every epoch")
    visit.go("compare", run, b=rival(run).id)
    yield Step("Two runs on the same images: is one really better?")
    kept = run.metrics["kept_epoch"]
    for epoch in (1, kept):
        visit.go("time_machine", run, epoch=epoch)
        yield Step("The time machine: what was learned when", 1.4)
    visit.go("draw", reader)
    visit.draw(SEVEN)
    yield Step("Draw a digit ...", 0.8)
    visit.lift()
    yield Step("... and see what it reads, and what it saw", 2.4)
    visit.go("train")
    yield Step("Train your own, in a process that outlives the page", 2.4)


def surest_mistake(run: store.Run, true: int, said: int) -> int:
    """The test image of one class that was most surely taken for another."""
    stored = run.predictions()
    found = samples.find(stored, true=true, predicted=said)
    return int(samples.arrange(found, "Surest", stored)[0])


def rival(run: store.Run) -> store.Run:
    """The best run of another recipe on the same test images."""
    others = store.on_same_test(run)
    return next(other for other in others if other.info["recipe"] != run.info["recipe"])


def framed(step: Step, shot: bytes) -> Image.Image:
    """A frame of the tour: the screenshot with the words under it."""
    frame = Image.new("RGB", (FRAME[0], FRAME[1] + STRIP), PAPER)
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    frame.paste(picture.resize(FRAME, Image.Resampling.LANCZOS))
    pen = ImageDraw.Draw(frame)
    pen.text((24, FRAME[1] + STRIP / 2), step.words, INK, ImageFont.load_default(21), "lm")
    if step.at:
        scale = FRAME[0] / CLIP["width"]
        x, y = ((value - CLIP[axis]) * scale for value, axis in zip(step.at, "xy", strict=True))
        pen.ellipse((x - 24, y - 24, x + 24, y + 24), outline=RING, width=5)
    return frame


def save_tour(path: Path, steps: Sequence[Step], frames: Sequence[Image.Image]) -> None:
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=[round(1000 * step.seconds) for step in steps],
        loop=0,
        quality=85,
        method=6,
        kmax=1,  # each frame whole: no traces of the one before
    )


def best(recipe: str) -> str:
    """The id of a recipe's best run. Raises LookupError when there is none."""
    for run in store.list_runs():
        if run.metrics and run.info["recipe"] == recipe:
            return run.id
    raise LookupError(f"no finished run of {recipe} is here: name another with --run or --draw")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tour", action="store_true", help="the moving picture instead")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--run", help="the run whose mistakes are shown")
    parser.add_argument("--draw", help="the run that reads the drawing")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "assets")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("LIGHTBOX_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        print("no Chromium found: install it, or name it in LIGHTBOX_CHROMIUM", file=sys.stderr)
        return 1
    runs = (
        store.load(options.run or best("fashion-house")),
        store.load(options.draw or best("mnist-house")),
    )
    server, port = start(stock=False, blocked="")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport=SIZE, color_scheme="dark" if options.dark else "light")
            page.set_default_timeout(60_000)
            visit = Visit(page, f"http://127.0.0.1:{port}")
            if options.tour:
                shown = [
                    (step, framed(step, page.screenshot(clip=CLIP))) for step in tour(visit, *runs)
                ]
                save_tour(options.output / "tour.webp", *zip(*shown, strict=True))
            else:
                for name in pictures(visit, *runs):
                    page.screenshot(path=options.output / f"{name}.png")
                    print(options.output / f"{name}.png")
    finally:
        server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
