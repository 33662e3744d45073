"""Journeys with pen and finger through the Draw page in Chromium, read by the shipped MNIST run."""

import re
import shutil
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from core.runs import store
from tests.helpers import ROOT
from tests.helpers.browsing import App, title
from tests.helpers.strokes import DIGITS

pytestmark = pytest.mark.slow
UPPER = "canvas.upper-canvas"


@pytest.fixture(scope="session")
def reading(tmp_path_factory):
    """The app over the shipped MNIST run alone, without images: (address, run)."""
    root = tmp_path_factory.mktemp("reading") / "artifacts"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIGHTBOX_ARTIFACTS", str(ROOT / "artifacts"))
        best = next(run for run in store.list_runs() if run.info["recipe"] == "mnist-house")
    shutil.copytree(best.folder, root / best.id, ignore=shutil.ignore_patterns("cache"))
    app = App(root, tmp_path_factory.mktemp("no-data"))
    yield app.address, best
    app.kill()


def scaled(label: int, left: float, top: float, share: float) -> list[list[tuple[float, float]]]:
    return [[(left + share * x, top + share * y) for x, y in stroke] for stroke in DIGITS[label]]


def draw(page, strokes) -> None:
    page.locator(UPPER).wait_for()
    box = page.locator(UPPER).bounding_box()
    for stroke in strokes:
        (x, y), *rest = stroke
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.down()
        for x, y in rest:
            page.mouse.move(box["x"] + x, box["y"] + y, steps=3)
        page.mouse.up()


def answer(page, text: str) -> None:
    """Wait until the answer is this text."""
    value = page.get_by_test_id("stMetricValue").first
    value.filter(has_text=re.compile(f"^{re.escape(text)}$")).wait_for()


def clear(page) -> None:
    """Clear, and wait for the new canvas: what is drawn on the old one meanwhile is lost."""
    page.locator(UPPER).evaluate("canvas => canvas.dataset.old = 1")
    page.get_by_role("button", name="Clear").click()
    page.locator(f"{UPPER}[data-old]").wait_for(state="detached")
    page.get_by_text("The answer appears here.").wait_for()


def test_each_digit_drawn_by_hand_is_read_right(page, reading):
    address, run = reading
    page.goto(f"{address}/draw?run={run.id}")
    title(page, "Draw")
    for label in DIGITS:
        draw(page, DIGITS[label])
        answer(page, str(label))
        clear(page)
    ring = [(150 + 110 * np.cos(t), 150 + 110 * np.sin(t)) for t in np.linspace(0, 6.3, 24)]
    eyes = [[(x, 120), (x + 1, 128)] for x in (105, 190)]
    mouth = [(100, 180), (125, 205), (150, 212), (175, 205), (200, 180)]
    draw(page, [ring, *eyes, mouth])
    answer(page, "Not sure")
    page.get_by_text("Perhaps nothing it learned to read").wait_for()


def test_a_number_drawn_by_hand_is_read_whole(page, reading):
    address, run = reading
    page.goto(f"{address}/draw?run={run.id}&number=1")
    page.get_by_role("slider", name="Stroke width").wait_for()
    for place, label in enumerate((2, 0, 2, 6)):
        draw(page, scaled(label, 5 + 122 * place, 60, 0.45))
    answer(page, "2026")


def test_a_photo_of_a_number_is_read_and_a_text_file_refused(page, reading, tmp_path):
    address, run = reading
    photo = Image.new("L", (1400, 500), 255)
    pen = ImageDraw.Draw(photo)
    for place, label in enumerate((4, 0, 7, 2, 9)):
        for stroke in scaled(label, 80 + 240 * place, 60, 1.1):
            pen.line(stroke, fill=40, width=14, joint="curve")
    light = np.linspace(0.95, 0.55, 1400)[None] * np.linspace(1, 0.8, 500)[:, None]
    noise = np.random.RandomState(3).normal(0, 4, (500, 1400))
    pixels = np.asarray(photo.filter(ImageFilter.GaussianBlur(1.5)), float) * light + noise
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "photo.jpg")
    (tmp_path / "notes.png").write_text("no picture")
    page.goto(f"{address}/draw?run={run.id}&number=1&way=Upload")
    chooser = page.locator("input[type=file]").first
    chooser.set_input_files([tmp_path / "photo.jpg"])
    answer(page, "40729")
    chooser.set_input_files([tmp_path / "notes.png"])
    page.get_by_role("combobox", name="Look into").wait_for()  # a table of both, the good one read
    answer(page, "40729")


def test_a_correction_is_kept_among_the_own_drawings(page, reading):
    address, run = reading
    page.goto(f"{address}/draw?run={run.id}")
    draw(page, scaled(7, 40, 20, 0.7))
    answer(page, "7")
    page.get_by_text("Wrong? It is a ...").wait_for()
    page.get_by_role("combobox", name="Wrong? It is a ...").click()
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Keep").click()
    page.get_by_text("My drawings (1)").wait_for()
    page.goto(f"{address}/draw?run={run.id}&way=Kept+drawing")
    page.get_by_role("img", name="The kept drawing").wait_for()


def test_a_finger_on_a_phone_is_read(browser, reading):
    address, run = reading
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{address}/draw?run={run.id}")
    page.locator(UPPER).wait_for()
    page.locator(UPPER).scroll_into_view_if_needed()
    box = page.locator(UPPER).bounding_box()
    touch = context.new_cdp_session(page)

    def send(kind: str, *points) -> None:
        there = [{"x": box["x"] + x, "y": box["y"] + y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": there})

    for stroke in DIGITS[3]:
        send("touchStart", stroke[0])
        for start, end in pairwise(stroke):
            for share in (0.25, 0.5, 0.75, 1.0):
                send(
                    "touchMove", tuple(a + share * (b - a) for a, b in zip(start, end, strict=True))
                )
        send("touchEnd")
    answer(page, "3")
    width = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert width <= 390
