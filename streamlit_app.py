"""Home: every run, best first, and what to look at next."""

import pyarrow
import streamlit as st

from core.reports.summary import confused_sentences, leaderboard
from core.runs import store
from core.runs.provenance import dataset_title
from ui import frame
from ui.text import plain
from ui.url import url_segments

FIRST_LOOK = ("Curves", "Confusion matrix", "Samples", "Draw")

with frame.page("Runs"):
    known = store.list_runs()
    finished = [run for run in known if run.metrics]
    st.title("What these networks learned")
    if not known:
        frame.no_runs()
        st.stop()

    sets = sorted({dataset_title(run) for run in finished})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown_set = url_segments(
            "Data set", ["All", *sets], name="dataset", label_visibility="collapsed"
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
        if shown_set in ("All", dataset_title(run))
        and all(word in f"{run.id} {frame.label(run)}".lower() for word in words.lower().split())
    ]

    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    event = st.dataframe(
        pyarrow.table(leaderboard(shown)),  # a dict would go through pandas
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="runs",
        height="content" if len(shown) <= 15 else 560,
        column_config={
            "Run": text(width=160),
            "Test accuracy": number(
                format="%.2f %%", help="Share of test images classified correctly"
            ),
            "95 % interval": text(
                help="Wilson's interval: the true shares that this count does not speak against"
            ),
            "Author's result": text(
                width=175, help="What the author of the original project stated"
            ),
            "Parameters": number(format="localized"),
            "Training": number(format="%.1f s", help="Time spent in training steps"),
        },
        alt="Table of finished runs, best test accuracy first",
    )
    if len(known) > len(finished):
        st.page_link(
            "pages/train.py",
            label=f"{len(known) - len(finished)} more without results",
            icon=":material/hourglass:",
        )
    if not shown:
        st.caption("No run matches this filter.")
        st.stop()

    chosen_rows = event.selection.rows
    chosen = shown[chosen_rows[0]] if chosen_rows else frame.default_run(shown)
    info = chosen.info
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader(plain(chosen.title))
        source = f" {plain(info.get('source', ''))}."
        frame.result(chosen, {"Parameters": f"{info['parameters']:,}"}, source)
        with st.container(horizontal=True, gap="small"):
            pages = [page for page in frame.RESULT_PAGES if page[1] in FIRST_LOOK]
            frame.run_links((frame.RUN_PAGE, *pages), chosen.id)
    with right:
        st.subheader("What it confuses")
        sentences = confused_sentences(chosen.metrics, info["classes"], limit=4)
        if sentences:
            st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences))
        else:
            st.caption("Not one test image was misclassified.")
        if not chosen_rows:
            st.caption("Tick a row above to look at another run.")
