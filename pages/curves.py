"""Loss and accuracy of one run or of several over one another; seeds fold into a band."""

import streamlit as st

from core.evaluation import curves
from core.runs import store
from core.runs.summary import history_csv, training_note
from ui import curve_panels, frame
from ui.text import percent
from ui.url import url_many, url_select, url_toggle

with frame.page("Curves") as beside_menu:
    run = frame.choose_run(beside_menu)
    finished = [other for other in store.list_runs() if other.metrics]
    titles = frame.labels(finished)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        others = url_many(
            "Lay over it",
            [name for name in titles if name != run.id],
            name="with",
            format_func=titles.get,
            placeholder="Other runs",
            max_selections=9,
        )
        axis = url_select(
            "Along", curves.AXES, name="x", default="Epoch", widget="segmented_control"
        )
        smoothing = url_select(
            "Smoothing", (0, 30, 60, 80, 90), name="smooth", default=0, format_func="{} %".format
        )
        log = url_toggle("Logarithmic loss", name="log")
        with_test = url_toggle(
            "Test accuracy", name="test", help="Shown only: nothing is chosen on it"
        )
        each = url_toggle("Each seed", name="seeds", help="Instead of their mean and range")

    chosen = [run] + [other for other in finished if other.id in others]
    history, _ = run.history()
    unreadable = sum(other.history()[1] for other in chosen)
    if not history:
        st.info("No epoch was finished in this run, so there is no curve.", icon=":material/info:")
        st.stop()
    held_out = run.metrics["validation_accuracy"] is not None
    st.title(
        f"Epoch {run.metrics['kept_epoch']} of {len(history)} is kept"
        + (
            f", {percent(run.metrics['validation_accuracy'])} right on validation"
            if held_out
            else ""
        )
    )
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        with column:
            st.subheader(quantity.capitalize())
            curve_panels.chart(
                chosen,
                quantity,
                axis=axis,
                smoothing=smoothing / 100,
                log=log and quantity == "loss",
                test=with_test,
                fold=not each,
            )
    st.markdown(curves.overfitting(history))
    st.caption(training_note(run.info))
    if not held_out:
        st.caption("Nothing was held out in this run, so there is no validation curve.")
    if unreadable:
        st.warning(
            f"{unreadable} lines of the history are unreadable and left out.",
            icon=":material/warning:",
        )
    with st.container(horizontal=True):
        st.download_button(
            "History as CSV",
            history_csv(history),
            f"{run.id}-history.csv",
            "text/csv",
            icon=":material/download:",
            key="curves_csv",
            on_click="ignore",
        )
        st.caption("A PNG: the camera at the upper right corner of a chart.", width="content")
