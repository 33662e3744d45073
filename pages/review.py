"""A run as a reviewer walks it: at each stop what the numbers say, where to look, and a note."""

import streamlit as st

from core.jobs import queue
from core.reports import review
from core.runs import limits
from ui import frame
from ui.text import plain
from ui.url import url_select

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
        st.caption(plain(f"{off[:1].upper()}{off[1:]}."))
    elif saved:
        try:
            review.save(run.id, stop.key, status=status or "open", note=note)
        except queue.Refused as error:
            st.error(plain(str(error)), icon=":material/error:")
        else:
            st.rerun()


def go(name: str, value: str | None) -> None:
    """Another place of the walk, in the URL: a link to the same page would not move it."""
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


with frame.page("Review") as beside_menu:
    run = frame.choose_run(beside_menu)
    walk, kept = review.stops(run), review.saved(run)
    titles = {stop.key: f"{SIGNS[kept[stop.key]['status']]} {stop.title}" for stop in walk}
    key = url_select(
        "Stop",
        list(titles),
        name="stop",
        default="data",
        format_func=titles.get,
        widget="segmented_control",
        label_visibility="collapsed",
    )
    place = review.KEYS.index(key)
    stop = walk[place]
    st.title(stop.question)
    st.caption(f"{stop.title}, {place + 1} of {len(walk)}: {plain(run.title[:120])}")
    told, own = st.columns([3, 2], gap="large")
    with told:
        for finding in stop.findings:
            with st.container(border=finding.concern):
                if finding.concern:
                    st.badge("asks for an answer", icon=":material/flag:", color="orange")
                st.subheader(plain(finding.sentence), anchor=False)
                if finding.page:
                    st.page_link(
                        f"pages/{finding.page}.py",
                        label="See it",
                        icon=":material/arrow_forward:",
                        query_params={"run": run.id, **finding.query},
                    )
    with own:
        notes(run, stop, kept[key])
    presenting = "present" in st.query_params
    with st.container(horizontal=True):
        for text, icon, other in (
            ("Back", ":material/chevron_left:", place - 1),
            ("Next", ":material/chevron_right:", place + 1),
        ):
            st.button(
                text,
                icon=icon,
                key=f"review_{text.lower()}",
                disabled=not 0 <= other < len(walk),
                on_click=go,
                args=("stop", review.KEYS[other % len(walk)]),
            )
        st.button(
            "Show the menu" if presenting else "Present",
            icon=":material/close_fullscreen:" if presenting else ":material/slideshow:",
            key="review_present",
            on_click=go,
            args=("present", None if presenting else "1"),
        )
