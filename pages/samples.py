"""Test images with what the run said of each, right in green and wrong in vermilion."""

import streamlit as st

import ui
from core.samples import VERDICTS, find

PER_PAGE, WIDTH = 25, 108

with ui.page("Samples") as beside_menu:
    run = ui.choose_run(beside_menu)
    from core import charts

    classes = run.info["classes"]
    stored = ui.predictions(run)
    labels, probs = stored["labels"], stored["probs"]
    said = probs.argmax(1)
    st.title(f"{int((said != labels).sum()):,} of {len(labels):,} test images are read wrong")
    filters, grid = st.columns([1, 3], gap="large")
    with filters:
        verdict = ui.url_select(
            "Show", VERDICTS, name="show", default="All", widget="segmented_control"
        )
        with st.container(horizontal=True):
            true, told = (
                ui.url_select(text, ["Any", *classes], name=name, default="Any", width=170)
                for text, name in (("True class", "true"), ("Predicted class", "said"))
            )
    number = {name: index for index, name in enumerate(classes)}
    found = find(labels, probs, verdict=verdict, true=number.get(true), said=number.get(told))
    if not len(found):
        grid.info("No test image matches: widen a filter.", icon=":material/filter_alt_off:")
        st.stop()

    pages = -(-len(found) // PER_PAGE)
    page = ui.page_number(pages)
    shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
    with filters:
        ui.page_buttons(page, pages)
        first = (page - 1) * PER_PAGE + 1
        last = first + len(shown) - 1
        st.caption(f"{first:,} to {last:,} of {len(found):,}, page {page:,} of {pages:,}")

    def caption(index: int) -> str:
        sure = f"{100 * float(probs[index].max()):.0f}\u00a0%"
        name, answer = ui.plain(classes[labels[index]]), ui.plain(classes[said[index]])
        if said[index] == labels[index]:
            return f":green[:material/check: **{answer}**] {sure}"
        return f":red[:material/close: **said {answer}, is {name}**] {sure}"

    with grid:
        images = ui.test_images(run)
        right = said[shown] == labels[shown]
        if images is None:
            sure = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
            st.dataframe(
                {
                    "Image": shown,
                    "True": [classes[label] for label in labels[shown]],
                    "Predicted": [classes[label] for label in said[shown]],
                    "Verdict": ["✓ right" if good else "✗ wrong" for good in right],
                    "Confidence": probs[shown].max(1).astype(float),
                },
                hide_index=True,
                key="samples_table",
                column_config={"Confidence": sure},
            )
        else:
            with st.container(width=5 * WIDTH):
                st.image(
                    [
                        charts.tile(images[i], right=bool(good))
                        for i, good in zip(shown, right, strict=True)
                    ],
                    caption=[caption(i) for i in shown],
                    width=WIDTH,
                    output_format="PNG",
                    alt=[
                        f"Test image {i}: {classes[labels[i]]}, read as {classes[said[i]]}"
                        for i in shown
                    ],
                )
