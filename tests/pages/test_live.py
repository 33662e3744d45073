"""Pages of a training that goes on in a real worker, as a person comes and goes."""

import dataclasses
import json

import pytest

from core.jobs import queue
from core.runs import line, store
from tests.helpers import workers
from tests.helpers.pages import open_page
from tests.helpers.runs import second_run


@pytest.fixture
def started(tiny, monkeypatch):
    """Workers that pages have started, ended with the test. A finished run lies beside theirs, so
    that a page that lost its way would show that one.
    """
    workers.ready()
    processes = []

    def keep_going():
        for row in line.rows(store.root()):
            if not row.running:
                with line.changing(store.root()) as db:
                    line.put(db, dataclasses.replace(row, running=True))
                processes.append(workers.begin(row.run))

    monkeypatch.setattr(queue, "keep_going", keep_going)
    yield processes
    for process in processes:
        workers.kill(process)


def press_start(page):
    """Start a training on the Train page that outlasts the test; the run's own page follows."""
    prefix = "train_digits-cnn"
    page.number_input(key=f"{prefix}_epochs").set_value(5000)
    page.number_input(key=f"{prefix}_threads").set_value(1)
    page.selectbox(key=f"{prefix}_precision").set_value("float32")
    page.text_input(key=f"{prefix}_house_stages").set_value("4").run()
    return page.button(key="train_start").click().run()


def named(page) -> str:
    """The run in a page's URL."""
    return "".join(page.query_params["run"])


def check_live(page, run_id: str) -> None:
    """The page shows this run, its progress, and curves of all epochs that were done before."""
    assert not page.error
    assert named(page) == run_id
    assert "of 5000" in page.get("progress")[0].proto.text
    specs = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    assert [spec["layout"]["yaxis"]["title"]["text"] for spec in specs] == ["loss", "accuracy"]
    assert [len(spec["data"]) for spec in specs] == [2, 2]  # training and validation


def test_who_leaves_a_training_and_comes_back_finds_it_live_and_alone(started):
    """Cases 1, 2, 3 and 6: the URL and the files are all that a page needs to be rebuilt."""
    run_id = named(press_start(open_page("train")))
    workers.until(lambda: workers.epochs_done(run_id) >= 2, seconds=90)
    here = open_page("run", run=run_id)
    check_live(here, run_id)
    here.switch_page("streamlit_app.py").run()
    here.switch_page("pages/run.py")
    here.query_params["run"] = run_id
    check_live(here.run(), run_id)
    check_live(open_page("run", run=run_id), run_id)  # another tab, or another server
    again = press_start(open_page("train"))
    assert named(again) == run_id
    assert [run.id for run in queue.active_runs()] == [run_id]
    assert len(started) == 1
    assert workers.state_of(run_id) == "running"


def test_a_killed_worker_is_said_where_it_broke_and_offered_to_resume(started):
    """Case 4."""
    run_id = workers.put_in_line(5000)
    process = workers.begin(run_id)
    workers.until(lambda: workers.epochs_done(run_id) >= 2)
    workers.kill(process)
    done = workers.epochs_done(run_id)
    page = open_page("run", run=run_id)
    assert f"Interrupted at epoch {done}. Resume goes on" in page.warning[0].value
    page.button(key="run_resume").click().run()
    workers.until(lambda: workers.epochs_done(run_id) > done)
    assert open_page("run", run=run_id).get("progress")
    assert len(started) == 1


@pytest.mark.parametrize("page", ["run", "curves", "samples"])
def test_who_looks_at_a_run_that_another_deletes_is_told_so(tiny, page):
    """Cases 18 and 38."""
    other = second_run(tiny)
    looking = open_page(page, run=other.id)
    assert not looking.error
    queue.delete(other.id)
    looking.run()
    assert "does not exist here, or no longer" in looking.error[0].value
    assert named(looking) == other.id  # not another run under the same address
