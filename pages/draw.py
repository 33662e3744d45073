"""Draw, upload, photograph or pick an image and see what the run makes of it."""

import numpy as np
import streamlit as st

import ui
import ui_canvas
import ui_personal
import ui_reading

TYPES = ["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff"]
WAYS = ("Canvas", "Upload", "Camera", "Test image", "Kept drawing")


def uploaded(run, as_number: bool):
    """One picture of those uploaded, or None; several are told in a table first."""
    from core import ink

    given = st.file_uploader("Pictures", type=TYPES, key="draw_file", accept_multiple_files=True)
    pictures = {}
    for file in given:
        try:
            pictures[file.name] = ink.open_image(file.getvalue(), file.name)
        except ink.ImageError as error:
            pictures[file.name] = str(error)
    if len(pictures) > 1:
        return pictures.get(ui_reading.several(run, pictures, as_number))
    for name, picture in pictures.items():
        if isinstance(picture, str):
            raise ink.ImageError(picture)
        st.image(np.asarray(picture), width=280, alt=f"The upload {name}")
        return picture
    return None


def picked(run, way: str, as_number: bool):
    """The image from whichever way in is chosen, or None after saying what to do."""
    from core import ink, sprites

    if way == "Canvas":
        drawn = ui_canvas.canvas(wide=as_number)
        return None if drawn is None else ink.open_array(drawn)
    if way == "Upload":
        return uploaded(run, as_number)
    if way == "Camera":
        photo = st.camera_input("A photo of your handwriting", key="draw_photo")
        return ink.open_image(photo.getvalue(), "photo") if photo else None
    if way == "Kept drawing":
        return ui_reading.kept(run)
    images = ui.test_images(run)
    if images is None:
        return None
    number = st.number_input("Test image", 0, len(images) - 1, 0, key="draw_number")
    st.image(sprites.tile(images[number], size=168), alt=f"Test image {number}")
    return ink.open_array(np.moveaxis(images[number], 0, 2))


@st.fragment
@ui.guard("Draw")
def panel(run, digits: bool) -> None:
    from core import ink

    with st.container(horizontal=True, vertical_alignment="center"):
        way = ui.url_select(
            "Image from",
            WAYS,
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
            image = picked(run, way, as_number)
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
