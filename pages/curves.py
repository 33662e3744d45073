"""Loss and accuracy by epoch, of one run or of several over one another."""

import streamlit as st

import ui
from core import runs

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
    config = run.info["config"]
    effects = [
        text
        for text, there in (
            ("dropout", "dropout" in str(run.info["sizes"])),
            (
                "augmentation",
                any(config[key] for key in ("rotation", "translation", "scale", "flip", "erasing")),
            ),
            ("label smoothing", config["label_smoothing"]),
        )
        if there
    ]
    note = "Training values are running means within the epoch, while the network still changes"
    if effects:
        note += f", and include {' and '.join(effects)}: they can lie below validation"
    st.caption(note + ".")
    if not held_out:
        st.caption("Nothing was held out in this run, so there is no validation curve.")
    if unreadable:
        st.warning(
            f"{unreadable} lines of the history are unreadable and left out.",
            icon=":material/warning:",
        )
    header = list(history[0])
    table = "\n".join(",".join(str(record.get(key, "")) for key in header) for record in history)
    st.download_button(
        "History as CSV",
        ",".join(header) + "\n" + table + "\n",
        f"{run.id}-history.csv",
        "text/csv",
        icon=":material/download:",
        key="curves_csv",
        on_click="ignore",
    )
