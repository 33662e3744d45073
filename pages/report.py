"""Take a run away: one page, notebook, script, weights and more; and take one in."""

import streamlit as st

import ui
import ui_access
import ui_report
from core import limits, runs

with ui.page("Report") as beside_menu:
    if not any(run.metrics for run in runs.list_runs()):
        ui_report.take_in()  # where storage was wiped, this is the way back
    run = ui.choose_run(beside_menu)
    st.title(f"Take it away: {ui.plain(run.title[:80])}")
    left, right = st.columns([3, 2], gap="large")
    with left:
        made = ui_report.package(run)
        if made:
            content, left_out = made
            ui_report.downloads(run, content, left_out)
        st.caption(
            f"On the command line: `python -m core export {run.id}`, with `--zip`, "
            "`--tensorboard DIR` or `--mlflow URI`."
        )
        if limits.hosted():
            st.info(ui_access.TEMPORARY, icon=":material/cloud_off:")
    with right:
        ui_report.take_in()
    if made:
        ui_report.preview(content)
