"""Which class is taken for which, and how well each one is read."""

import numpy as np
import streamlit as st

import ui

with ui.page("Confusion matrix") as beside_menu:
    run = ui.choose_run(beside_menu)
    from core import charts
    from core.summary import confused_sentences, report_text

    classes, metrics = run.info["classes"], run.metrics
    pairs = metrics["most_confused"]
    true, said, _ = pairs[0] if pairs else (0, 0, 0)
    sentences = confused_sentences(metrics, classes)
    st.title(
        ui.plain(f"{classes[true]} is taken for {classes[said]} most often")
        if pairs
        else "Not one mistake"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        unit = ui.url_select(
            "Cells show",
            ["Counts", "Row share"],
            name="cells",
            default="Counts",
            widget="segmented_control",
            label_visibility="collapsed",
        )
        errors_only = st.toggle("Errors only", key="matrix_errors")
    left, right = st.columns([3, 2], gap="large")
    with left:
        figure = charts.confusion(
            np.array(metrics["confusion"]),
            classes,
            share=unit == "Row share",
            errors_only=errors_only,
        )
        st.plotly_chart(
            figure,
            key="matrix",
            config={"displaylogo": False},
            alt=f"Confusion matrix of {metrics['test_count']} test images; "
            + "; ".join(sentences[:3]),
        )
        st.caption(
            f"{metrics['test_count']:,} test images, rows are the true class. "
            + ("Shares in percent of the row. " if unit == "Row share" else "")
            + "The colour is logarithmic, so that rare mistakes show beside the diagonal."
        )
    with right:
        st.subheader("Each class")
        rows = metrics["per_class"]
        bar = {"format": "%.3f", "min_value": 0.0, "max_value": 1.0, "width": 105}
        st.dataframe(
            {
                "Class": [row["class"] for row in rows],
                **{
                    name.capitalize() if name != "f1" else "F1": [row[name] for row in rows]
                    for name in ("precision", "recall", "f1")
                },
                "Images": [row["support"] for row in rows],
            },
            hide_index=True,
            key="matrix_report",
            height="content" if len(rows) <= 12 else 460,
            column_config={
                "Precision": st.column_config.ProgressColumn(
                    help="Of those said to be this class, the share that is", **bar
                ),
                "Recall": st.column_config.ProgressColumn(
                    help="Of this class, the share that was found", **bar
                ),
                "F1": st.column_config.NumberColumn(format="%.3f", width=60),
            },
            alt="Precision, recall, F1 and number of images of each class",
        )
        if sentences:
            st.subheader("Most confused")
            st.markdown("\n".join(f"- {ui.plain(sentence)}" for sentence in sentences))
        st.download_button(
            "Report as text",
            report_text(run),
            f"{run.id}-report.txt",
            "text/plain",
            icon=":material/download:",
            key="matrix_text",
            on_click="ignore",
        )
