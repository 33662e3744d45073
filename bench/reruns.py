"""How long a rerun takes that computes nothing: this configuration against Streamlit's own.

Run: python -m bench.reruns [--reruns 40]. Two servers show the same pages over the same runs: ours,
and one with Streamlit's defaults (a full garbage collection after every rerun, no uvloop or
httptools). A raw websocket client asks both in turn; a rerun ends when the server says that the
script has finished.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
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

    async def rerun(self, page: str) -> tuple[float, int]:
        """(seconds, bytes received) of one rerun of a page."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = BackMsg()
        message.rerun_script.query_string = ""
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reruns", type=int, default=40)
    options = parser.parse_args()
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


if __name__ == "__main__":
    sys.exit(main())
