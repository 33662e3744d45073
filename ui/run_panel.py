"""Panels about one run and about the line of runs, shared by the Run and Train pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core.evaluation import curves
from core.figures import charts
from core.jobs import queue
from core.runs import limits, status, store, tags
from ui import access, elements, frame
from ui.text import plain

LOG_LINES = 40


def line() -> None:
    """What trains and waits now, each with its place and a way to end it; nothing when idle."""
    for place, run in enumerate(active := queue.active_runs(), 1):
        heartbeat, epochs = queue.progress(run), run.info["config"]["epochs"]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(run.status, color="blue" if run.status == "running" else "gray")
            st.page_link(
                "pages/run.py",
                label=f"{plain(run.title)}, {place} of {len(active)}",
                query_params={"run": run.id},
            )
            if heartbeat.get("epoch"):
                st.caption(f"epoch {heartbeat['epoch']} of {epochs}", width="content")
            text = "Cancel" if run.status == "queued" else "Stop"
            if access.may_steer(run) and st.button(text, key=f"line_{run.id}"):
                queue.stop(run.id, own=access.is_own(run))
                st.rerun()


def unfinished() -> None:
    """Runs that neither train nor wait and have no results: what became of each."""
    left = [run for run in store.list_runs() if not run.metrics and run.status not in status.ACTIVE]
    if not left:
        return
    st.subheader("Broken off")
    for run in left:
        with st.container(horizontal=True, vertical_alignment="center"):
            label = plain(run.title if run.info else run.id)
            st.page_link("pages/run.py", label=label, query_params={"run": run.id})
            st.caption(plain(run.problem or run.status), width="content")


def watch(run_id: str, shown: str) -> None:
    """Progress, live curves and the log; a full rerun when the state is no longer the one
    `shown`.
    """
    run = store.load(run_id)
    if run.status != shown:
        st.rerun()
    history, _ = run.history()
    heartbeat = queue.progress(run)
    if run.status == "queued":
        order = [other.id for other in queue.active_runs()]
        place = order.index(run.id) + 1 if run.id in order else 1
        st.info(f"Waits its turn: {place} of {max(place, len(order))} in line.")
    elif run.status == "stalled":
        st.warning(status.sentence(run.folder, run.status, len(history)), icon=":material/warning:")
    else:
        _progress_bar(run, heartbeat)
    live_curves(run, history, heartbeat.get("points") or [])
    log(run)


def _progress_bar(run: store.Run, heartbeat: dict[str, Any]) -> None:
    if not heartbeat.get("epoch"):
        st.progress(0.0, text="Loading data and building the network")
        return
    epochs, per_epoch = run.info["config"]["epochs"], run.info["images"]["fit"]
    share = ((heartbeat["epoch"] - 1) * per_epoch + heartbeat["seen"]) / (epochs * per_epoch)
    words = [f"Epoch {heartbeat['epoch']} of {epochs}"]
    if heartbeat.get("images_per_second"):
        words.append(f"{heartbeat['images_per_second']:,.0f} images/s")
        words.append(f"{duration(heartbeat['left_s'])} left")
    words.append(f"loss {heartbeat['loss']:.4f}")
    st.progress(min(max(share, 0.0), 1.0), text=" · ".join(words))


def live_curves(run: store.Run, history: list[dict], points: list) -> None:
    """Loss and accuracy so far: by batch within the first epoch, by epoch after it."""
    color = charts.run_color(run.id)
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        with column:
            if len(history) > 1:
                figure = charts.curves([_line_of(history, quantity, color)], quantity)
                charts.mark_gaps(figure, [row["epoch"] for row in history if "problem" in row])
            elif points:
                seen, *so_far = np.array(points, float).T  # images, loss, accuracy
                columns = dict(zip(("loss", "accuracy"), so_far, strict=True))
                line = charts.Line("", color, seen, {"train": columns[quantity]})
                figure = charts.curves([line], quantity, axis="images seen in the first epoch")
            else:
                continue
            alt = f"{quantity} so far, {len(history)} epochs"
            elements.chart(figure, key=f"run_{quantity}", alt=alt)


def _line_of(history: list[dict], quantity: str, color: str) -> charts.Line:
    """Training and validation of one run by epoch."""
    columns = {p: curves.values(history, f"{p}_{quantity}") for p in ("train", "validation")}
    return charts.Line("", color, curves.values(history, "epoch"), columns)


def log(run: store.Run) -> None:
    """The end of what the worker printed."""
    path = run.folder / store.LOG
    if not path.exists():
        return
    with st.expander("Log"):
        lines = path.read_bytes()[-20_000:].decode(errors="replace").splitlines()[-LOG_LINES:]
        st.code("\n".join(lines) or "Nothing printed yet.", language=None)


def headline(run: store.Run) -> None:
    """The result, and where to look into it."""
    frame.result(run, {"Time": duration(run.metrics["total_seconds"])})
    with st.container(horizontal=True, gap="small"):
        frame.run_links(frame.RESULT_PAGES, run.id)


def train_longer(run: store.Run) -> None:
    """More epochs from where the run ended, as a run of its own."""
    with st.popover("Train longer", icon=":material/forward:"):
        st.markdown("A new run goes on from these weights, with these settings.")
        epochs = st.number_input("Epochs more", 1, limits.max_epochs(), 5, key="run_longer")
        if st.button("Start training", type="primary", key="run_longer_start"):
            from core.jobs import fine_tuning

            with elements.told(ValueError, OSError):
                job = fine_tuning.extend(run.id, epochs)
                done = queue.submit(job, visitor=access.visitor())
                access.own(done)
                st.switch_page("pages/run.py", query_params={"run": done.run_id})


def rename_and_delete(run: store.Run) -> None:
    """A name and a note of one's own; deletion, asked twice."""
    with st.popover("Name and note", icon=":material/edit:"):
        name = st.text_input("Name", run.notes.get("name", ""), key="run_name", max_chars=80)
        note = st.text_area("Note", run.notes.get("note", ""), key="run_note", max_chars=5000)
        if st.button("Save", key="run_save"):
            tags.annotate(run.id, name=name, note=note)
            st.rerun()
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("Weights, curves and predictions of this run are removed for good.")
        if st.button("Delete this run", type="primary", key="run_delete"):
            with elements.told(queue.Refused):
                queue.delete(run.id)
                st.switch_page("streamlit_app.py")


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
