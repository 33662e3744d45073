"""Home: every run, best first, and what to look at next."""

import streamlit as st

import ui

with ui.page("Runs"):
    runs = ui.all_runs()
    finished = [run for run in runs if run.metrics]
    st.title("What these networks learned")
    if not runs:
        ui.no_runs()
        st.stop()

    sets = sorted({ui.dataset_title(run) for run in finished})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown_set = ui.url_select(
            "Data set",
            ["All", *sets],
            name="dataset",
            default="All",
            widget="segmented_control",
            label_visibility="collapsed",
        )
        words = st.text_input(
            "Search",
            key="search",
            placeholder="Search runs",
            label_visibility="collapsed",
            icon=":material/search:",
            width=260,
        )
    shown = [
        run
        for run in finished
        if shown_set in ("All", ui.dataset_title(run))
        and all(word in f"{run.id} {ui.label(run)}".lower() for word in words.lower().split())
    ]

    rows = {
        "Run": [run.title for run in shown],
        "Data set": [ui.dataset_title(run) for run in shown],
        "Test accuracy": [100 * run.metrics["test_accuracy"] for run in shown],
        "95 % interval": [
            "{:.2f} to {:.2f} %".format(
                *(100 * end for end in run.metrics["test_accuracy_interval"])
            )
            for run in shown
        ],
        "Author's result": [run.info.get("stated") or "" for run in shown],
        "Parameters": [run.info.get("parameters") for run in shown],
        "Epochs": [run.info["config"]["epochs"] for run in shown],
        "Training": [run.metrics.get("training_seconds") for run in shown],
        "Trained": [run.info.get("created", "")[:10] for run in shown],
    }
    event = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="runs",
        height=min(36 * len(shown) + 38, 600),
        column_config={
            "Run": st.column_config.TextColumn(width="medium"),
            "Test accuracy": st.column_config.NumberColumn(
                format="%.2f %%", help="Share of test images read right"
            ),
            "95 % interval": st.column_config.TextColumn(
                help="Wilson interval: what the same network could score on other images"
            ),
            "Author's result": st.column_config.TextColumn(
                help="What the author of the original project stated"
            ),
            "Parameters": st.column_config.NumberColumn(format="localized"),
            "Training": st.column_config.NumberColumn(
                format="%.1f s", help="Time spent in training steps"
            ),
        },
        alt="Table of finished runs, best test accuracy first",
    )
    if not shown:
        st.caption("No run matches this filter.")
        st.stop()

    chosen_rows = event.selection.rows
    chosen = shown[chosen_rows[0]] if chosen_rows else ui.default_run(shown)
    info, metrics = chosen.info, chosen.metrics
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader(ui.plain(chosen.title))
        low, high = metrics["test_accuracy_interval"]
        with st.container(horizontal=True, gap="large"):
            st.metric("Test accuracy", ui.percent(metrics["test_accuracy"]), width="content")
            st.metric(
                "Wrong",
                f"{metrics['test_count'] - metrics['test_right']:,} of {metrics['test_count']:,}",
                width="content",
            )
            st.metric("Parameters", f"{info['parameters']:,}", width="content")
        st.caption(
            f"95 % interval {ui.percent(low)} to {ui.percent(high)}. "
            + (f"Its author stated {info['stated']}. " if info.get("stated") else "")
            + f"{ui.plain(info.get('source', ''))}."
        )
    with right:
        st.caption("Open this run" if chosen_rows else "Tick a row above to choose another run")
        with st.container(horizontal=True):
            for script, text, icon in ui.MENU[1:]:
                st.page_link(script, label=text, icon=icon, query_params={"run": chosen.id})

    unfinished = [run for run in runs if not run.metrics]
    if unfinished:
        with st.expander(f"{len(unfinished)} without results", icon=":material/warning:"):
            for run in unfinished:
                st.markdown(f"`{run.id}` is {run.state}. {ui.plain(run.problem or '')}")
