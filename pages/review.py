"""A run as a reviewer walks it: at each stop what the numbers say, where to look, and a note."""

import streamlit as st

from core.jobs import queue
from core.reports import review
from core.runs import limits
from ui import elements, frame
from ui.text import plain, sentence
from ui.url import put, url_segments, url_steps

SIGNS = {
    "open": ":material/radio_button_unchecked:",
    "discussed": ":material/forum:",
    "settled": ":material/check_circle:",
}


def notes(run, stop: review.Stop, kept: dict[str, str]) -> None:
    """What people say at this stop, kept with the run."""
    off = limits.changes_off()
    key = f"review_{run.id}_{stop.key}"
    with st.form(key, border=False):
        status = st.segmented_control(
            "Status", review.STATUSES, default=kept["status"], key=f"{key}_status", required=True
        )
        note = st.text_area(
            "Note", kept["note"], max_chars=review.MAX_NOTE, key=f"{key}_note", height=120
        )
        saved = st.form_submit_button("Keep", icon=":material/save:", disabled=bool(off))
    if off:
        st.caption(sentence(off))
    elif saved:
        with elements.told(queue.Refused):
            review.save(run.id, stop.key, status=status or "open", note=note)
            st.rerun()


with frame.page("Review") as beside_menu:
    run = frame.choose_run(beside_menu)
    walk, kept = review.stops(run), review.saved(run)
    titles = {stop.key: f"{SIGNS[kept[stop.key]['status']]} {stop.title}" for stop in walk}
    key = url_segments(
        "Stop", list(titles), name="stop", format_func=titles.get, label_visibility="collapsed"
    )
    place = review.KEYS.index(key)
    stop = walk[place]
    st.title(stop.question)
    st.caption(f"{stop.title}, {place + 1} of {len(walk)}: {plain(run.title[:120])}")
    told, own = st.columns([3, 2], gap="large")
    with told:
        for fact in stop.facts:
            with st.container(border=fact.concern):
                if fact.concern:
                    st.badge("asks for an answer", icon=":material/flag:", color="orange")
                st.subheader(plain(fact.sentence), anchor=False)
                if more := f"{fact.how} {fact.remedy}".strip():
                    st.caption(plain(more))
                if fact.page:
                    st.page_link(
                        f"pages/{fact.page}.py",
                        label="See it",
                        icon=":material/arrow_forward:",
                        query_params={"run": run.id, **fact.query},
                    )
    with own:
        notes(run, stop, kept[key])
    presenting = "present" in st.query_params
    with st.container(horizontal=True):
        url_steps("stop", review.KEYS, place, key="review", back="Back")
        st.button(
            "Show the menu" if presenting else "Present",
            icon=":material/close_fullscreen:" if presenting else ":material/slideshow:",
            key="review_present",
            on_click=put,
            args=("present", None if presenting else "1"),
        )
