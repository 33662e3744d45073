"""Cached loaders: what pages read of runs and data sets, shared by all and keyed by the files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.analysis import ood
from core.data import datasets, sources
from core.data.folders import data_root
from core.runs import store
from ui.text import plain

LOG = logging.getLogger("lightbox")


def predictions(run: store.Run) -> dict[str, Any]:
    path = run.folder / store.PREDICTIONS
    return _predictions(run, run.id, path.stat().st_mtime_ns if path.exists() else 0)


def readable(known: Sequence[store.Run]) -> list[store.Run]:
    """Those whose predictions can be read: a damaged run must not take a page about another."""
    found = []
    for run in known:
        try:
            predictions(run)
            found.append(run)
        except store.BrokenRun as error:
            LOG.warning("passed over: %s", error)
    return found


@st.cache_resource(max_entries=16, show_spinner=False)
def _predictions(_run: store.Run, run_id: str, stamp: int) -> dict[str, Any]:
    return _run.predictions()


def test_images(run: store.Run):
    """The test images uint8 (N, C, H, W) of a run, or None after saying how to get them."""
    name = run.info["dataset"]
    try:
        images, _, digest = _test_images(name, str(data_root()))
    except (datasets.DatasetError, ValueError) as error:
        _offer_fetch(name, str(error))
        return None
    if digest != run.info["test_sha256"]:
        st.warning(
            f"The test images of {name} on this machine are not those that this run was scored on, "
            "so they are not shown.",
            icon=":material/warning:",
        )
        return None
    return images


@st.cache_resource(max_entries=4, show_spinner="Reading the test images")
def _test_images(name: str, root: str):
    return datasets.load_test(name)


def _offer_fetch(name: str, reason: str) -> None:
    known = sources.DATASETS.get(name)
    if known is None:
        st.info(f"The images of {plain(name)} are not on this machine.", icon=":material/image:")
        return
    st.info(
        f"The test images of {known.title} are not on this machine ({plain(reason)}). "
        "Everything else works without them.",
        icon=":material/image:",
    )
    if st.button(
        f"Fetch the test images of {known.title}", icon=":material/download:", key="fetch"
    ):
        with st.spinner("Fetching and checking"):
            datasets.fetch_in_worker(name)
        st.rerun()


def reader(run: store.Run):
    """The run's network, frozen: loaded once a process, keyed by its files, shared by everybody."""
    means = run.folder / ood.NAME  # which come later, when somebody asks for the neighbours
    stamps = [p.stat().st_mtime_ns for p in (run.folder / store.WEIGHTS, means) if p.exists()]
    return _reader(run.id, str(store.root()), tuple(stamps))


@st.cache_resource(max_entries=8, show_spinner="Loading the network")
def _reader(run_id: str, root: str, stamps: tuple[int, ...]):
    import torch

    from core.reading.reader import open_run

    torch.set_num_threads(1)  # the web process stays at one; training has its own processes
    return open_run(run_id)
