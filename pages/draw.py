"""Draw, upload or pick an image and see what the run makes of it."""

import numpy as np
import streamlit as st

import ui

SIDE = 300
TYPES = ["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff"]


def canvas() -> np.ndarray | None:
    """What is drawn, RGBA uint8 (SIDE, SIDE, 4); the one place that knows the component."""
    st.space("small")  # room for the toolbar that the component shows above itself
    board = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        stroke = st.slider("Stroke width", 6, 40, 22, key="draw_stroke", width=180)
        if st.button("Clear", icon=":material/ink_eraser:", key="draw_clear"):
            st.session_state["draw_turn"] = st.session_state.get("draw_turn", 0) + 1
    try:
        from streamlit_drawable_canvas import st_canvas
    except Exception as error:  # a broken component must not take the page with it
        ui.LOG.warning("canvas component: %s", error)
        st.warning(
            "The drawing canvas cannot be loaded here. Upload a picture or pick a test image.",
            icon=":material/warning:",
        )
        return None
    with board:
        drawn = st_canvas(
            stroke_width=stroke,
            stroke_color="#1B1A18",
            background_color="#FFFFFF",
            height=SIDE,
            width=SIDE,
            return_image_data=True,
            key=f"draw_canvas_{st.session_state.get('draw_turn', 0)}",  # a new key: an empty canvas
        ).image_data
    if drawn is None or drawn[..., :3].min() > 200:
        st.caption("Draw something with mouse, pen or finger.")
        return None
    return drawn


def picked(run):
    """The image from whichever way in is chosen, or None after saying what to do."""
    from core import charts, ink

    way = ui.url_select(
        "Image from",
        ["Canvas", "Upload", "Test image"],
        name="way",
        default="Canvas",
        widget="segmented_control",
        label_visibility="collapsed",
    )
    if way == "Canvas":
        drawn = canvas()
        return None if drawn is None else ink.open_array(drawn)
    if way == "Upload":
        file = st.file_uploader("A picture of one thing", type=TYPES, key="draw_file")
        return ink.open_image(file.getvalue(), file.name) if file else None
    images = ui.test_images(run)
    if images is None:
        return None
    number = st.number_input("Test image", 0, len(images) - 1, 0, key="draw_number")
    st.image(charts.tile(images[number], size=168), alt=f"Test image {number}")
    return ink.open_array(np.moveaxis(images[number], 0, 2))


@st.fragment
@ui.guard("Draw")
def panel(run) -> None:
    from core import charts, ink

    left, right = st.columns(2, gap="large")
    with left:
        try:
            image = picked(run)
            answer = None if image is None else ui.reader(run).read(image)
        except (ink.EmptyDrawing, ink.ImageError) as error:
            right.info(ui.plain(str(error)), icon=":material/draw:")
            return
    with right:
        if answer is None:
            st.caption("The answer appears here.")
            return
        with st.container(horizontal=True, gap="large", vertical_alignment="center"):
            with st.container(width=180, gap="small"):
                st.metric("It reads", answer.label)
                st.caption(f"{100 * answer.confidence:.1f} % sure")
            st.image(
                charts.tile(answer.prepared.image, size=84),
                width=84,
                alt="The image as the network sees it",
            )
            st.caption("What the network sees", width=90)
        st.plotly_chart(
            charts.probabilities(answer.probs, answer.classes),
            key="draw_probs",
            config={"displayModeBar": False},
            alt=f"Probabilities: {answer.label} {100 * answer.confidence:.1f} %",
        )


with ui.page("Draw") as beside_menu:
    run = ui.choose_run(beside_menu)
    st.title("Draw, and see what it reads")
    panel(run)
