"""Test images with what the run said of each, right in green and wrong in vermilion."""

import numpy as np
import streamlit as st

import ui

PER_PAGE = 25

with ui.page("Samples") as beside_menu:
    run = ui.choose_run(beside_menu)
    from core import charts

    classes = run.info["classes"]
    stored = ui.predictions(run)
    labels, probs = stored["labels"], stored["probs"]
    said = probs.argmax(1)
    wrong = int((said != labels).sum())
    st.title(f"{wrong:,} of {len(labels):,} test images are read wrong")
    filters, grid = st.columns([1, 3], gap="large")
    any_class = ["Any", *classes]
    with filters:
        show = ui.url_select(
            "Show",
            ["All", "Wrong", "Right"],
            name="show",
            default="All",
            widget="segmented_control",
        )
        with st.container(horizontal=True):
            true = ui.url_select("True class", any_class, name="true", default="Any", width=170)
            told = ui.url_select(
                "Predicted class", any_class, name="said", default="Any", width=170
            )
    kept = np.ones(len(labels), bool)
    if show != "All":
        kept &= (said == labels) == (show == "Right")
    if true != "Any":
        kept &= labels == classes.index(true)
    if told != "Any":
        kept &= said == classes.index(told)
    found = np.flatnonzero(kept)
    if not len(found):
        grid.info("No test image matches: widen a filter.", icon=":material/filter_alt_off:")
        st.stop()

    pages = -(-len(found) // PER_PAGE)
    number = ui.page_number(pages)
    shown = found[(number - 1) * PER_PAGE : number * PER_PAGE]
    with filters:
        ui.page_buttons(number, pages)
        first = (number - 1) * PER_PAGE + 1
        st.caption(
            f"{first:,} to {first + len(shown) - 1:,} of {len(found):,}, "
            f"page {number:,} of {pages:,}"
        )

    def caption(index: int) -> str:
        sure = f"{100 * float(probs[index].max()):.0f} %"
        name, answer = ui.plain(classes[labels[index]]), ui.plain(classes[said[index]])
        if said[index] == labels[index]:
            return f":green[:material/check: **{answer}**] {sure}"
        return f":red[:material/close: **said {answer}, is {name}**] {sure}"

    with grid:
        images = ui.test_images(run)
        if images is None:
            right = said[shown] == labels[shown]
            st.dataframe(
                {
                    "Image": shown,
                    "True": [classes[label] for label in labels[shown]],
                    "Predicted": [classes[label] for label in said[shown]],
                    "Verdict": np.where(right, "✓ right", "✗ wrong"),
                    "Confidence": probs[shown].max(1).astype(float),
                },
                hide_index=True,
                key="samples_table",
                column_config={
                    "Confidence": st.column_config.ProgressColumn(
                        format="percent", min_value=0, max_value=1
                    )
                },
            )
        else:
            with st.container(width=5 * 108):
                st.image(
                    [charts.tile(images[i], right=bool(said[i] == labels[i])) for i in shown],
                    caption=[caption(i) for i in shown],
                    width=108,
                    output_format="PNG",
                    alt=[
                        f"Test image {i}: {classes[labels[i]]}, read as {classes[said[i]]}"
                        for i in shown
                    ],
                )
