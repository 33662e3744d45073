"""Make the README's pictures: python -m bench.serving.screenshots [--dark] (needs requirements-
dev.txt and Chromium).
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    "home": ("", "What these networks learned"),
    "train": ("train", "Train a network"),
    "run": ("run", ""),
    "curves": ("curves", "is kept"),
    "time_machine": ("time_machine", "After epoch"),
    "confusion": ("confusion_matrix", ""),
    "samples": ("samples", "are read wrong"),
    "sample": ("samples?image=18", "Test image"),
    "compare": ("compare", ""),
    "claim": ("claim", "give or take"),
    "draw": ("draw", "Draw, and see"),
    "review": ("review", "What did it learn from"),
    "report": ("report", "Take it away"),
}


def draw_a_one(page) -> None:
    """A 1 with its upstroke on the canvas, and the answer to it."""
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for()
    corner = canvas.bounding_box()
    way = ((85, 115), (145, 55), (145, 225))
    for step, (x, y) in enumerate(way):
        page.mouse.move(corner["x"] + x, corner["y"] + y, steps=8)
        if not step:
            page.mouse.down()
    page.mouse.up()
    page.get_by_text("Nearest training images").wait_for()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--run", default="", help="the run to show; the default one otherwise")
    parser.add_argument("--draw", default="", help="the run that reads the drawing")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "assets")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("LIGHTBOX_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        print("no Chromium found: install it, or name it in LIGHTBOX_CHROMIUM", file=sys.stderr)
        return 1
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.port", str(port), "--server.headless", "true"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=ROOT, **quiet)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            context = browser.new_context(
                viewport={"width": options.width, "height": 800},
                color_scheme="dark" if options.dark else "light",
            )
            page = context.new_page()
            for name, (path, title) in PAGES.items():
                sign = "&" if "?" in path else "?"
                run = options.draw if name == "draw" and options.draw else options.run
                query = f"{sign}run={run}" if run and path else ""
                page.goto(f"{address}/{path}{query}")
                page.get_by_role("heading", level=1).filter(has_text=title).wait_for()
                page.wait_for_load_state("networkidle")
                if name == "draw":
                    draw_a_one(page)
                page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
                page.screenshot(path=options.output / f"{name}.png")
                print(options.output / f"{name}.png")
    finally:
        server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
