"""The ways by which a picture comes to the Draw page."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui import canvas, loaders, reading_panel

TYPES = ["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff"]
WAYS = ("Canvas", "Upload", "Camera", "Test image", "Kept drawing")


def uploaded(run, as_number: bool):
    """One picture of those uploaded, or None; several are told in a table first."""
    from core.reading.picture import ImageError, open_image

    given = st.file_uploader("Pictures", type=TYPES, key="draw_file", accept_multiple_files=True)
    pictures = {}
    for file in given:
        try:
            pictures[file.name] = open_image(file.getvalue(), file.name)
        except ImageError as error:
            pictures[file.name] = str(error)
    if len(pictures) > 1:
        return pictures.get(reading_panel.several(run, pictures, as_number))
    for name, picture in pictures.items():
        if isinstance(picture, str):
            raise ImageError(picture)
        st.image(np.asarray(picture), width=280, alt=f"The upload {name}")
        return picture
    return None


def picked(run, way: str, as_number: bool):
    """The image from whichever way in is chosen, or None after saying what to do."""
    from core.figures import thumbnails
    from core.reading.picture import open_array, open_image

    if way == "Canvas":
        drawn = canvas.canvas(wide=as_number)
        return None if drawn is None else open_array(drawn)
    if way == "Upload":
        return uploaded(run, as_number)
    if way == "Camera":
        photo = st.camera_input("A photo of your handwriting", key="draw_photo")
        return open_image(photo.getvalue(), "photo") if photo else None
    if way == "Kept drawing":
        return reading_panel.kept(run)
    images = loaders.test_images(run)
    if images is None:
        return None
    number = st.number_input("Test image", 0, len(images) - 1, 0, key="draw_number")
    st.image(thumbnails.tile(images[number], size=168), alt=f"Test image {number}")
    return open_array(np.moveaxis(images[number], 0, 2))
