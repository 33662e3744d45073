"""Loss and accuracy by epoch, of one run or of several over one another."""

import streamlit as st

import ui
from core import runs
from core.summary import history_csv, training_note

with ui.page("Curves") as beside_menu:
    run = ui.choose_run(beside_menu)
    from core import charts

    titles = ui.labels([other for other in runs.list_runs() if other.metrics])
    wanted = [name for name in st.query_params.get("with", "").split(",") if name in titles]
    st.session_state["curves_with"] = wanted

    def keep() -> None:
        st.query_params["with"] = ",".join(st.session_state["curves_with"])

    with st.container(horizontal=True, vertical_alignment="bottom"):
        others = st.multiselect(
            "Lay over it",
            [name for name in titles if name != run.id],
            key="curves_with",
            format_func=titles.get,
            on_change=keep,
            placeholder="Other runs",
            max_selections=9,
        )
        log = st.toggle("Logarithmic loss", key="curves_log")
        with_test = st.toggle(
            "Test accuracy", key="curves_test", help="Shown only: nothing is chosen on it"
        )

    chosen = [run] + [other for other in runs.list_runs() if other.id in others]
    names = {other.id: other.title for other in chosen}
    if len(set(names.values())) < len(names):
        names = {key: f"{title} ({key[-4:]})" for key, title in names.items()}
    histories, unreadable = {}, 0
    for other in chosen:
        history, bad = other.history()
        histories[names[other.id]] = history
        unreadable += bad
    colors = {names[key]: color for key, color in ui.run_colors(chosen).items()}

    history = histories[names[run.id]]
    if not history:
        st.info("No epoch was finished in this run, so there is no curve.", icon=":material/info:")
        st.stop()
    held_out = run.metrics["validation_accuracy"] is not None
    best = run.metrics["kept_epoch"]
    st.title(
        f"Epoch {best} of {len(history)} is kept"
        + (
            f", {ui.percent(run.metrics['validation_accuracy'])} right on validation"
            if held_out
            else ""
        )
    )
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        with column:
            st.subheader(quantity.capitalize())
            parts = ("train", "validation") + (
                ("test",) if with_test and quantity == "accuracy" else ()
            )
            figure = charts.curves(
                histories, quantity, colors=colors, parts=parts, log=log and quantity == "loss"
            )
            last = history[-1][f"train_{quantity}"]
            st.plotly_chart(
                figure,
                key=f"curves_{quantity}",
                config={"displaylogo": False},
                alt=f"{quantity} by epoch for {len(histories)} runs; "
                f"{names[run.id]} ends at {last:.4f} on training",
            )
    st.caption(training_note(run.info))
    if not held_out:
        st.caption("Nothing was held out in this run, so there is no validation curve.")
    if unreadable:
        st.warning(
            f"{unreadable} lines of the history are unreadable and left out.",
            icon=":material/warning:",
        )
    st.download_button(
        "History as CSV",
        history_csv(history),
        f"{run.id}-history.csv",
        "text/csv",
        icon=":material/download:",
        key="curves_csv",
        on_click="ignore",
    )
