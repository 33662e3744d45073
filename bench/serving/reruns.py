"""How long a rerun takes that computes nothing: this configuration against Streamlit's own.

Run: python -m bench.serving.reruns [--reruns 40] [--load]. Two servers show the same pages over the
same runs: ours, and one with Streamlit's defaults (a full garbage collection after every rerun, no
uvloop or httptools). A raw websocket client asks both in turn; a rerun ends when the server says
that the script has finished.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    "Home": "",
    "Curves": "curves",
    "Confusion matrix": "confusion_matrix",
    "Samples": "samples",
}


def start(stock: bool, blocked: str) -> tuple[subprocess.Popen, int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.port", str(port), "--server.headless", "true"]
    environment = dict(os.environ)
    if stock:
        command += ["--runner.postScriptGC", "true"]
        environment["PYTHONPATH"] = blocked
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, **quiet)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
            return server, port
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise RuntimeError("the server did not start")


class Visitor:
    """One browser tab, without the browser."""

    def __init__(self, port: int) -> None:
        self.address = f"ws://127.0.0.1:{port}/_stcore/stream"

    async def open(self):
        import websockets

        self.socket = await websockets.connect(
            self.address, subprotocols=["streamlit"], max_size=None, compression=None
        )
        return self

    async def rerun(self, page: str, query: str = "") -> tuple[float, int]:
        """(seconds, bytes received) of one rerun of a page under a URL's query."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        start = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        received = 0
        while True:
            raw = await asyncio.wait_for(self.socket.recv(), 60)
            received += len(raw)
            answer = ForwardMsg()
            answer.ParseFromString(raw)
            if answer.WhichOneof("type") == "script_finished":
                return time.perf_counter() - start, received


async def measure(ports: dict[str, int], reruns: int, heavy: bool) -> None:
    visitors = {name: await Visitor(port).open() for name, port in ports.items()}
    for visitor in visitors.values():
        for page in [*PAGES.values(), *(["draw"] if heavy else [])]:
            await visitor.rerun(page)
            await visitor.rerun(page)
    print(
        "after Draw was opened (torch is loaded)" if heavy else "viewed only (torch is not loaded)"
    )
    print(f"{'page':<18}{'stock p50 (min-max)':>26}{'ours p50 (min-max)':>26}{'ratio':>8}{'kB':>7}")
    for title, page in PAGES.items():
        times: dict[str, list[float]] = {name: [] for name in visitors}
        for _ in range(reruns):
            for name, visitor in visitors.items():
                seconds, received = await visitor.rerun(page)
                times[name].append(1000 * seconds)
        middle = {name: statistics.median(values) for name, values in times.items()}
        columns = [
            f"{middle[name]:.1f} ms ({min(values):.1f}-{max(values):.1f})"
            for name, values in times.items()
        ]
        ratio = middle["stock"] / middle["ours"]
        print(f"{title:<18}{columns[0]:>26}{columns[1]:>26}{ratio:>7.1f}x{received / 1000:>7.1f}")


async def measure_load(port: int, reruns: int, rounds: int = 3) -> None:
    """Home and Samples idle and while a training runs, in turns on one server."""
    from core.jobs import queue
    from core.jobs.job import Job
    from core.runs import status, store
    from core.training import recipes

    visitor = await Visitor(port).open()
    recipe = recipes.get("digits-cnn")
    pages = {name: PAGES[name] for name in ("Home", "Samples")}
    times: dict[tuple[str, bool], list[float]] = {}
    for page in pages.values():
        for _ in range(5):
            await visitor.rerun(page)
    for turn in range(rounds):
        for training in (False, True):
            if training:
                config = recipe.config.replace(epochs=5000)
                run_id = queue.submit(Job(recipe, config, seed=turn)).run_id
                while len(store.load(run_id).history()[0]) < 2:
                    await asyncio.sleep(0.2)
            for _ in range(reruns):
                for name, page in pages.items():
                    seconds, _ = await visitor.rerun(page)
                    times.setdefault((name, training), []).append(1000 * seconds)
                    await asyncio.sleep(0.05)  # as people click, not as fast as a loop can
            if training:
                queue.stop(run_id)
                while store.load(run_id).status in status.ACTIVE:
                    await asyncio.sleep(0.2)
                queue.delete(run_id)
    print(f"{'page':<10}{'idle p50 (p95)':>22}{'training p50 (p95)':>24}{'ratio':>8}")
    for name in pages:
        idle, busy = times[name, False], times[name, True]
        columns = [
            f"{statistics.median(v):.1f} ms ({sorted(v)[int(0.95 * len(v))]:.1f})"
            for v in (idle, busy)
        ]
        ratio = statistics.median(busy) / statistics.median(idle)
        print(f"{name:<10}{columns[0]:>22}{columns[1]:>24}{ratio:>7.2f}x")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reruns", type=int, default=40)
    parser.add_argument("--load", action="store_true", help="idle against a running training")
    options = parser.parse_args()
    if options.load:
        return _load(options.reruns)
    with tempfile.TemporaryDirectory() as blocked:
        hidden = "import sys\nsys.modules.update(uvloop=None, httptools=None)\n"
        Path(blocked, "sitecustomize.py").write_text(hidden)
        servers = {}
        try:
            for name in ("stock", "ours"):
                servers[name] = start(name == "stock", blocked)
            ports = {name: port for name, (_, port) in servers.items()}
            for heavy in (False, True):
                asyncio.run(measure(ports, options.reruns, heavy))
        finally:
            for server, _ in servers.values():
                server.terminate()
    return 0


def _load(reruns: int) -> int:
    """The shipped runs in a folder of their own, so that the training leaves no trace."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "artifacts", folder, dirs_exist_ok=True)
        os.environ["LIGHTBOX_ARTIFACTS"] = folder
        server, port = start(stock=False, blocked="")
        try:
            asyncio.run(measure_load(port, reruns))
        finally:
            server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
