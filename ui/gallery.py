"""A grid of test images, right in green and wrong in vermilion; a click opens the sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.runs import store
from ui import elements, frame, loaders
from ui.url import put, url_number, url_steps

SIDE, PHONE_SIDE = 112, 84  # pixels of the screen for one image


@dataclass(frozen=True)
class Answer:
    """What the run said of a test image: the names of two classes, and how sure it was."""

    index: int
    true: str
    predicted: str
    right: bool
    sure: float

    @property
    def sign(self) -> str:
        return "✓" if self.right else "✗"

    @property
    def verdict(self) -> str:
        return f"{self.sign} {self.predicted}" + ("" if self.right else f", is {self.true}")

    def __str__(self) -> str:
        return f"{self.index}: {self.verdict}, {100 * self.sure:.0f} %"


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
    page = min(url_number("page", 10**8) or 1, pages)
    first = (page - 1) * per_page
    answers = _answers(run, indices[first : first + per_page])
    images = loaders.test_images(run)
    shown = f"{hash(tuple(answer.index for answer in answers))}"  # others: nothing clicked yet
    if images is None:
        _table(answers, f"{key}_table_{shown}")
    else:
        _grid(run, images, answers, f"{key}_grid_{shown}", columns)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if pages > 1:
            with st.container(horizontal=True):
                url_steps("page", range(1, pages + 1), page - 1, key="page")
        st.selectbox(
            "Open image",
            [answer.index for answer in answers],
            index=None,
            format_func={answer.index: str(answer) for answer in answers}.get,
            key=f"{key}_open",
            on_change=lambda: _open(st.session_state[f"{key}_open"]),
            placeholder="Open an image",
            label_visibility="collapsed",
            width=230,
        )
        last = first + len(answers)
        st.caption(f"{first + 1:,} to {last:,} of {len(indices):,}", width="content")
    _follow(run, here=key == "samples")


def _answers(run: store.Run, indices: np.ndarray) -> list[Answer]:
    stored, classes = loaders.predictions(run), run.info["classes"]
    found = []
    for index in indices:
        label, probs = stored["labels"][index], stored["probs"][index]
        names = classes[label], classes[probs.argmax()]
        right = bool(label == probs.argmax())
        found.append(Answer(int(index), *names, right, float(probs.max())))
    return found


def _grid(
    run: store.Run, images: np.ndarray, answers: list[Answer], key: str, columns: int
) -> None:
    from core.figures import image_grid

    classes, few = run.info["classes"], len(answers) <= 36
    side = PHONE_SIDE if frame.on_phone() else SIDE if few else 78
    columns = 4 if frame.on_phone() else columns or (5 if few else 10)
    columns = min(columns, len(answers))
    short = len(classes) <= 12 and max(map(len, classes)) <= 3
    cut = 15 if side > 100 else 10
    texts = [a.verdict if short else f"{a.sign} {a.predicted[:cut]}" for a in answers]
    right, spoken = np.array([a.right for a in answers]), [str(a) for a in answers]
    shown = images[[a.index for a in answers]]
    figure = image_grid.figure(shown, texts, right, columns=columns, side=side, hover=spoken)

    def clicked() -> None:
        for point in st.session_state[key].selection.points[:1]:
            _open(answers[point["point_index"]].index)

    with st.container(width=columns * side):
        elements.chart(
            figure,
            key=key,
            on_select=clicked,
            selection_mode="points",
            alt="Test images; " + "; ".join(spoken[:5]),
        )


def _table(answers: list[Answer], key: str) -> None:
    def picked() -> None:
        for row in st.session_state[key].selection.rows[:1]:
            _open(answers[row].index)

    words = ("✗ wrong", "✓ right")
    elements.table(
        ("Image", "True", "Predicted", "Verdict", "Confidence"),
        [(a.index, a.true, a.predicted, words[a.right], a.sure) for a in answers],
        key=key,
        on_select=picked,
        selection_mode="single-row",
        column_config={"Confidence": elements.SHARE},
    )


def _open(index: int | None) -> None:
    if index is not None:
        st.session_state["gallery_opened"] = index


def _follow(run: store.Run, here: bool) -> None:
    """Go to the sample that was clicked; on Samples itself the filters stay."""
    opened = st.session_state.pop("gallery_opened", None)
    if opened is None:
        return
    if here:
        put("image", opened)
        st.rerun()
    st.switch_page("pages/samples.py", query_params={"run": run.id, "image": str(opened)})
