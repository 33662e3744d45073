"""Journeys of carrying a run out and in, of a walk with a mentor, and through a hosted server."""

import http.client
import re

import pytest

from core.reports import review
from core.runs import store
from tests.helpers import ROOT
from tests.helpers.browsing import App, title
from tests.helpers.workers import until

pytestmark = pytest.mark.slow


@pytest.fixture
def open_page(browser):
    """A page of its own with a clipboard; closed at the end."""
    contexts = []

    def opened(address: str, **settings):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_a_run_is_made_into_a_zip_deleted_and_taken_in_again(open_page, tiny, tmp_path):
    """Case 46, with the real worker."""
    app = App(store.root(), tmp_path / "no-data")
    try:
        page = open_page(f"{app.address}/report?run={tiny.id}")
        title(page, "Take it away: Tiny")
        page.get_by_role("button", name="Make the files").click()
        whole = page.get_by_role("button", name="Everything as one zip")
        whole.wait_for(timeout=180_000)
        with page.expect_download() as caught:
            whole.click()
        kept = tmp_path / caught.value.suggested_filename
        caught.value.save_as(kept)
        assert kept.name == f"{tiny.id}.zip"

        page.get_by_text("Show the page here").click()
        frame = page.frame_locator("iframe[src^='data:text/html']")
        frame.get_by_role("heading", name="Which class is taken for which").wait_for()
        assert frame.get_by_role("heading", level=1).inner_text() == "Tiny"
        frame.locator(".matrix button").first.click()
        frame.locator("dialog[open] #shown li").first.wait_for()

        page.goto(f"{app.address}/run?run={tiny.id}")
        page.get_by_role("button", name="Delete", exact=False).first.click()
        page.get_by_role("button", name="Delete this run").click()
        page.get_by_text("No trained runs in").wait_for()
        page.get_by_role("link", name="Take in a run from a zip").click()
        page.get_by_text("at most 100 MB").wait_for()
        page.locator("input[type=file]").set_input_files(kept)
        page.get_by_role("button", name="Take it in").click()
        page.get_by_text(f"is here as {tiny.id}").wait_for(timeout=120_000)
        page.get_by_role("link", name="Look at it").click()
        title(page, "Tiny")
        page.get_by_text("Misclassified").wait_for()
    finally:
        app.kill()


def test_a_walk_with_a_mentor_leaves_its_note(open_page, tiny, tmp_path):
    app = App(store.root(), tmp_path / "no-data")
    try:
        page = open_page(f"{app.address}/review?run={tiny.id}&stop=errors")
        title(page, "What does it get wrong?")
        page.get_by_role("radio", name="discussed").click()
        page.get_by_label("Note").fill("Ask for more 8s")
        page.get_by_role("button", name="Keep").click()
        until(lambda: review.saved(store.load(tiny.id))["errors"]["note"])
        page.get_by_role("button", name="Present").click()
        page.wait_for_url("**present=1**")
        page.get_by_role("link", name="Train").wait_for(state="detached")
        page.get_by_role("button", name="Next").click()
        title(page, "Is it unsure when it should be?")
        assert "present=1" in page.url
        kept = review.saved(store.load(tiny.id))["errors"]
        assert kept == {"status": "discussed", "note": "Ask for more 8s"}
    finally:
        app.kill()


def test_the_copied_link_opens_the_same_view(open_page, server):
    page = open_page(f"{server}/review?stop=curves")
    title(page, "Did it learn")
    page.wait_for_url("**run=**")
    page.get_by_test_id("stPopover").locator("button").first.click()
    code = page.get_by_test_id("stCode")
    code.get_by_text("stop=curves").wait_for()
    address = code.inner_text().strip()
    assert re.fullmatch(re.escape(server) + r"/review\?\S+", address)
    title(open_page(address), "Did it learn")


@pytest.fixture
def hosted_app(tiny, tmp_path, monkeypatch):
    """The app as the Dockerfile starts it, over the tiny run."""
    for name, value in {
        "LIGHTBOX_PROFILE": "hosted",
        "STREAMLIT_SERVER_ALLOWED_HOSTS": "localhost 127.0.0.1",
        "STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "10",
    }.items():
        monkeypatch.setenv(name, value)
    app = App(store.root(), tmp_path / "no-data")
    yield app
    app.kill()


def test_a_hosted_server_lets_visitors_change_nothing(open_page, hosted_app, tiny):
    page = open_page(f"{hosted_app.address}/run?run={tiny.id}")
    title(page, "Tiny")
    page.get_by_text("Misclassified").wait_for()
    for name in ("Delete", "Name and note"):
        assert page.get_by_role("button", name=name).count() == 0
    page.goto(f"{hosted_app.address}/report?run={tiny.id}")
    page.get_by_text("Storage on this host is temporary").wait_for()
    page.get_by_text("Importing runs is switched off").wait_for()
    assert page.locator("input[type=file]").count() == 0
    page.goto(f"{hosted_app.address}/review?run={tiny.id}")
    assert page.get_by_role("button", name="Keep").is_disabled()
    page.goto(f"{hosted_app.address}/train")
    page.get_by_text("A training here has at most 10 epochs").wait_for()
    field = page.get_by_role("spinbutton", name="Epochs", exact=True)
    assert field.input_value() == "10"
    field.fill("40")
    field.press("Enter")
    page.get_by_text("is more than the 10 allowed here").first.wait_for()
    assert page.get_by_role("button", name="Start training").is_disabled()


def test_a_fault_on_a_hosted_server_shows_no_path_and_no_traceback(open_page, hosted_app, tiny):
    (tiny.folder / store.PREDICTIONS).write_bytes(b"no arrays")
    for path in ("samples", "review", "claim"):
        page = open_page(f"{hosted_app.address}/{path}?run={tiny.id}")
        alert = page.get_by_role("alert").first
        alert.wait_for()
        told = page.locator("[data-testid=stMain]").inner_text()
        assert "Traceback" not in told
        assert str(ROOT) not in told
        assert 'File "' not in told
        assert str(store.root()) not in told


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 101), ("evil.example.com", 403), ("localhost.evil.org", 403)]
)
def test_a_foreign_host_header_is_refused(hosted_app, host, status):
    connection = http.client.HTTPConnection("127.0.0.1", hosted_app.port, timeout=10)
    connection.putrequest("GET", "/_stcore/stream", skip_host=True)
    for name, value in (
        ("Host", f"{host}:{hosted_app.port}"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == status
    connection.close()
