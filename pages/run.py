"""One run from ticket to result: live while it trains, its results and its controls afterwards."""

from functools import partial

import streamlit as st

from core.jobs import queue
from core.runs import limits, status, store
from core.training import recipes
from ui import access, elements, frame
from ui.text import plain


def controls(run: store.Run) -> None:
    """What can be done with a run in its state."""
    active = run.status in status.ACTIVE
    with st.container(horizontal=True, vertical_alignment="center"):
        text = "Cancel" if run.status == "queued" else "Stop"
        may, own = access.may_steer(run), access.is_own(run)
        primary = partial(st.button, type="primary")
        if may and active and primary(text, icon=":material/stop:", key="run_stop"):
            queue.stop(run.id, own=own)
            st.rerun()
        resumable = may and run.status in status.RESUMABLE
        if resumable and primary("Resume", icon=":material/play_arrow:", key="run_resume"):
            queue.resume(run.id, own=own)
            st.rerun()
        if run.info.get("config"):
            st.page_link(
                "pages/train.py",
                label="Train again with changes",
                icon=":material/content_copy:",
                query_params={"from": run.id},
            )
        if run.status == "finished" and not limits.training_off():
            run_panel.train_longer(run)
        if not active and not limits.changes_off():
            run_panel.rename_and_delete(run)


with frame.page("Run") as beside_menu:
    run = frame.choose_run(beside_menu, finished=False)
    from ui import run_panel

    history, _ = run.history()
    st.title(plain(run.title))
    controls(run)
    if run.notes.get("note"):
        st.markdown(plain(run.notes["note"]))
    if run.status in status.ACTIVE:
        with_guard = frame.guard("Run")(run_panel.watch)
        st.fragment(with_guard, run_every=1.0)(run.id, run.status)
        st.stop()
    if run.status != "finished":
        why = run.problem or status.sentence(run.folder, run.status, len(history))
        st.warning(plain(why), icon=":material/warning:")
    if run.metrics:
        run_panel.headline(run)
    if history:
        run_panel.live_curves(run, history, [])
    if run.info.get("config"):
        recipe, config = recipes.from_description(run.info)
        changed = recipes.differences(recipe.config, config)
        rows = [
            (name, str(value), str(changed[name][0]) if name in changed else "")
            for name, value in run.info["config"].items()
        ]
        with st.expander("Settings"):
            elements.table(("Setting", "Value", "In the recipe"), rows, key="run_settings")
    run_panel.log(run)
