"""Test images with what the run said of each, right in green and wrong in vermilion."""

import streamlit as st

from core.evaluation import samples, uncertainty
from ui import frame, gallery, loaders, sample_panel
from ui.url import url_classes, url_number, url_range, url_segments, url_select

COUNTS = (25, 50, 100)

with frame.page("Samples") as beside_menu:
    run = frame.choose_run(beside_menu)
    classes = run.info["classes"]
    stored = loaders.predictions(run)
    count = len(stored["labels"])
    opened = url_number("image", count)
    if opened is not None:
        sample_panel.panel(run, opened)
        st.stop()

    wrong = len(samples.find(stored, outcome="Wrong"))
    st.title(f"{wrong:,} of {count:,} test images are misclassified")
    if frame.on_phone():
        filters, grid = st.expander("Filter and order", icon=":material/tune:"), st.container()
    else:
        filters, grid = st.columns([1, 3], gap="large")
    with filters:
        outcome = url_segments("Show", samples.OUTCOMES, name="show")
        with st.container(horizontal=True):
            true, predicted = url_classes(classes, width=116)
        confidence = url_range("Confidence", name="sure")
        order = url_select("Order", samples.orders(stored), name="order")
        per_page = url_segments("Images a page", COUNTS, name="per")
        sample_panel.tags_download(run)
    number = {name: index for index, name in enumerate(classes)}
    found = samples.find(
        stored,
        outcome=outcome,
        true=number.get(true),
        predicted=number.get(predicted),
        confidence=confidence,
    )
    if order not in ("Index", "Learned last") and (told := uncertainty.ties(stored)):
        filters.caption(told)
    with grid:
        if not len(found):
            st.info("No test image matches: widen a filter.", icon=":material/filter_alt_off:")
            st.stop()
        found = samples.arrange(found, order, stored, run.metrics["kept_epoch"])
        gallery.gallery(run, found, key="samples", per_page=per_page)
