"""Loss and accuracy of one run or of several over one another; seeds fold into a band."""

import streamlit as st

from core.analysis import findings
from core.evaluation import curves
from core.evaluation.uncertainty import percent
from core.reports.summary import history_csv
from core.runs import store
from core.runs.provenance import training_note
from ui import elements, frame
from ui.url import url_many, url_segments, url_select, url_toggle

with frame.page("Curves") as beside_menu:
    from ui import curve_panels  # in here, where a missing package is told

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
        axis = url_segments("Along", curves.AXES, name="x")
        shares = (0, 30, 60, 80, 90)
        smoothing = url_select("Smoothing", shares, name="smooth", format_func="{} %".format)
        log = url_toggle("Logarithmic loss", name="log")
        note = "Shown only: nothing is chosen on it"
        with_test = url_toggle("Test accuracy", name="test", help=note)
        each = url_toggle("Each seed", name="seeds", help="Instead of their mean and range")

    chosen = [run] + [other for other in finished if other.id in others]
    history, _ = run.history()
    unreadable = sum(other.history()[1] for other in chosen)
    if not history:
        st.info("No epoch was finished in this run, so there is no curve.", icon=":material/info:")
        st.stop()
    accuracy = run.metrics["validation_accuracy"]
    validated = "" if accuracy is None else f", {percent(accuracy)} right on validation"
    st.title(f"Epoch {run.metrics['kept_epoch']} of {len(history)} is kept{validated}")
    records = [record for other in chosen for record in other.history()[0]]
    told = [  # a rate that never changes is no curve
        quantity
        for quantity, name in curves.OF_TRAINING.items()
        if len({record.get(name) for record in records} - {None}) > 1
    ]
    columns = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    for column, quantity in zip(columns, ("loss", "accuracy", *told), strict=False):
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
    st.markdown(findings.trend(run).sentence)
    st.caption(training_note(run.info))
    if accuracy is None:
        st.caption("Nothing was held out in this run, so there is no validation curve.")
    if unreadable:
        text = f"{unreadable} lines of the history are unreadable and left out."
        st.warning(text, icon=":material/warning:")
    with st.container(horizontal=True):
        rows, name = history_csv(history), f"{run.id}-history.csv"
        elements.download("History as CSV", rows, name, "text/csv", key="curves_csv")
        st.caption("A PNG: the camera at the upper right corner of a chart.", width="content")
