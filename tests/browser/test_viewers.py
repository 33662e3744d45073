"""Many viewers at once: a real server, and visitors that speak its protocol without a browser."""

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.browsing import App
from tests.helpers.runs import second_run

VIEWERS, LOOKS, REST_S = 20, 4, 3.0
PAGES = ("curves", "confusion_matrix", "samples")


async def look(socket, page: str, query: str) -> tuple[float, bytes]:
    """(seconds until the script has finished, all that came) of one look at a page."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.query_string = query
    start, came = time.perf_counter(), b""
    await socket.send(message.SerializeToString())
    while True:
        raw = await asyncio.wait_for(socket.recv(), 60)
        came += raw
        answer = ForwardMsg()
        answer.ParseFromString(raw)
        if answer.WhichOneof("type") == "script_finished":
            return time.perf_counter() - start, came


async def visit(address: str, number: int, own: str, looks: int) -> list[tuple[float, bytes]]:
    """A viewer of one run who turns from page to page, resting in between as people do."""
    import websockets

    chance = random.Random(number)
    stream = address.replace("http", "ws") + "/_stcore/stream"
    settings = {"subprotocols": ["streamlit"], "max_size": None, "compression": None}
    seen = []
    async with websockets.connect(stream, **settings) as socket:
        for turn in range(looks):
            await asyncio.sleep(chance.uniform(0, REST_S if turn else 1))
            seen.append(await look(socket, PAGES[(number + turn) % len(PAGES)], f"run={own}"))
    return seen


async def visit_all(address: str, owns: list[str]) -> list[list[tuple[float, bytes]]]:
    """What each saw who opens the dashboard anew, all within a second, and turns its pages."""
    visitors = (visit(address, number, own, LOOKS) for number, own in enumerate(owns))
    return await asyncio.gather(*visitors)


def alone(visits):
    """The result of a coroutine, run in a thread: a browser's tests keep this one's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, visits).result()


@pytest.fixture
def server(artifacts, no_data):
    app = App(artifacts, no_data)
    yield app.address
    app.kill()


@pytest.mark.slow
def test_twenty_viewers_at_once_each_see_their_own_run_within_a_second(digits, server):
    """Case 36: the best of three rounds counts, for other work on the machine slows some."""
    other = second_run(digits, name="Other")
    owns = [(digits, other)[number % 2].id for number in range(VIEWERS)]
    alone(visit(server, 0, digits.id, len(PAGES)))  # the first one waits for the imports
    slow = []
    for _ in range(3):
        visits = alone(visit_all(server, owns))
        for own, seen in zip(owns, visits, strict=True):
            (not_own,) = {digits.id, other.id} - {own}
            for _, came in seen:
                assert f"run={own}".encode() in came  # what the menu carries on
                assert f"run={not_own}".encode() not in came
        times = sorted(seconds for seen in visits for seconds, _ in seen)
        slow.append(times[int(0.95 * len(times))])
        if slow[-1] < 1:
            break
    assert min(slow) < 1, slow
