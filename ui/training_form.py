"""The form of a training, and what is said of it before it starts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.data.datasets import DATASETS, DatasetError
from core.jobs import plan, queue
from core.runs import limits, store
from core.training import recipes, settings, sizes
from core.training.settings import AUGMENTATION
from ui import access, elements, run_panel
from ui.text import plain

TRAINING = ("epochs", "batch_size", "lr", "optimizer", "schedule", "weight_decay")
REGULAR = ("label_smoothing", "validation", "select", "normalisation")
CHOICES = {
    "optimizer": settings.OPTIMIZERS,
    "schedule": settings.SCHEDULES,
    "select": settings.SELECTIONS,
    "normalisation": settings.NORMALISATIONS,
}
LABELS = {"lr": "Learning rate", "erasing": "Random erasing", "select": "Keep the epoch"}
HELP = {
    "batch_size": "Images a step",
    "lr": "Its peak with onecycle",
    "validation": "Share of the training part held out; 0 trains on everything",
    "select": "The last one, or the best on validation",
    "normalisation": "train: its own mean and deviation; half: 0.5 and 0.5; unit: pixels / 255",
    "rotation": "Degrees to either side",
    "translation": "Share of the side, either way",
    "scale": "Share by which images shrink or grow",
    "shear": "Degrees to either side",
    "elastic": "Share of the side by which parts wander apart, as in a shaky hand",
    "stroke": "Share of a pixel by which strokes swell or shrink at either edge",
    "upstrokes": "Share of lone straight strokes that get an upstroke, as a 1 in many hands",
    "erasing": "Probability that a rectangle is blanked",
    "flip": "Mirror left and right; not for digits and letters",
    "widths": "Filters of each stage, set apart by commas",
    "hidden": "Units of each hidden layer, set apart by commas",
    "stages": "Filters of each convolution; stages set apart by a slash",
}


@dataclass(frozen=True)
class Order:
    """What the form asks for, checked."""

    recipe: recipes.Recipe
    config: settings.TrainConfig
    seeds: tuple[int, ...]
    device: str
    precision: str
    threads: int | None
    name: str | None


def template() -> tuple[recipes.Recipe, settings.TrainConfig, store.Run] | None:
    """Recipe and settings of the run that ?from= names, to train again with changes."""
    wanted = st.query_params.get("from")
    if not wanted:
        return None
    run = store.load(wanted)
    return (*recipes.from_description(run.info), run)


def form(base: recipes.Recipe, start: settings.TrainConfig) -> Order | None:
    """The fields, filled from `start`; the order, or None after a message at the wrong field."""
    prefix = f"train_{st.query_params.get('from', base.name)}"
    places: dict[str, Any] = {}
    values: dict[str, Any] = {}
    known = dataclasses.asdict(start) | {"epochs": min(start.epochs, limits.max_epochs())}
    tabs = st.tabs(["Training", "Augmentation", "Network", "Selection", "Machine"])
    for tab, names in ((tabs[0], TRAINING), (tabs[1], AUGMENTATION), (tabs[3], REGULAR)):
        with tab:
            values |= _fields(prefix, {name: known[name] for name in names}, places)
    with tabs[2]:
        model, dimensions = _network(prefix, base, places)
        dataset = st.selectbox(
            "Data set",
            list(DATASETS),
            index=list(DATASETS).index(base.dataset),
            format_func=lambda name: DATASETS[name].title,
            key=f"{prefix}_dataset",
            persist_state="session",
        )
    with tabs[4]:
        machine = _machine(prefix)
        places["seed"] = st.empty()
    name = st.text_input("Name", key=f"{prefix}_name", placeholder="A title of your own (optional)")
    try:
        config = dataclasses.replace(start, **values)
        limits.check(config)
        dimensions = _read_sizes(model, dimensions)
        chosen = dataclasses.replace(base, dataset=dataset, model=model, sizes=dimensions)
        return Order(chosen, config, name=name.strip() or None, **machine)
    except ValueError as error:
        field, _, text = str(error).partition(": ")
        place = places.get(field)
        (place or st).error(plain(text if place else str(error)), icon=":material/error:")
        return None


def _fields(prefix: str, defaults: dict[str, Any], places: dict[str, Any]) -> dict[str, Any]:
    """A widget for each name in two columns, and below each a place for what is wrong with it."""
    columns, given = st.columns(2), {}
    for number, (name, default) in enumerate(defaults.items()):
        with columns[number % 2]:
            given[name] = _field(prefix, name, default)
            places[name] = st.empty()
    return given


def _field(prefix: str, name: str, default: Any) -> Any:
    """One widget that fits the type of its default; no limits here, core checks them."""
    common = {"key": f"{prefix}_{name}", "help": HELP.get(name), "persist_state": "session"}
    text = LABELS.get(name, name.replace("_", " ").capitalize())
    if choices := CHOICES.get(name):
        return st.selectbox(text, choices, index=choices.index(default), **common)
    if isinstance(default, bool):
        return st.toggle(text, default, **common)
    if isinstance(default, int):
        return st.number_input(text, value=default, step=1, **common)
    if isinstance(default, tuple):
        return st.text_input(text, sizes.to_text(default), **common)
    return st.number_input(text, value=float(default), format="%.6g", step=None, **common)


def _network(prefix: str, base: recipes.Recipe, places: dict) -> tuple[str, dict[str, Any]]:
    kinds = list(sizes.SIZES)
    index, key = kinds.index(base.model), f"{prefix}_model"
    model = st.selectbox("Kind", kinds, index=index, key=key, persist_state="session")
    defaults = sizes.SIZES[model] | (dict(base.sizes) if model == base.model else {})
    return model, _fields(f"{prefix}_{model}", defaults, places)


def _machine(prefix: str) -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        seed = st.number_input("Seed", 0, 2**31 - 4, 0, key=f"{prefix}_seed")
        three = st.toggle("Three seeds", key=f"{prefix}_three", help="This seed and the next two")
        precisions = ("auto", "float32", "bfloat16")
        precision = st.selectbox("Precision", precisions, key=f"{prefix}_precision")
    with right:
        device = st.selectbox("Device", devices(), key=f"{prefix}_device")
        threads = st.number_input(
            "Threads", 0, 256, 0, key=f"{prefix}_threads", help="0 takes all processors"
        )
    return {
        "seeds": (seed, seed + 1, seed + 2) if three else (seed,),
        "device": device,
        "precision": precision,
        "threads": threads or None,
    }


@st.cache_resource(show_spinner=False)
def devices() -> list[str]:
    """The devices found on this machine, auto first."""
    from core.training.hardware import usable_devices

    return ["auto", *usable_devices()]


def _read_sizes(model: str, given: dict[str, Any]) -> dict[str, Any]:
    return {
        name: sizes.from_text(name, value, sizes.SIZES[model][name])
        if isinstance(value, str)
        else value
        for name, value in given.items()
    }


def show_plan(order: Order) -> None:
    """Parameters, layers, augmented samples, and the time on request."""
    try:
        table = plan.layers(order.recipe)
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    with st.container(horizontal=True, gap="large"):
        st.metric("Parameters", f"{sum(count for *_, count in table):,}", width="content")
        found = _time(order) if st.session_state.get("train_timed") == _key(order) else None
        if found:
            about = run_panel.duration(found["total_s"] * len(order.seeds))
            st.metric("About", about, width="content")
    if found:
        st.caption(
            f"{found['epoch_s']:.1f} s an epoch in {found['precision']}, measured here just now."
        )
    elif st.button("Estimate the time on this machine", icon=":material/timer:", key="train_time"):
        with st.spinner("Timing a few steps"):
            _time(order)
        st.session_state["train_timed"] = _key(order)
        st.rerun()
    _preview(order)
    with st.expander("Layers"):
        rows = [(layer, " x ".join(map(str, shape)), count) for layer, shape, count in table]
        elements.table(("Layer", "Output", "Parameters"), rows, key="train_layers")


def _key(order: Order) -> str:
    settings = recipes.describe(order.recipe, order.config)
    return repr((settings, order.device, order.precision, order.threads))


def _time(order: Order) -> dict[str, Any]:
    return _timed(_key(order), order)


@st.cache_resource(max_entries=32, show_spinner=False)
def _timed(key: str, _order: Order) -> dict[str, Any]:
    machine = {name: getattr(_order, name) for name in ("device", "precision", "threads")}
    return plan.estimate_in_worker(_order.recipe, _order.config, **machine)


def _preview(order: Order) -> None:
    """Eight images as the network will see them in training, drawn anew at every look."""
    from core.figures import thumbnails

    config = order.config
    if not any(getattr(config, name) for name in AUGMENTATION):
        return
    try:
        samples = plan.augmented(order.recipe.dataset, config)
    except DatasetError:
        st.caption("A preview of the augmentation appears once the images are on this machine.")
        return
    st.caption("As the network sees them in training")
    st.image(
        [thumbnails.tile(image, size=48) for image in samples],
        width=48,
        alt=[f"Augmented sample {number}" for number in range(1, len(samples) + 1)],
    )


def submit(order: Order) -> None:
    """Put the order in line and show it; what is wrong becomes a message and the form stays."""
    names = ("config", "device", "precision", "threads", "name")
    request = {name: getattr(order, name) for name in names}
    done = []
    with elements.told(ValueError, OSError):
        for seed in order.seeds:
            done.append(queue.submit(order.recipe, seed=seed, visitor=access.visitor(), **request))
            access.own(done[-1])
        st.switch_page("pages/run.py", query_params={"run": done[0].run_id})
