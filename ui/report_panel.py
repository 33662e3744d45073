"""Panels of the Report page: a run's package, made on demand, and the way back in for a zip."""

from __future__ import annotations

import base64
import io
import threading
import zipfile

import streamlit as st

from core.data import sources
from core.data.folders import data_root
from core.jobs import queue
from core.reports import archive, transfer
from core.reports.model_card import FILES
from core.runs import limits, store, tags
from ui import elements
from ui.text import plain, sentence

KEPT = 4  # packages in memory, of some MB each
WHOLE = "The zip is the run itself as well: any Lightbox takes it in again."


@st.cache_resource
def shelf() -> tuple[threading.Lock, dict[tuple, tuple[bytes, dict[str, str]]]]:
    """A lock, for one package is made at a time, and those that were made, shared by everybody."""
    return threading.Lock(), {}


def identity(run: store.Run) -> tuple:
    """What a package depends on: the run, what was added to it, and whether the images are here."""
    times = []
    paths = [run.folder / name for name in (store.MANIFEST, store.NOTES, *archive.COMPUTED)]
    for path in (*paths, store.root() / tags.NAME):
        times.append(path.stat().st_mtime_ns if path.exists() else 0)
    known = sources.DATASETS.get(run.info["dataset"])
    here = bool(known and known.folder) and (data_root() / known.folder / "raw").is_dir()
    return (str(store.root().resolve()), run.id, *times, here)


def package(run: store.Run) -> tuple[bytes, dict[str, str]] | None:
    """(zip, what could not be made and why), or None until somebody asks for it."""
    key, (lock, made) = identity(run), shelf()
    if key in made:
        return made[key]
    st.markdown(
        "One page for any browser, a notebook and a script in plain PyTorch, the weights, "
        "predictions, figures and a model card; all of it in one zip."
    )
    if not st.button("Make the files", type="primary", icon=":material/inventory_2:", key="make"):
        return None
    bar = st.progress(0.0, text="Waits for its turn")
    total, done = len(FILES) - len(store.FINISHED_FILES), []

    def on_progress(name: str) -> None:
        done.append(name)
        bar.progress(min(len(done) / total, 1.0), text=f"Makes {name}")

    with lock:
        if key not in made:
            with elements.told(transfer.Refused):
                made[key] = transfer.zip_in_worker(run.id, on_progress)
            while len(made) > KEPT:
                made.pop(next(iter(made)))
    return made.get(key)


def downloads(run: store.Run, content: bytes, left_out: dict[str, str]) -> None:
    """The zip first, then each file by itself, with what it is and its size."""
    elements.download(
        f"Everything as one zip ({size(len(content))})",
        lambda: content,
        f"{run.id}.zip",
        "application/zip",
        type="primary",
        icon=":material/folder_zip:",
        key="report_zip",
    )
    st.caption(WHOLE)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        inside = {entry.filename: entry.file_size for entry in opened.infolist()}
    texts = {name: f"{name}: {text}" for name, text in FILES.items() if name in inside}
    chosen = st.selectbox("Or one file", list(texts), key="report_file", format_func=texts.get)
    elements.download(
        f"Download ({size(inside[chosen])})",
        lambda: one(content, chosen),
        chosen,
        "application/octet-stream",
        key="report_one",
    )
    for name, why in left_out.items():
        st.caption(f"{plain(name)} is not there: {plain(why)}.")


def preview(content: bytes) -> None:
    """The page as whoever gets it will see it, in a frame of its own origin."""
    page = one(content, "report.html")
    if st.toggle(f"Show the page here ({size(len(page))})", key="report_preview"):
        address = base64.b64encode(page).decode()
        with st.container(border=True, key="report_page"):  # else nobody sees where it begins
            st.iframe(
                f"data:text/html;charset=utf-8;base64,{address}",
                height=720,
                alt="The page that the run leaves as",
            )


def take_in() -> None:
    """Upload a zip of a run; what is wrong with it is said, and nothing of it stays."""
    st.subheader("Take in a run")
    if reason := limits.import_off():
        st.caption(sentence(reason))
        return
    most = limits.max_import_bytes() // 1_000_000
    st.caption(
        f"A zip of this page or of `python -m core export RUN --zip`, at most {most} MB. Its sums, "
        "numbers and weights are checked before anything is kept."
    )
    file = st.file_uploader("Zip of a run", type=["zip"], key="import_file", max_upload_size=most)
    if file is None or not st.button("Take it in", icon=":material/upload:", key="import_start"):
        return
    try:
        with st.spinner("Checking"):
            answer = transfer.import_in_worker(file.getvalue())
    except (transfer.Refused, queue.Refused) as error:
        st.error(
            f"{plain(file.name[:80])} was not taken in: {plain(str(error)[:500])}",
            icon=":material/error:",
        )
        return
    run_id = answer.splitlines()[-1].split()[0]
    st.success(f"{plain(store.load(run_id).title[:120])} is here as {run_id}.")
    st.page_link("pages/run.py", label="Look at it", query_params={"run": run_id})


def one(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        return opened.read(name)


def size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
