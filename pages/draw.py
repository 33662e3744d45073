"""Draw, upload or pick an image and see what the run makes of it."""

import numpy as np
import streamlit as st

import ui

SIDE = 300


def draw_canvas(stroke: int) -> np.ndarray | None:
    """What is on the canvas, RGBA uint8 (SIDE, SIDE, 4); the one place that knows the component."""
    try:
        from streamlit_drawable_canvas import st_canvas
    except Exception as error:  # a broken component must not take the page with it
        ui.LOG.warning("canvas component: %s", error)
        st.warning(
            "The drawing canvas cannot be loaded here. Upload an image or pick a test image.",
            icon=":material/warning:",
        )
        return None
    drawing = st_canvas(
        stroke_width=stroke,
        stroke_color="#1B1A18",
        background_color="#FFFFFF",
        height=SIDE,
        width=SIDE,
        return_image_data=True,
        key=f"canvas_{st.session_state.get('canvas_turn', 0)}",
    )
    image = drawing.image_data
    return None if image is None or not (image[..., :3].min(2) < 200).any() else image


def pick(run):
    """The image to read, from whichever way in is chosen, or None after saying what to do."""
    from PIL import Image

    from core import ink

    way = ui.url_select(
        "Image from",
        ["Canvas", "Upload", "Test image"],
        name="way",
        default="Canvas",
        widget="segmented_control",
        label_visibility="collapsed",
    )
    if way == "Canvas":
        with st.container(horizontal=True, vertical_alignment="bottom"):
            stroke = st.slider("Stroke width", 6, 40, 22, key="draw_stroke", width=180)
            if st.button("Clear", icon=":material/ink_eraser:", key="draw_clear"):
                st.session_state["canvas_turn"] = st.session_state.get("canvas_turn", 0) + 1
        image = draw_canvas(stroke)
        if image is None:
            st.caption("Draw something with mouse, pen or finger.")
        return None if image is None else ink.open_array(image)
    if way == "Upload":
        file = st.file_uploader(
            "A picture of one thing",
            type=["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff"],
            key="draw_file",
        )
        return ink.open_image(file.getvalue(), ui.plain(file.name)) if file else None
    images = ui.test_images(run)
    if images is None:
        return None
    number = st.number_input("Test image", 0, len(images) - 1, 0, key="draw_number")
    st.image(ui_tile(images[number]), width=168, alt=f"Test image {number}")
    return Image.fromarray(np.moveaxis(images[number], 0, 2).squeeze())


def ui_tile(image: np.ndarray) -> np.ndarray:
    from core import charts

    return charts.tile(image, size=168)


@st.fragment
def panel(run) -> None:
    from core import charts, ink

    left, right = st.columns(2, gap="large")
    try:
        with left:
            image = pick(run)
        answer = ui.reader(run).read(image) if image is not None else None
    except (ink.EmptyDrawing, ink.ImageError) as error:
        with right:
            st.info(ui.plain(str(error)), icon=":material/draw:")
        return
    with right:
        if answer is None:
            st.caption("The answer appears here.")
            return
        st.metric(
            "The network reads",
            answer.label,
            f"{100 * answer.confidence:.1f} % sure",
            delta_color="off",
            delta_arrow="off",
        )
        st.plotly_chart(
            charts.probabilities(answer.probs, answer.classes),
            key="draw_probs",
            config={"displayModeBar": False},
            alt=f"Probabilities: {answer.label} {100 * answer.confidence:.1f} %",
        )
        name, _ = answer.prepared.stages[-1]
        st.image(
            ui_tile(answer.prepared.image),
            width=112,
            caption=f"What it sees, {name}",
            alt="The prepared image",
        )


with ui.page("Draw") as beside_menu:
    run = ui.choose_run(beside_menu)
    st.title("Draw, and see what it reads")
    panel(run)
