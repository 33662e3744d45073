"""Why a run answers as it does: what it looked at, and the training images it finds nearest."""

from __future__ import annotations

import numpy as np
import streamlit as st

import ui
from core import data, limits, neighbours, runs, sprites, tasks
from core.neighbours import Found

SIDE = 112


def looked_at(run: runs.Run, image: np.ndarray, target: int, *, key: str) -> None:
    """Maps of the pixels of `image` uint8 (C, H, W) that speak for class `target`, on demand: they
    need the network itself.
    """
    name = ui.plain(run.info["classes"][target])
    if not st.toggle(f"What speaks for {name}", key=f"{key}_looked_at"):
        return
    try:
        maps = _maps(run.id, (run.folder / runs.WEIGHTS).stat().st_mtime_ns, run, image, target)
    except ModuleNotFoundError as error:
        st.info(f"This needs the package {error.name}: `pip install -r requirements.txt`.")
        return
    from core import explain

    names = [explain.METHODS[method] for method in maps]
    st.image(
        [sprites.heat(image, values, size=SIDE) for values in maps.values()],
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
    run_id: str, stamp: int, _run: runs.Run, image: np.ndarray, target: int
) -> dict[str, np.ndarray]:
    from core import explain

    return explain.attributions(ui.reader(_run), image, target)


def nearest_of_test(run: runs.Run, index: int) -> None:
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


def stored(run: runs.Run) -> neighbours.Stored | None:
    """The stored neighbours of a run's test images, read once as long as their file is the same."""
    path = run.folder / neighbours.NEIGHBOURS
    return _stored(run.id, path.stat().st_mtime_ns, run) if path.exists() else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _stored(run_id: str, stamp: int, _run: runs.Run) -> neighbours.Stored | None:
    return neighbours.read(_run)


def show_nearest(run: runs.Run, found: Found, limit: float) -> None:
    """The neighbours of one image (1, k): pictures, labels and distances, and whether it is unlike
    anything in training.
    """
    classes = run.info["classes"]
    names = [classes[label] for label in found.labels[0]]
    far = found.distances[0]
    images = train_images(run)
    if images is not None:
        st.image(
            [sprites.tile(images[place], size=84) for place in found.indices[0]],
            caption=[
                f"**{ui.plain(name)}**, {distance:.1f}"
                for name, distance in zip(names, far, strict=True)
            ],
            width=92,
            output_format="PNG",
            alt=[f"Training image {place}" for place in found.indices[0]],
        )
    else:
        st.markdown(
            ", ".join(
                f"{ui.plain(name)} (image {place}, {distance:.1f} away)"
                for name, place, distance in zip(names, found.indices[0], far, strict=True)
            )
        )
    share = float(far[0]) / limit if limit else 0.0
    if share > 1:
        st.warning(
            f"Unlike anything in training: the nearest training image is {share:.1f} times as far "
            "as 99 of 100 images of this kind ever are.",
            icon=":material/help:",
        )
    else:
        st.caption(
            "Distance in the last hidden layer; 99 of 100 images of this kind have one within "
            f"{limit:.1f}."
        )


def train_images(run: runs.Run) -> np.ndarray | None:
    """The training images uint8 (N, C, H, W) of a run's data set; None when not here."""
    try:
        images, _, digest = _train_images(run.info["dataset"], str(data.data_root()))
    except (data.DatasetError, ValueError):
        return None
    return images if digest == run.info["dataset_sha256"] else None


@st.cache_resource(max_entries=3, show_spinner="Reading the training images")
def _train_images(name: str, root: str):
    return data.load_train(name)


def offer(run: runs.Run) -> None:
    """Start the search for neighbours, or say how far it is."""
    known = tasks.progress(run.folder, "neighbours")
    if known.active:
        watch(run.id, "neighbours", "Comparing with all training images")
        return
    if known.state == "failed":
        st.warning(ui.plain(known.reason or "It failed."), icon=":material/error:")
    if limits.changes_off():
        st.caption(
            "Not looked up for this run. Whoever owns this installation can do it: "
            f"`python -m core neighbours {run.id}`"
        )
        return
    st.caption("Not looked up yet for this run: it takes a few seconds, once.")
    if st.button("Find them", key="neighbours_find", icon=":material/search:"):
        tasks.start(run.id, "neighbours")
        st.rerun()


@st.fragment(run_every=0.5)
def watch(run_id: str, task: str, text: str) -> None:
    """How far a task is; a full rerun when it has ended."""
    known = tasks.progress(runs.load(run_id).folder, task)
    if not known.active:
        st.rerun()
    st.progress(known.share, text=text)
