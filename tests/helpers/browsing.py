"""What journeys in Chromium share: the browser, and the app on a free port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from core.jobs import queue
from tests.helpers import ROOT

CHROMIUM = os.environ.get("LIGHTBOX_CHROMIUM") or shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    """Chromium, or a skip that says what is missing; in CI its absence is a failure."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _missing("Playwright is not installed: pip install -r requirements-dev.txt")
    if not CHROMIUM:
        _missing("no Chromium found: install it, or name it in LIGHTBOX_CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


def _missing(reason: str) -> None:
    if os.environ.get("LIGHTBOX_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


class App:
    """The app on a free port, over folders of its own; it can be killed and started again."""

    def __init__(self, artifacts, data) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        folders = {"LIGHTBOX_ARTIFACTS": str(artifacts), "LIGHTBOX_DATA": str(data)}
        self.environment = {**os.environ, **folders}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        self.process = subprocess.Popen(
            [*command, "--server.port", str(self.port), "--server.headless", "true"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1)
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.process.kill()
                    pytest.fail("the server did not start")
                time.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture(scope="session")
def served_root(trained_root, tmp_path_factory):
    """A copy of the tiny run's folder, to which these journeys may add."""
    return Path(shutil.copytree(trained_root, tmp_path_factory.mktemp("served") / "artifacts"))


@pytest.fixture(scope="session")
def server(served_root, tmp_path_factory):
    """The app over the tiny run and an empty data folder; its address."""
    app = App(served_root, tmp_path_factory.mktemp("no-data"))
    yield app.address
    app.kill()


@pytest.fixture
def training_app(artifacts, tmp_path):
    """The app over an artifacts folder of its own; what still trains at the end is ended."""
    app = App(artifacts, tmp_path / "no-data")
    yield app
    app.kill()
    for run in queue.active_runs():
        heartbeat = queue.progress(run)
        if heartbeat.get("pid"):
            os.kill(heartbeat["pid"], signal.SIGKILL)


@pytest.fixture
def page(browser, server):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    opened.goto(server)
    yield opened
    context.close()


def title(page, text: str) -> None:
    """Wait for the page whose heading has this text."""
    page.get_by_role("heading", level=1).filter(has_text=text).wait_for()


def point(page, x: float, y: float, chart: str = ".js-plotly-plot") -> tuple[float, float]:
    """Where on the screen a place in a chart's own coordinates lies, once the chart is drawn."""
    page.locator(f"{chart} .main-svg").first.wait_for()
    return tuple(
        page.evaluate(
            """([selector, x, y]) => {
                const plot = document.querySelector(selector), layout = plot._fullLayout;
                plot.scrollIntoView({block: 'center'});
                const box = plot.getBoundingClientRect();
                return [box.x + layout.xaxis._offset + layout.xaxis.c2p(x),
                        box.y + layout.yaxis._offset + layout.yaxis.c2p(y)];
            }""",
            [chart, x, y],
        )
    )
