"""What every page stands in: frame, menu, run picker, guard; and what runs are called."""

from __future__ import annotations

import logging
import secrets
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas  # noqa: F401  (two sessions importing it at once, late, find it half there)
import streamlit as st

from core.data.datasets import DatasetError
from core.evaluation.uncertainty import between, percent
from core.jobs import queue
from core.runs import limits, store
from core.runs.provenance import dataset_title
from core.training.recipes import BadSettings
from ui import access
from ui.text import plain
from ui.url import url_select

RESULT_PAGES = (
    ("pages/curves.py", "Curves", ":material/show_chart:"),
    ("pages/time_machine.py", "Time machine", ":material/history:"),
    ("pages/confusion_matrix.py", "Confusion matrix", ":material/apps:"),
    ("pages/samples.py", "Samples", ":material/photo_library:"),
    ("pages/compare.py", "Compare", ":material/compare_arrows:"),
    ("pages/claim.py", "Is it true?", ":material/verified:"),
    ("pages/review.py", "Review", ":material/fact_check:"),
    ("pages/report.py", "Report", ":material/ios_share:"),
    ("pages/draw.py", "Draw", ":material/draw:"),
)
RUN_PAGE = ("pages/run.py", "Run", ":material/article:")  # of any run, finished or not
MENU = (
    ("streamlit_app.py", "Runs", ":material/grid_view:"),
    ("pages/train.py", "Train", ":material/model_training:"),
)
REFUSALS = (store.RunNotFound, store.BrokenRun, DatasetError, BadSettings, limits.Refused)
LOG = logging.getLogger("lightbox")
ICON = Path(__file__).parents[1] / "assets" / "icon.png"
ICON_URL = f"data:image/png;base64,{b64encode(ICON.read_bytes()).decode()}"  # a file costs a rerun


@contextmanager
def page(title: str) -> Iterator[Any]:
    """Frame and menu around a page's body; yields the place beside the menu, for the run picker.

    A fault inside becomes a message that says the way out.
    """
    st.set_page_config(page_title=f"{title} · Lightbox", page_icon=ICON_URL, layout="wide")
    try:
        limits.check_environment()
    except limits.Refused as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
    presenting = st.query_params.get("present") == "1"
    with st.container(horizontal=True, vertical_alignment="center"):
        for script, label, icon in () if presenting else MENU:
            st.page_link(script, label=label, icon=icon)
        beside_menu = st.container(width=400)
        access.copy_link()
    if limits.read("LIGHTBOX_SIGN_IN") == "on":
        access.signed_in()
    if not presenting and title not in {label for _, label, _ in MENU}:
        run = st.query_params.get("run")
        with st.container(horizontal=True, gap="small"):
            run_links((RUN_PAGE, *RESULT_PAGES) if run else RESULT_PAGES, run)
    with guard(title):
        queue.keep_going()  # after a restart of the machine the line goes on
        yield beside_menu


@contextmanager
def guard(title: str) -> Iterator[None]:
    """Turns a fault into a message that says the way out; fragments need one of their own."""
    try:
        yield
    except REFUSALS as error:
        st.error(plain(str(error)), icon=":material/error:")
        home_link()
    except ModuleNotFoundError as error:
        st.error(
            f"This page needs the package {error.name}: `pip install -r requirements.txt`. "
            "The other pages work without it.",
            icon=":material/error:",
        )
    except Exception:
        number = secrets.token_hex(3)
        LOG.exception("fault %s on page %s", number, title)
        st.error(
            f"Something went wrong on this page (fault {number}). "
            "The server's log has the details under that number; the other pages are not affected.",
            icon=":material/error:",
        )


def run_links(pages: Sequence[tuple[str, str, str]], run_id: str | None) -> None:
    """Links to pages about one run."""
    query = {"run": run_id} if run_id else None
    for script, text, icon in pages:
        st.page_link(script, label=text, icon=icon, query_params=query)


def home_link() -> None:
    st.page_link("streamlit_app.py", label="All runs", icon=":material/arrow_back:")


def choose_run(place, *, finished: bool = True) -> store.Run:
    """The run that the URL names, with a picker in `place` to change it.

    Explains and stops when there is none, or when it has no results and `finished` asks for them.
    """
    known = [run for run in store.list_runs() if run.metrics or not (finished or run.problem)]
    wanted = st.query_params.get("run")
    if wanted is not None and wanted not in {run.id for run in known}:
        _explain_run(wanted)
    if not known:
        no_runs()
        st.stop()
    texts = labels(known)
    with place:
        chosen = url_select(
            "Run",
            list(texts),
            name="run",
            default=default_run(known).id,
            format_func=texts.get,
            label_visibility="collapsed",
        )
    if wanted is None:
        st.query_params["run"] = chosen  # what is best today may not be tomorrow: the link stays
    return store.load(chosen)


def _explain_run(wanted: str) -> None:
    """Say why the run in the URL cannot be shown, and stop."""
    try:
        run = store.load(wanted)
    except store.RunNotFound:
        name = plain(repr(wanted[:60]))
        text = f"Unknown run {name}: it does not exist here, or no longer."
        st.error(text, icon=":material/error:")
    else:
        if run.problem:
            st.error(f"Run {run.id} is damaged: {plain(run.problem)}", icon=":material/error:")
        else:
            text = f"Run {run.id} is {run.status}: there are no results yet."
            st.info(text, icon=":material/hourglass_top:")
            st.page_link("pages/run.py", label="Watch or resume it", query_params={"run": run.id})
    home_link()
    st.stop()


def default_run(known: Sequence[store.Run]) -> store.Run:
    """The best run on the bundled digits, which shows everything at once; else the best run."""
    digits = (run for run in known if run.metrics and run.info["dataset"] == "digits")
    return next(digits, known[0])


def no_runs() -> None:
    folder = access.without_paths(str(store.root()))
    st.info(
        f"No trained runs in `{folder}` yet. Train one in seconds, without a download:\n\n"
        "```\npython -m core train digits-cnn\n```\n"
        "`python -m core recipes` lists what else can be trained.",
        icon=":material/lightbulb:",
    )
    if limits.hosted():
        st.info(access.TEMPORARY, icon=":material/cloud_off:")
    st.page_link("pages/report.py", label="Take in a run from a zip", icon=":material/upload:")


def result(run: store.Run, further: dict[str, str], source: str = "") -> None:
    """How a run did, in large figures with `further` ones; below them the interval, and what its
    author stated.
    """
    metrics = run.metrics
    wrong = metrics["test_count"] - metrics["test_right"]
    shown = {
        "Test accuracy": percent(metrics["test_accuracy"]),
        "Misclassified": f"{wrong:,} of {metrics['test_count']:,}",
    }
    with st.container(horizontal=True, gap="large"):
        for text, value in (shown | further).items():
            st.metric(text, value, width="content")
    author = f" Its author stated {run.info['stated']}." if run.info.get("stated") else ""
    st.caption(f"95 % interval {between(metrics['test_accuracy_interval'])}.{author}{source}")


def labels(known: Sequence[store.Run]) -> dict[str, str]:
    """Run id -> a line of plain text, for pickers; no two alike, for a widget tells them apart by
    it.
    """
    found = {run.id: label(run) for run in known}
    counts = Counter(found.values())
    same = [key for key, text in found.items() if counts[text] > 1]
    ends = Counter(key[-4:] for key in same)  # the end of an id is made by chance
    for key in same:
        found[key] += f" · {key[-4:] if ends[key[-4:]] == 1 else key}"
    return found


def titles(chosen: Sequence[store.Run]) -> dict[str, str]:
    """Run id -> title; with the ends of their ids where some are alike."""
    found = {run.id: run.title for run in chosen}
    if len(set(found.values())) < len(found):
        return {key: f"{title} ({key[-4:]})" for key, title in found.items()}
    return found


def label(run: store.Run) -> str:
    """A run in one line of plain text."""
    accuracy = f" · {100 * run.metrics['test_accuracy']:.2f} %" if run.metrics else ""
    return f"{run.title} · {dataset_title(run)}{accuracy}"


def on_phone() -> bool:
    """Whether the browser says that it is a phone's: grids then have fewer columns."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")
