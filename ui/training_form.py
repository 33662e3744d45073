"""The form of a training, and what is said of it before it starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field
from typing import Any

import numpy as np
import streamlit as st

from core.data.datasets import DatasetError
from core.data.sources import DATASETS
from core.figures import charts
from core.jobs import plan, queue
from core.jobs.job import OPTIONS, Job
from core.runs import limits, store
from core.training import recipes, settings
from core.training.hardware import usable_devices
from core.training.settings import AUGMENTATION, FIELDS, TrainConfig
from core.training.sizes import SIZES
from ui import access, elements, run_panel
from ui.text import plain

TABS = ("training", "augmentation", "network", "selection", "machine")


def template() -> tuple[recipes.Recipe, TrainConfig, store.Run] | None:
    """Recipe and settings of the run that ?from= names, to train again with changes."""
    wanted = st.query_params.get("from")
    if not wanted:
        return None
    run = store.load(wanted)
    return (*recipes.from_description(run.info), run)


def form(base: recipes.Recipe, start: TrainConfig) -> list[Job]:
    """The fields, filled from `start`; one training for each seed, none after a message at the
    wrong field.
    """
    prefix = f"train_{st.query_params.get('from', base.name)}"
    places: dict[str, Any] = {}
    values: dict[str, Any] = {}
    known = vars(start) | {"epochs": min(start.epochs, limits.max_epochs())}
    tabs = dict(zip(TABS, st.tabs([name.capitalize() for name in TABS]), strict=True))
    with tabs["training"]:
        tabs |= {"training": st.container(), "advanced": st.expander("Advanced")}
    tabs["title"] = st.container()
    for group, tab in tabs.items():
        fields = [f for f in (FIELDS | OPTIONS).values() if f.metadata["group"] == group]
        with tab:
            values |= _fields(prefix, fields, known, places)
    with tabs["network"]:
        kinds, key = list(SIZES), f"{prefix}_model"
        index = kinds.index(base.model)
        model = st.selectbox("Kind", kinds, index=index, key=key, persist_state="session")
        own = base.sizes if model == base.model else {}
        typed = _fields(f"{prefix}_{model}", SIZES[model].values(), own, places)
        dataset = st.selectbox(
            "Data set",
            list(DATASETS),
            index=list(DATASETS).index(base.dataset),
            format_func=lambda name: DATASETS[name].title,
            key=f"{prefix}_dataset",
            persist_state="session",
        )
    with tabs["machine"]:
        three = st.toggle("Three seeds", key=f"{prefix}_three", help="This seed and the next two")
    try:
        own = {
            name: settings.from_text(SIZES[model][name], value) if isinstance(value, str) else value
            for name, value in typed.items()
        }
        chosen = dataclasses.replace(base, dataset=dataset, model=model, sizes=own)
        config = dataclasses.replace(start, **{name: values[name] for name in FIELDS})
        job = Job(chosen, config, **{name: values[name] for name in OPTIONS})
        job.check()
        return [dataclasses.replace(job, seed=job.seed + more) for more in range(3 if three else 1)]
    except ValueError as error:
        field, _, text = str(error).partition(": ")
        place = places.get(field)
        (place or st).error(plain(text if place else str(error)), icon=":material/error:")
        return []


def _fields(
    prefix: str, fields: Iterable[Field], values: Mapping[str, Any], places: dict[str, Any]
) -> dict[str, Any]:
    """A widget for each field in two columns, and below each a place for what is wrong with it."""
    columns, given = st.columns(2), {}
    for number, field in enumerate(fields):
        with columns[number % 2]:
            value = values.get(field.name, field.default)
            given[field.name] = _field(f"{prefix}_{field.name}", field, value)
            places[field.name] = st.empty()
    return given


def _field(key: str, field: Field, value: Any) -> Any:
    """One widget that fits the field's type; no limits here, core checks them."""
    common = {"key": key, "help": settings.hint(field) or None, "persist_state": "session"}
    text = field.metadata["label"] or field.name.replace("_", " ").capitalize()
    if choices := field.metadata["choices"]:
        if field.name == "device":
            choices = ("auto", *usable_devices())
        common["help"] = field.metadata["help"] or None
        return st.selectbox(text, choices, index=choices.index(value), **common)
    if isinstance(value, bool):
        return st.toggle(text, value, **common)
    if field.type == "str | None":
        return st.text_input(text, value or "", **common)
    if isinstance(value, tuple):
        return st.text_input(text, settings.to_text(value), **common)
    if field.type == "float":
        return st.number_input(text, value=float(value), format="%.6g", step=None, **common)
    return st.number_input(text, value=value, step=1, **common)


def show_plan(jobs: Sequence[Job]) -> None:
    """Parameters, layers, augmented samples, and the time on request."""
    job, key = jobs[0], repr(dataclasses.replace(jobs[0], seed=0, name=None).request())
    try:
        table = plan.layers(job.recipe)
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    with st.container(horizontal=True, gap="large"):
        st.metric("Parameters", f"{sum(count for *_, count in table):,}", width="content")
        found = _timed(key, job) if st.session_state.get("train_timed") == key else None
        if found:
            about = run_panel.duration(found["total_s"] * len(jobs))
            st.metric("About", about, width="content")
    if found:
        st.caption(
            f"{found['epoch_s']:.1f} s an epoch in {found['precision']}, measured here just now."
        )
    elif st.button("Estimate the time on this machine", icon=":material/timer:", key="train_time"):
        with elements.told(ValueError), st.spinner("Timing a few steps"):
            _timed(key, job)
            st.session_state["train_timed"] = key
            st.rerun()
    _learning_rates(key, job)
    _preview(job)
    with st.expander("Layers"):
        rows = [(layer, " x ".join(map(str, shape)), count) for layer, shape, count in table]
        elements.table(("Layer", "Output", "Parameters"), rows, key="train_layers")


@st.cache_resource(max_entries=32, show_spinner=False)
def _timed(key: str, _job: Job) -> dict[str, Any]:
    return plan.in_worker("plan", _job)


def _learning_rates(key: str, job: Job) -> None:
    """The loss at growing rates, on request."""
    if st.session_state.get("train_tried") != key:
        if st.button("Find a learning rate", icon=":material/search:", key="train_rates"):
            with elements.told(ValueError), st.spinner("Trying growing rates for 120 steps"):
                _tried(key, job)
                st.session_state["train_tried"] = key
                st.rerun()
        return
    found = _tried(key, job)
    rates, losses = np.array(found["rates"]), np.array(found["losses"])
    line = charts.Line("", charts.run_color(job.recipe.name), rates, {"train": losses})
    figure = charts.curves([line], "loss", axis="learning rate")
    figure.update_layout(height=240, showlegend=False)
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    best, words = found["suggested"], "The loss falls at no rate."
    if best:
        figure.add_vline(best, line={"dash": "dot", "color": "gray"})
        words = f"The loss falls fastest at {best:g}: a rate to begin with."
    elements.chart(figure, key="train_rates_found", alt=f"Loss at growing rates. {words}")
    st.caption(words)


@st.cache_resource(max_entries=32, show_spinner=False)
def _tried(key: str, _job: Job) -> dict[str, Any]:
    return plan.in_worker("find-lr", _job)


def _preview(job: Job) -> None:
    """Eight images as the network will see them in training, drawn anew at every look."""
    from core.figures import thumbnails

    config = job.config
    if not any(getattr(config, name) for name in AUGMENTATION):
        return
    try:
        samples = plan.augmented(job.recipe.dataset, config)
    except DatasetError:
        st.caption("A preview of the augmentation appears once the images are on this machine.")
        return
    st.caption("As the network sees them in training")
    st.image(
        [thumbnails.tile(image, size=48) for image in samples],
        width=48,
        alt=[f"Augmented sample {number}" for number in range(1, len(samples) + 1)],
    )


def submit(jobs: Sequence[Job]) -> None:
    """Put trainings in line and show the first; what is wrong becomes a message and the form
    stays.
    """
    with elements.told(ValueError, OSError):
        done = queue.submit_all(jobs, visitor=access.visitor())
        for each in done:
            access.own(each)
        st.switch_page("pages/run.py", query_params={"run": done[0].run_id})
