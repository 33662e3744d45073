"""Panels about one run and about the line of runs, shared by the Run and Train pages."""

from __future__ import annotations

from typing import Any

import streamlit as st

import ui
import ui_access
from core import charts, histories, jobs, runs, state

LOG_LINES = 40


def line() -> None:
    """What trains and waits now, each with its place and a way to end it; nothing when idle."""
    for place, run in enumerate(active := jobs.queue(), 1):
        said, epochs = jobs.progress(run), run.info["config"]["epochs"]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(run.state, color="blue" if run.state == "running" else "gray")
            st.page_link(
                "pages/run.py",
                label=f"{ui.plain(run.title)}, {place} of {len(active)}",
                query_params={"run": run.id},
            )
            if said.get("epoch"):
                st.caption(f"epoch {said['epoch']} of {epochs}", width="content")
            text = "Cancel" if run.state == "queued" else "Stop"
            if ui_access.may_steer(run) and st.button(text, key=f"line_{run.id}"):
                jobs.stop(run.id, own=ui_access.is_own(run))
                st.rerun()


def unfinished() -> None:
    """Runs that neither train nor wait and have no results: what became of each."""
    left = [run for run in runs.list_runs() if not run.metrics and run.state not in state.ACTIVE]
    if not left:
        return
    st.subheader("Broken off")
    for run in left:
        with st.container(horizontal=True, vertical_alignment="center"):
            label = ui.plain(run.title if run.info else run.id)
            st.page_link("pages/run.py", label=label, query_params={"run": run.id})
            st.caption(ui.plain(run.problem or run.state), width="content")


def watch(run_id: str, shown: str) -> None:
    """Progress, live curves and the log; a full rerun when the state is no longer the one
    `shown`.
    """
    run = runs.load(run_id)
    if run.state != shown:
        st.rerun()
    history, _ = run.history()
    said = jobs.progress(run)
    if run.state == "queued":
        order = [other.id for other in jobs.queue()]
        place = order.index(run.id) + 1 if run.id in order else 1
        st.info(f"Waits its turn: {place} of {max(place, len(order))} in line.")
    elif run.state == "stalled":
        st.warning(state.sentence(run.folder, run.state, len(history)), icon=":material/warning:")
    else:
        _progress_bar(run, said)
    curves(run, history, said.get("points") or [])
    log(run)


def _progress_bar(run: runs.Run, said: dict[str, Any]) -> None:
    if not said.get("epoch"):
        st.progress(0.0, text="Loading data and building the network")
        return
    epochs, per_epoch = run.info["config"]["epochs"], run.info["images"]["fit"]
    share = ((said["epoch"] - 1) * per_epoch + said["seen"]) / (epochs * per_epoch)
    words = [f"Epoch {said['epoch']} of {epochs}"]
    if said.get("images_per_second"):
        words.append(f"{said['images_per_second']:,.0f} images/s")
        words.append(f"{duration(said['left_s'])} left")
    words.append(f"loss {said['loss']:.4f}")
    st.progress(min(max(share, 0.0), 1.0), text=" · ".join(words))


def curves(run: runs.Run, history: list[dict], points: list) -> None:
    """Loss and accuracy so far: by batch within the first epoch, by epoch after it."""
    color = ui.run_colors([run])[run.id]
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        with column:
            if len(history) > 1:
                figure = charts.curves([line_of(history, quantity, color)], quantity)
                charts.mark_gaps(figure, [row["epoch"] for row in history if "problem" in row])
            elif points:
                figure = charts.first_epoch(points, quantity, color=color)
            else:
                continue
            st.plotly_chart(
                figure,
                key=f"run_{quantity}",
                config={"displayModeBar": False},
                alt=f"{quantity} so far, {len(history)} epochs",
            )


def line_of(history: list[dict], quantity: str, color: str) -> charts.Line:
    """Training and validation of one run by epoch."""
    columns = {p: histories.values(history, f"{p}_{quantity}") for p in ("train", "validation")}
    return charts.Line("", color, histories.values(history, "epoch"), columns)


def log(run: runs.Run) -> None:
    """The end of what the worker printed."""
    path = run.folder / runs.LOG
    if not path.exists():
        return
    with st.expander("Log"):
        lines = path.read_bytes()[-20_000:].decode(errors="replace").splitlines()[-LOG_LINES:]
        st.code("\n".join(lines) or "Nothing printed yet.", language=None)


def headline(run: runs.Run) -> None:
    """The result, and where to look into it."""
    metrics = run.metrics
    low, high = metrics["test_accuracy_interval"]
    with st.container(horizontal=True, gap="large"):
        st.metric("Test accuracy", ui.percent(metrics["test_accuracy"]), width="content")
        wrong = metrics["test_count"] - metrics["test_right"]
        st.metric("Read wrong", f"{wrong:,} of {metrics['test_count']:,}", width="content")
        st.metric("Time", duration(metrics["total_seconds"]), width="content")
    author = f" Its author stated {run.info['stated']}." if run.info.get("stated") else ""
    st.caption(f"95 % interval {ui.percent(low)} to {ui.percent(high)}.{author}")
    with st.container(horizontal=True, gap="small"):
        ui.run_links(ui.RESULT_PAGES, run.id)


def rename_and_delete(run: runs.Run) -> None:
    """A name and a note of one's own; deletion, asked twice."""
    with st.popover("Name and note", icon=":material/edit:"):
        name = st.text_input("Name", run.notes.get("name", ""), key="run_name", max_chars=80)
        note = st.text_area("Note", run.notes.get("note", ""), key="run_note", max_chars=5000)
        if st.button("Save", key="run_save"):
            jobs.annotate(run.id, name=name, note=note)
            st.rerun()
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("Weights, curves and predictions of this run are removed for good.")
        if st.button("Delete this run", type="primary", key="run_delete"):
            try:
                jobs.delete(run.id)
            except jobs.Refused as error:
                st.error(ui.plain(str(error)))
            else:
                st.switch_page("streamlit_app.py")


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
