"""Journeys through the real app in Chromium; each waits for content, never for time."""

import json
import re
import shutil

import pytest

from core.runs import store
from tests.helpers import ROOT
from tests.helpers.browsing import point, title
from tests.helpers.workers import until

pytestmark = pytest.mark.slow


def test_from_home_to_the_samples_of_a_run(page):
    title(page, "What these networks learned")
    page.get_by_role("link", name="Samples").first.click()
    title(page, "of 360 test images are misclassified")
    page.locator(".js-plotly-plot .imagelayer image").wait_for()
    page.get_by_text("1 to 25 of 360").wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("26 to 50 of 360").wait_for()
    page.wait_for_url("**page=2**")
    page.get_by_role("radio", name="Wrong").click()
    page.wait_for_url("**show=Wrong**")
    page.get_by_text(re.compile(r"^1 to \d+ of \d+$")).wait_for()
    page.reload()  # the view is in the URL
    page.locator(".js-plotly-plot .textpoint").get_by_text(", is ").first.wait_for()


def test_through_curves_and_the_confusion_matrix(page):
    title(page, "What these networks learned")
    page.get_by_role("link", name="Curves").first.click()
    title(page, "of 2 is kept")
    page.locator(".js-plotly-plot .scatterlayer .trace").nth(3).wait_for()
    page.get_by_role("link", name="Confusion matrix").first.click()
    title(page, "most often")
    page.locator(".js-plotly-plot .heatmaplayer").wait_for()
    page.get_by_role("radio", name="Row share").click()
    page.get_by_text("Percent of the true class").wait_for()
    page.mouse.move(*point(page, 0, 0))
    page.locator(".hoverlayer").get_by_text("true 0, predicted 0").wait_for()


def test_a_drawn_1_is_read_as_1(page, server, best_run):
    page.goto(f"{server}/draw?run={best_run}")
    canvas = page.locator("canvas.upper-canvas")  # pierces the component's shadow root
    canvas.wait_for()
    page.get_by_text("Draw something with mouse").wait_for()
    box = canvas.bounding_box()
    middle = box["x"] + 0.5 * box["width"]
    page.mouse.move(middle, box["y"] + 0.15 * box["height"])
    page.mouse.down()
    page.mouse.move(middle, box["y"] + 0.85 * box["height"], steps=12)
    page.mouse.up()
    page.get_by_test_id("stMetricValue").get_by_text("1", exact=True).wait_for()
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("Draw something with mouse").wait_for()
    assert page.get_by_test_id("stMetricValue").count() == 0


@pytest.fixture(scope="session")
def best_run(served_root) -> str:
    """The shipped digits run, beside the tiny one: two epochs do not read handwriting."""
    shipped = next((ROOT / "artifacts").glob("digits-cnn-*"))
    shutil.copytree(shipped, served_root / shipped.name)
    return shipped.name


def start_digits(page, epochs: int) -> None:
    """Set the epochs on the Train page and start; ends on the run's live page."""
    field = page.get_by_role("spinbutton", name="Epochs", exact=True)
    field.fill(str(epochs))
    field.press("Enter")
    page.get_by_text(f"epochs 40 → {epochs}").wait_for()
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/run?run=digits-cnn-*")


def stop_button(page):
    """The run's own Stop; Streamlit's header has another while a script runs."""
    return page.get_by_test_id("stBaseButton-primary").filter(has_text="Stop")


def lines(page):
    """The training and validation lines of the loss chart, drawn from the second epoch on."""
    return page.locator(".js-plotly-plot").first.locator(".scatterlayer .trace")


def test_a_training_from_start_to_confusion_matrix(browser, training_app):
    """Cases 1, 2 and 9: leaving, reloading, stopping and resuming lose nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{training_app.address}/train")
    start_digits(page, 2000)
    address = page.url
    page.get_by_text("images/s").wait_for()
    lines(page).nth(1).wait_for()
    before = page.get_by_text("Epoch ", exact=False).first.inner_text()
    page.get_by_role("link", name="Runs", exact=True).click()
    title(page, "What these networks learned")
    page.go_back()
    page.get_by_text("images/s").wait_for()
    page.reload()
    page.get_by_text("images/s").wait_for()
    second = context.new_page()  # another tab sees the same live run
    second.goto(address)
    second.get_by_text("images/s").wait_for(timeout=60_000)
    second.close()
    assert page.get_by_text("Epoch ", exact=False).first.inner_text() != before
    stop_button(page).click()
    page.get_by_text("Stopped by you after epoch").wait_for()
    page.get_by_text("Misclassified").wait_for()
    (run,) = store.list_runs()
    info = json.loads((run.folder / store.INFO).read_text())
    info["config"]["epochs"] = len(run.history()[0]) + 10  # 2000 would take minutes
    (run.folder / store.INFO).write_text(json.dumps(info))
    page.get_by_role("button", name="Resume").click()
    stop_button(page).wait_for()
    page.get_by_text("Misclassified").wait_for(timeout=180_000)
    assert page.get_by_text("Stopped by you").count() == 0
    assert len(store.list_runs()) == 1
    page.get_by_role("link", name="Confusion matrix").last.click()
    page.locator(".js-plotly-plot .heatmaplayer").wait_for()
    context.close()


def test_a_killed_server_comes_back_to_a_run_that_went_on(browser, training_app):
    """Case 6."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{training_app.address}/train")
    start_digits(page, 2000)
    page.get_by_text("images/s").wait_for()
    lines(page).nth(1).wait_for()
    run = store.list_runs()[0]
    training_app.kill()
    done = len(run.history()[0])
    until(lambda: len(run.history()[0]) > done + 1)
    training_app.start()
    page.goto(f"{training_app.address}/run?run={run.id}")
    page.get_by_text("images/s").wait_for()
    assert [other.id for other in store.list_runs()] == [run.id]
    assert store.load(run.id).status == "running"
    stop_button(page).click()
    page.get_by_text("Stopped by you").wait_for()
    context.close()


def test_the_keyboard_alone_leads_to_a_run_and_changes_its_curve(page):
    """Case 48."""
    title(page, "What these networks learned")

    def tab_to(element) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if element.evaluate("here => here.contains(document.activeElement)"):
                return
        pytest.fail("the keyboard does not reach it")

    tab_to(page.get_by_role("link", name="Curves").first)
    page.keyboard.press("Enter")
    title(page, "is kept")
    axis = "document.querySelector('.js-plotly-plot')?._fullLayout?.yaxis?.type"
    page.wait_for_function(f"{axis} === 'linear'")
    tab_to(page.get_by_test_id("stCheckbox").filter(has_text="Logarithmic loss"))
    page.keyboard.press("Space")
    page.wait_for_function(f"{axis} === 'log'")


@pytest.mark.parametrize(
    "path", ["", "train", "run", "curves", "confusion_matrix", "samples", "draw"]
)
def test_a_phone_shows_every_page_without_sideways_scrolling(browser, server, path):
    """Case 48."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    opened = context.new_page()
    opened.goto(f"{server}/{path}")
    opened.get_by_role("heading", level=1).wait_for()
    overflow = opened.evaluate(
        """() => {
            const main = document.querySelector('[data-testid=stMain]');
            return main.scrollWidth - main.clientWidth;
        }"""
    )
    context.close()
    assert overflow <= 0
