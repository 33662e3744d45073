"""Draw, upload, photograph or pick an image and see what the run makes of it."""

import streamlit as st

import ui
import ui_personal
import ui_reading
import ui_ways


@st.fragment
@ui.guard("Draw")
def panel(run, digits: bool) -> None:
    from core import ink

    with st.container(horizontal=True, vertical_alignment="center"):
        way = ui.url_select(
            "Image from",
            ui_ways.WAYS,
            name="way",
            default="Canvas",
            widget="segmented_control",
            label_visibility="collapsed",
        )
        as_number = digits and ui.url_toggle(
            "Several digits", name="number", help="Post codes, sums, strings; several lines too"
        )
    left, right = st.columns([1, 1], gap="large")
    with left:
        try:
            image = ui_ways.picked(run, way, as_number)
        except ink.ImageError as error:
            right.info(ui.plain(str(error)), icon=":material/draw:")
            image = None
    with right:
        given = read(run, image, as_number)
    if given is not None:
        ui_reading.others(run, image, as_number)
    if as_number:
        return
    if given is not None:
        ui_reading.evidence(run, given)
    ui_personal.panel(run, given, image)


def read(run, image, as_number: bool):
    """The answer beside the picture, or None after saying what to do."""
    from core import ink

    if image is None:
        st.caption("The answer appears here.")
        ui.reader(run)  # the first stroke need not wait for the network
        return None
    try:
        return (ui_reading.number if as_number else ui_reading.answer)(run, image)
    except ink.EmptyDrawing as error:
        st.info(ui.plain(str(error)), icon=":material/draw:")
        return None


with ui.page("Draw") as beside_menu:
    run = ui.choose_run(beside_menu)
    from core import data

    known = data.DATASETS.get(run.info["dataset"])
    st.title("Draw, and see what it reads")
    panel(run, bool(known and known.drawn and run.info["classes"][:2] == ["0", "1"]))
