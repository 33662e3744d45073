"""One run from ticket to result: live while it trains, its results and its controls afterwards."""

import streamlit as st

import ui
import ui_access
from core import jobs, limits, recipes, runs, state


def controls(run: runs.Run) -> None:
    """What can be done with a run in its state."""
    active = run.state in state.ACTIVE
    with st.container(horizontal=True, vertical_alignment="center"):
        text = "Cancel" if run.state == "queued" else "Stop"
        may, own = ui_access.may_steer(run), ui_access.is_own(run)
        if (
            may
            and active
            and st.button(text, icon=":material/stop:", key="run_stop", type="primary")
        ):
            jobs.stop(run.id, own=own)
            st.rerun()
        resumable = may and run.state in state.RESUMABLE
        if resumable and st.button(
            "Resume", icon=":material/play_arrow:", key="run_resume", type="primary"
        ):
            jobs.resume(run.id, own=own)
            st.rerun()
        if run.info.get("config"):
            st.page_link(
                "pages/train.py",
                label="Train again with changes",
                icon=":material/content_copy:",
                query_params={"from": run.id},
            )
        if not active and not limits.changes_off():
            ui_run.rename_and_delete(run)


with ui.page("Run") as beside_menu:
    run = ui.choose_run(beside_menu, finished=False)
    import ui_run

    history, _ = run.history()
    st.title(ui.plain(run.title))
    controls(run)
    if run.notes.get("note"):
        st.markdown(ui.plain(run.notes["note"]))
    if run.state in state.ACTIVE:
        with_guard = ui.guard("Run")(ui_run.watch)
        st.fragment(with_guard, run_every=1.0)(run.id, run.state)
        st.stop()
    if run.state != "finished":
        why = run.problem or state.sentence(run.folder, run.state, len(history))
        st.warning(ui.plain(why), icon=":material/warning:")
    if run.metrics:
        ui_run.headline(run)
    if history:
        ui_run.curves(run, history, [])
    if run.info.get("config"):
        recipe, config = recipes.from_description(run.info)
        changed = recipes.differences(recipe.config, config)
        own = run.info["config"]
        with st.expander("Settings"):
            st.dataframe(
                {
                    "Setting": list(own),
                    "Value": [str(value) for value in own.values()],
                    "In the recipe": [
                        str(changed[key][0]) if key in changed else "" for key in own
                    ],
                },
                hide_index=True,
                key="run_settings",
            )
    ui_run.log(run)
