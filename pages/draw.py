"""Draw, upload, photograph or pick an image and see what the run makes of it."""

import streamlit as st

from core.data import sources
from ui import drawings_panel, frame, loaders, picture_sources, reading_panel
from ui.text import plain
from ui.url import url_segments, url_toggle


@st.fragment
@frame.guard("Draw")
def panel(run, digits: bool) -> None:
    from core.reading.picture import ImageError

    with st.container(horizontal=True, vertical_alignment="center"):
        ways = picture_sources.WAYS
        way = url_segments("Image from", ways, name="way", label_visibility="collapsed")
        as_number = digits and url_toggle(
            "Several digits", name="number", help="Post codes, sums, strings; several lines too"
        )
    left, right = st.columns([1, 1], gap="large")
    with left:
        try:
            image = picture_sources.picked(run, way, as_number)
        except ImageError as error:
            right.info(plain(str(error)), icon=":material/draw:")
            image = None
    with right:
        given = read(run, image, as_number)
    if given is not None:
        reading_panel.others(run, image, as_number)
    if as_number:
        return
    if given is not None:
        reading_panel.explanation(run, given)
    drawings_panel.panel(run, given, image)


def read(run, image, as_number: bool):
    """The answer beside the picture, or None after saying what to do."""
    from core.reading.picture import EmptyDrawing

    if image is None:
        st.caption("The answer appears here.")
        loaders.reader(run)  # the first stroke need not wait for the network
        return None
    try:
        return (reading_panel.number if as_number else reading_panel.answer)(run, image)
    except EmptyDrawing as error:
        st.info(plain(str(error)), icon=":material/draw:")
        return None


with frame.page("Draw") as beside_menu:
    run = frame.choose_run(beside_menu)

    st.title("Draw, and see what it reads")
    panel(run, sources.known(run.info).digits)
