"""A grid of test images, right in green and wrong in vermilion; a click opens the sample."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.figures import charts
from core.runs import store
from ui import frame, loaders
from ui.url import page_buttons, page_number

SIDE, PHONE_SIDE = 112, 84  # pixels of the screen for one image


def gallery(
    run: store.Run, indices: np.ndarray, *, key: str, per_page: int = 25, columns: int = 0
) -> None:
    """The test images at `indices`, a page at a time. Says so when there are none; without the
    images themselves it is a table of what the run said. `columns` is found when it is 0.
    """
    if not len(indices):
        st.info("No test image is among these.", icon=":material/filter_alt_off:")
        return
    pages = -(-len(indices) // per_page)
    number = page_number(pages)
    shown = indices[(number - 1) * per_page : number * per_page]
    images = loaders.test_images(run)
    choices = {int(index): text for index, text in zip(shown, spoken(run, shown), strict=True)}
    if images is None:
        _table(run, shown, key)
    else:
        _grid(run, images, shown, key, list(choices.values()), columns)
    first = (number - 1) * per_page + 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if pages > 1:
            page_buttons(number, pages)
        st.selectbox(
            "Open image",
            list(choices),
            index=None,
            format_func=choices.get,
            key=f"{key}_open",
            on_change=_open_chosen,
            args=(f"{key}_open",),
            placeholder="Open an image",
            label_visibility="collapsed",
            width=230,
        )
        st.caption(f"{first:,} to {first + len(shown) - 1:,} of {len(indices):,}", width="content")
    _follow(run, here=key == "samples")


def spoken(run: store.Run, indices: np.ndarray) -> list[str]:
    """What the run said of each image, in words."""
    stored, classes = loaders.predictions(run), run.info["classes"]
    labels, sure = stored["labels"][indices], stored["probs"][indices].max(1)
    predicted = stored["probs"][indices].argmax(1)
    return [
        f"{index}: {'✓' if a == b else '✗'} {classes[b]}"
        + ("" if a == b else f", is {classes[a]}")
        + f", {100 * float(c):.0f} %"
        for index, a, b, c in zip(indices, labels, predicted, sure, strict=True)
    ]


def _grid(
    run: store.Run,
    images: np.ndarray,
    shown: np.ndarray,
    key: str,
    hover: list[str],
    columns: int,
) -> None:
    from core.figures import image_grid

    stored, classes = loaders.predictions(run), run.info["classes"]
    labels, probs = stored["labels"][shown], stored["probs"][shown]
    predicted = probs.argmax(1)
    side = PHONE_SIDE if frame.on_phone() else SIDE if len(shown) <= 36 else 78
    columns = 4 if frame.on_phone() else columns or (5 if len(shown) <= 36 else 10)
    columns = min(columns, len(shown))
    short = len(classes) <= 12 and max(map(len, classes)) <= 3
    texts = [
        charts.plain(
            (f"✓ {classes[b]}" if a == b else f"✗ {classes[b]}, is {classes[a]}")
            if short
            else f"{'✓' if a == b else '✗'} {classes[b][: 15 if side > 100 else 10]}"
        )
        for a, b in zip(labels, predicted, strict=True)
    ]
    figure = image_grid.figure(
        images[shown],
        texts,
        predicted == labels,
        columns=columns,
        side=side,
        hover=[charts.plain(text) for text in hover],
    )
    chart_key = f"{key}_grid_{hash(tuple(map(int, shown)))}"
    with st.container(width=columns * side):
        st.plotly_chart(
            figure,
            key=chart_key,
            on_select=lambda: _open_clicked(chart_key, shown),
            selection_mode="points",
            config={"displayModeBar": False},
            alt="Test images; " + "; ".join(hover[:5]),
        )


def _table(run: store.Run, shown: np.ndarray, key: str) -> None:
    stored, classes = loaders.predictions(run), run.info["classes"]
    labels, probs = stored["labels"][shown], stored["probs"][shown]
    predicted = probs.argmax(1)
    chart_key = f"{key}_table_{hash(tuple(map(int, shown)))}"
    st.dataframe(
        {
            "Image": shown,
            "True": [classes[label] for label in labels],
            "Predicted": [classes[label] for label in predicted],
            "Verdict": [
                "✓ right" if a == b else "✗ wrong" for a, b in zip(labels, predicted, strict=True)
            ],
            "Confidence": probs.max(1).astype(float),
        },
        hide_index=True,
        key=chart_key,
        on_select=lambda: _open_row(chart_key, shown),
        selection_mode="single-row",
        column_config={
            "Confidence": st.column_config.ProgressColumn(
                format="percent", min_value=0, max_value=1
            )
        },
    )


def _open_clicked(key: str, shown: np.ndarray) -> None:
    points = st.session_state[key].selection.points
    if points:
        st.session_state["gallery_opened"] = int(shown[points[0]["point_index"]])


def _open_row(key: str, shown: np.ndarray) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.session_state["gallery_opened"] = int(shown[rows[0]])


def _open_chosen(key: str) -> None:
    if st.session_state[key] is not None:
        st.session_state["gallery_opened"] = st.session_state[key]


def _follow(run: store.Run, here: bool) -> None:
    """Go to the sample that was clicked; on Samples itself the filters stay."""
    opened = st.session_state.pop("gallery_opened", None)
    if opened is None:
        return
    if here:
        st.query_params["image"] = str(opened)
        st.rerun()
    st.switch_page("pages/samples.py", query_params={"run": run.id, "image": str(opened)})
