"""The drawing canvas: the one place that knows the component, and what to do without it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui import frame

SIDE, WIDE = 300, 520  # pixels; the wide one is for several digits
INK, PAPER = "#1B1A18", "#FFFFFF"


def canvas(*, wide: bool) -> np.ndarray | None:
    """What is drawn, RGBA uint8 (H, W, 4); None after saying what to do when there is nothing."""
    st.space("small")  # room for the toolbar that the component shows above itself
    board = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        stroke = st.slider("Stroke width", 4, 40, 16 if wide else 22, key="draw_stroke", width=180)
        if st.button("Clear", icon=":material/ink_eraser:", key="draw_clear"):
            st.session_state["draw_turn"] = st.session_state.get("draw_turn", 0) + 1
    try:
        from streamlit_drawable_canvas import st_canvas
    except Exception as error:  # a broken component must not take the page with it
        frame.LOG.warning("canvas component: %s", error)
        st.warning(
            "The drawing canvas cannot be loaded here. The other ways in work without it.",
            icon=":material/warning:",
        )
        return None
    turn = st.session_state.get("draw_turn", 0)
    with board:
        drawn = st_canvas(
            stroke_width=stroke,
            stroke_color=INK,
            background_color=PAPER,
            height=SIDE,
            width=(340 if frame.on_phone() else WIDE) if wide else SIDE,
            return_image_data=True,
            key=f"draw_canvas_{wide}_{turn}",  # a new key: an empty canvas
        ).image_data
    if drawn is None or drawn[..., :3].min() > 200:
        st.caption("Draw something with mouse, pen or finger.")
        return None
    return drawn
