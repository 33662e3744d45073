"""Journeys through what a run got wrong, in Chromium; each waits for content, never for time."""

import re

import numpy as np
import pytest

from core.evaluation import learning_dynamics, paired_tests
from core.runs import store
from tests.helpers import ROOT
from tests.helpers.browsing import App, point, title

pytestmark = pytest.mark.slow
GRID = ".js-plotly-plot:has(.imagelayer image)"  # the chart that is a grid of images


def open_at(page, address: str) -> None:
    page.goto(address)
    page.locator(".js-plotly-plot .main-svg").first.wait_for()


def shown_numbers(page) -> list[int]:
    """The numbers of the test images in the grid, as a pointer over them reads."""
    page.locator(GRID).wait_for()
    texts = page.evaluate(f"() => document.querySelector('{GRID}').data[0].text")
    return [int(text.split(":")[0]) for text in texts]


@pytest.fixture(scope="session")
def tiny_served(served_root):
    """The tiny run that the server shows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIGHTBOX_ARTIFACTS", str(served_root))
        return next(run for run in store.list_runs() if run.title == "Tiny")


def test_a_cell_opens_its_images_and_an_image_its_sample(page, server, browser, tiny_served):
    true, predicted, count = tiny_served.metrics["most_confused"][0]
    stored = tiny_served.predictions()
    members = np.flatnonzero((stored["labels"] == true) & (stored["probs"].argmax(1) == predicted))
    assert len(members) == count
    open_at(page, f"{server}/confusion_matrix?run={tiny_served.id}")
    page.mouse.click(*point(page, predicted, true))
    page.get_by_role("heading", name=f"{true} read as {predicted}: {count} image").wait_for()
    assert shown_numbers(page) == members.tolist()

    page.mouse.click(*point(page, 0, 0, GRID))
    title(page, f"Test image {members[0]}: {true}, read as {predicted}")
    page.get_by_role("heading", name="At every epoch").wait_for()
    assert page.locator(".js-plotly-plot .barlayer").count() == 2
    page.get_by_role("heading", name="Nearest training images").wait_for()

    other = browser.new_context().new_page()  # the link alone gives the same view
    other.goto(page.url)
    title(other, f"Test image {members[0]}: {true}, read as {predicted}")
    other.context.close()


def test_neighbours_are_found_on_demand_and_then_stay(page, server, tiny_served):
    page.goto(f"{server}/samples?run={tiny_served.id}&image=3")
    page.get_by_role("button", name="Find them").click()
    page.get_by_text("Distance in the last hidden layer").or_(
        page.get_by_text("Unlike 99 of 100 images of this kind")
    ).wait_for(timeout=90_000)
    assert page.get_by_role("img", name=re.compile("^Training image")).count() == 5
    page.reload()
    page.get_by_role("img", name=re.compile("^Training image")).nth(4).wait_for()


def test_the_time_machine_moves_the_matrix_and_its_lists(page, server, tiny_served):
    stored = tiny_served.predictions()
    right = stored["epoch_classes"] == stored["labels"]
    open_at(page, f"{server}/time_machine?run={tiny_served.id}&epoch=2&event=Forgotten")
    for epoch in (2, 1):
        kept = " (kept)" * (epoch == tiny_served.metrics["kept_epoch"])
        title(page, f"After epoch {epoch}{kept}: {100 * right[epoch - 1].mean():.2f} % right")
        if epoch == 2:
            page.get_by_role("slider").press("ArrowLeft")
    page.wait_for_url("**epoch=1**")
    page.get_by_role("radio", name=f"Learned ({int(right[0].sum())})").wait_for()
    never = len(learning_dynamics.events(right, 1)["Never learned"])
    page.get_by_role("radio", name=f"Never learned ({never})").click()
    page.wait_for_url("**event=Never**")
    page.get_by_text(f"of {never}", exact=False).last.wait_for()


def test_comparing_two_shipped_runs_opens_what_only_one_reads_right(
    browser, real_data, monkeypatch, tmp_path_factory
):
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(ROOT / "artifacts"))
    by_recipe = {run.info["recipe"]: run for run in store.list_runs()}
    a, b = by_recipe["mnist-mlp"], by_recipe["mnist-cnn-bn"]
    both = a.predictions(), b.predictions()
    found = paired_tests.compare(both[0]["labels"], *(part["probs"].argmax(1) for part in both))
    app = App(ROOT / "artifacts", real_data)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(f"{app.address}/compare?run={a.id}&b={b.id}&quadrant=Both+wrong")
        title(page, "is better")
        page.get_by_text(f"gains {found.gained} and loses {found.lost} of 10,000").wait_for()
        page.get_by_role("radio", name=re.compile(r"^Only mnist-mlp.*right \(")).click()
        page.wait_for_url(re.compile("^(?!.*Both)"))
        page.get_by_text(f"1 to 25 of {found.lost}").wait_for()
        assert shown_numbers(page) == found.members["Only A right"][:25].tolist()
        page.mouse.click(*point(page, 0, 0, GRID))
        title(page, f"Test image {found.members['Only A right'][0]}")
        page.get_by_text("other runs read it right").wait_for()
    finally:
        context.close()
        app.kill()
