"""Parts of the pages with a confusion matrix: the chart that opens cells, sentences, the report."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from core.runs import store
from ui import elements
from ui.text import plain
from ui.url import put


def open_cell(true: str, predicted: str) -> None:
    """Put a cell into the URL; "Any" leaves a side open."""
    for name, value in (("true", true), ("said", predicted), ("page", "Any")):
        put(name, None if value == "Any" else value)


def clickable(figure: go.Figure, classes: Sequence[str], *, key: str, alt: str) -> None:
    """A matrix in which a click opens a cell, and a second click on it closes it."""

    def clicked() -> None:
        points = st.session_state[key].selection.points
        last = f"{key}_last"
        if points:
            st.session_state[last] = (classes[points[0]["y"]], classes[points[0]["x"]])
            open_cell(*st.session_state[last])
        elif "true" in st.query_params or "said" in st.query_params:
            open_cell("Any", "Any")
        elif last in st.session_state:  # it was closed by other means, and is clicked again
            open_cell(*st.session_state[last])

    elements.chart(figure, key=key, on_select=clicked, selection_mode="points", alt=alt)


def close_button() -> None:
    st.button(
        "Close", icon=":material/close:", key="cell_close", on_click=open_cell, args=("Any", "Any")
    )


def cell_title(run: store.Run, true: str, predicted: str, count: int) -> str:
    """What the open cell, row or column holds, in words."""
    times = f"{count:,} image{'' if count == 1 else 's'}"
    if predicted == "Any":
        return f"{true} taken for something else: {times}"
    if true == "Any":
        return f"Something else taken for {predicted}: {times}"
    return f"{true} read as {predicted}: {times}"


def most_confused(run: store.Run, sentences: Sequence[str]) -> None:
    """The most frequent mistakes as sentences that open their cell."""
    classes = run.info["classes"]
    if not sentences:
        st.caption("Not one test image was misclassified.")
    for (true, predicted, _), sentence in zip(
        run.metrics["most_confused"], sentences, strict=False
    ):
        st.button(
            plain(sentence),
            type="tertiary",
            key=f"confused_{true}_{predicted}",
            on_click=open_cell,
            args=(classes[true], classes[predicted]),
        )


def class_report(run: store.Run) -> None:
    """Precision, recall and F1 of each class with bars, sortable; a tick opens the class."""
    rows, key = run.metrics["per_class"], "matrix_report"
    shares = {
        "Precision": "Of those said to be this class, the share that is",
        "Recall": "Of this class, the share that was found",
        "F1": "Harmonic mean of precision and recall",
    }
    bar = partial(st.column_config.ProgressColumn, format="%.3f", min_value=0.0, max_value=1.0)

    def picked() -> None:
        chosen = st.session_state[key].selection.rows
        open_cell(rows[chosen[0]]["class"] if chosen else "Any", "Any")

    elements.table(
        ("Class", *shares, "Images"),
        [(r["class"], *(r[name.lower()] for name in shares), r["support"]) for r in rows],
        key=key,
        on_select=picked,
        selection_mode="single-row",
        height="content" if len(rows) <= 12 else 460,
        column_config={name: bar(help=text) for name, text in shares.items()},
        alt="Precision, recall, F1 and number of images of each class",
    )
    st.caption("Tick a class to see which of its images are misclassified.")
