"""Why a run answers as it does: what it looked at, and the training images it finds nearest."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.analysis import neighbours
from core.analysis.neighbours import Found
from core.data import datasets
from core.data.folders import data_root
from core.figures import thumbnails
from core.jobs import background_tasks
from core.runs import limits, store
from ui import loaders
from ui.text import plain

SIDE = 112


def looked_at(run: store.Run, image: np.ndarray, target: int, *, key: str) -> None:
    """Maps of the pixels of `image` uint8 (C, H, W) that speak for class `target`, on demand: they
    need the network itself.
    """
    name = plain(run.info["classes"][target])
    if not st.toggle(f"What the network looked at for {name}", key=f"{key}_looked_at"):
        return
    try:
        maps = _maps(run.id, (run.folder / store.WEIGHTS).stat().st_mtime_ns, run, image, target)
    except ModuleNotFoundError as error:
        st.info(f"This needs the package {error.name}: `pip install -r requirements.txt`.")
        return
    from core.analysis import attribution

    names = [attribution.METHODS[method] for method in maps]
    st.image(
        [thumbnails.heat(image, values, size=SIDE) for values in maps.values()],
        caption=names,
        width=SIDE + 12,
        output_format="PNG",
        alt=[f"{method} for {run.info['classes'][target]}" for method in names],
    )
    st.caption(
        "Amber speaks for the class, blue against it. Saliency: where a small change of a pixel "
        "would matter; occlusion: what is lost when a patch is covered; Grad-CAM: where the last "
        "convolutions found it."
    )


@st.cache_data(max_entries=64, show_spinner="Asking the network")
def _maps(
    run_id: str, stamp: int, _run: store.Run, image: np.ndarray, target: int
) -> dict[str, np.ndarray]:
    from core.analysis import attribution

    network, info = loaders.reader(_run).model, _run.info
    return attribution.attributions(network, image, target, info["mean"], info["std"])


def nearest_of_test(run: store.Run, index: int) -> None:
    """The training images nearest to a test image, from the run's stored ones; offers to find them
    where they are not there.
    """
    st.subheader("Nearest training images")
    known = stored(run)
    if known is None:
        offer(run)
        return
    rows = slice(index, index + 1)
    found = Found(known.indices[rows], known.labels[rows], known.distances[rows])
    show_nearest(run, found, known.limit)


def stored(run: store.Run) -> neighbours.Stored | None:
    """The stored neighbours of a run's test images, read once as long as their file is the same."""
    path = run.folder / neighbours.NEIGHBOURS
    return _stored(run.id, path.stat().st_mtime_ns, run) if path.exists() else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _stored(run_id: str, stamp: int, _run: store.Run) -> neighbours.Stored | None:
    return neighbours.read(_run)


def show_nearest(run: store.Run, found: Found, limit: float) -> None:
    """The neighbours of one image (1, k): pictures, labels and distances, and whether it is unlike
    anything in training.
    """
    classes = run.info["classes"]
    names = [classes[label] for label in found.labels[0]]
    far = found.distances[0]
    images = train_images(run)
    if images is not None:
        st.image(
            [thumbnails.tile(images[place], size=84) for place in found.indices[0]],
            caption=[
                f"**{plain(name)}**, {distance:.1f}"
                for name, distance in zip(names, far, strict=True)
            ],
            width=92,
            output_format="PNG",
            alt=[f"Training image {place}" for place in found.indices[0]],
        )
    else:
        st.markdown(
            ", ".join(
                f"{plain(name)} (image {place}, {distance:.1f} away)"
                for name, place, distance in zip(names, found.indices[0], far, strict=True)
            )
        )
    share = float(far[0]) / limit if limit else 0.0
    if share > 1:
        st.warning(
            f"Unlike 99 of 100 images of this kind: the nearest training image is {share:.1f} "
            "times as far as theirs are.",
            icon=":material/help:",
        )
    else:
        st.caption(
            "Distance in the last hidden layer; 99 of 100 images of this kind have one within "
            f"{limit:.1f}."
        )


def train_images(run: store.Run) -> np.ndarray | None:
    """The training images uint8 (N, C, H, W) of a run's data set; None when not here."""
    try:
        images, _, digest = _train_images(run.info["dataset"], str(data_root()))
    except (datasets.DatasetError, ValueError):
        return None
    return images if digest == run.info["dataset_sha256"] else None


@st.cache_resource(max_entries=3, show_spinner="Reading the training images")
def _train_images(name: str, root: str):
    return datasets.load_train(name)


def offer(run: store.Run) -> None:
    """Start the search for neighbours, or say how far it is."""
    known = background_tasks.progress(run.folder, "neighbours")
    if known.active:
        watch(run.id, "neighbours", "Comparing with all training images")
        return
    if known.status == "failed":
        st.warning(plain(known.reason or "It failed."), icon=":material/error:")
    if limits.changes_off():
        st.caption(
            "Not looked up for this run. Whoever owns this installation can do it: "
            f"`python -m core neighbours {run.id}`"
        )
        return
    st.caption("Not looked up yet for this run: it takes a few seconds, once.")
    if st.button("Find them", key="neighbours_find", icon=":material/search:"):
        background_tasks.start(run.id, "neighbours")
        st.rerun()


@st.fragment(run_every=0.5)
def watch(run_id: str, task: str, text: str) -> None:
    """How far a task is; a full rerun when it has ended."""
    known = background_tasks.progress(store.load(run_id).folder, task)
    if not known.active:
        st.rerun()
    st.progress(known.share, text=text)
