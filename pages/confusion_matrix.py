"""Which class is taken for which; a click on a cell or a class opens its images."""

import numpy as np
import streamlit as st

from core.evaluation import samples
from core.reports.summary import confused_sentences, report_text
from ui import elements, frame, gallery, loaders, matrix_panel
from ui.text import plain
from ui.url import url_classes, url_segments, url_toggle

with frame.page("Confusion matrix") as beside_menu:
    run = frame.choose_run(beside_menu)
    from core.figures import confusion_matrix

    classes, metrics = run.info["classes"], run.metrics
    number = {name: index for index, name in enumerate(classes)}
    pairs = metrics["most_confused"]
    sentences = confused_sentences(metrics, classes)
    true, predicted, _ = pairs[0] if pairs else (0, 0, 0)
    st.title(
        plain(f"{classes[true]} is taken for {classes[predicted]} most often")
        if pairs
        else "Not one mistake"
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        cells = url_segments("Cells show", confusion_matrix.CELLS, name="cells")
        true, predicted = url_classes(classes, width=150)
        errors_only = url_toggle("Errors only", name="errors")
    chosen = (number[true], number[predicted]) if true != "Any" and predicted != "Any" else None
    left, right = st.columns([3, 2], gap="large")
    with left:
        matrix_panel.clickable(
            confusion_matrix.confusion(
                np.array(metrics["confusion"]),
                classes,
                cells=cells,
                errors_only=errors_only,
                chosen=chosen,
            ),
            classes,
            key="matrix",
            alt=f"Confusion matrix of {metrics['test_count']} test images; "
            + "; ".join(sentences[:3]),
        )
        unit = {
            "Row share": "Percent of the true class. ",
            "Column share": "Percent of what was said to be the class. ",
        }.get(cells, "")
        st.caption(
            f"{metrics['test_count']:,} test images, rows are the true class. {unit}The colour is "
            "logarithmic, so that rare mistakes show beside the diagonal. Click a cell to see its "
            "images, or choose its two classes above."
        )
    with right:
        if true == predicted == "Any":
            st.subheader("Most confused")
            matrix_panel.most_confused(run, sentences)
        else:
            stored = loaders.predictions(run)
            found = samples.find(
                stored,
                true=number.get(true),
                predicted=number.get(predicted),
                outcome="All" if chosen else "Wrong",
            )
            st.subheader(plain(matrix_panel.cell_title(run, true, predicted, len(found))))
            matrix_panel.close_button()
            gallery.gallery(run, found, key="cell", columns=4)
    st.subheader("Each class")
    matrix_panel.class_report(run)
    name = f"{run.id}-report.txt"
    elements.download("Report as text", report_text(run), name, "text/plain", key="matrix_text")
