"""Take a run away: one page, notebook, script, weights and more; and take one in."""

import streamlit as st

from core.runs import limits, store
from ui import access, frame, report_panel
from ui.text import plain

with frame.page("Report") as beside_menu:
    if not any(run.metrics for run in store.list_runs()):
        report_panel.take_in()  # where storage was wiped, this is the way back
    run = frame.choose_run(beside_menu)
    st.title(f"Take it away: {plain(run.title[:80])}")
    left, right = st.columns([3, 2], gap="large")
    with left:
        made = report_panel.package(run)
        if made:
            content, left_out = made
            report_panel.downloads(run, content, left_out)
        st.caption(
            f"On the command line: `python -m core export {run.id}`, with `--zip`, "
            "`--tensorboard DIR` or `--mlflow URI`."
        )
        if limits.hosted():
            st.info(access.TEMPORARY, icon=":material/cloud_off:")
    with right:
        report_panel.take_in()
    if made:
        report_panel.preview(content)
