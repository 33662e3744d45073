"""Parts of the page that asks whether a run's number is true."""

from __future__ import annotations

import numpy as np
import streamlit as st

import ui
from core import charts, claims, runs, statistics

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def card(run: runs.Run) -> None:
    """The number with its interval, its spread over seeds, and all that is needed to check it."""
    metrics = run.metrics
    low, high = metrics["test_accuracy_interval"]
    st.markdown(
        f"**{ui.percent(metrics['test_accuracy'])}** of {metrics['test_count']:,} test images; "
        f"with other images of the same kind between **{ui.percent(low)}** and "
        f"**{ui.percent(high)}** (95 %, Wilson)."
    )
    found = claims.seeds(run, runs.list_runs())
    st.markdown(claims.spread_sentence(found))
    if len(found) < 2 and run.info.get("recipe"):
        st.page_link(
            "pages/train.py",
            label="Train it with other seeds",
            icon=":material/casino:",
            query_params={"from": run.id},
        )
    with st.expander("Everything needed to check it", icon=":material/fingerprint:"):
        facts = claims.facts(run)
        st.dataframe(
            {"What": list(facts), "Value": list(facts.values())},
            hide_index=True,
            key="claim_facts",
            height="content",
            alt="Hashes, versions and settings of the run",
        )


def calibration(run: runs.Run) -> None:
    """The reliability diagram, as it is or with the temperature of the validation split."""
    stored = ui.predictions(run)
    labels, probs = stored["labels"], stored["probs"]
    held_out = len(stored.get("validation_labels", ()))
    mended = False
    if held_out:
        value = _temperature(run.id, (run.folder / runs.PREDICTIONS).stat().st_mtime_ns, run)
        mended = ui.url_toggle(f"With temperature {value:.2f}", name="mended")
        if mended:
            probs = statistics.tempered(probs, value)
    bins = statistics.calibration(labels, probs)
    error = statistics.expected_calibration_error(bins)
    st.plotly_chart(
        charts.reliability(bins, color=ui.run_colors([run])[run.id]),
        key="claim_reliability",
        config={"displayModeBar": False},
        alt=f"Reliability diagram; expected calibration error {error:.4f}",
    )
    note = "below the dotted line it is too sure. "
    if held_out:
        note += claims.temperature_sentence(value)
        note += f" Fitted on {held_out:,} validation images."
    else:
        note += "Nothing was held out, so no temperature can be fitted."
    st.caption(f"Expected calibration error {100 * error:.2f} points; {note}")


@st.cache_data(max_entries=64, show_spinner=False)
def _temperature(run_id: str, stamp: int, _run: runs.Run) -> float:
    stored = _run.predictions()
    return statistics.temperature(stored["validation_labels"], stored["validation_probs"])


def coverage(run: runs.Run) -> None:
    """What answering only when sure would mean."""
    stored = ui.predictions(run)
    labels, probs = stored["labels"], stored["probs"]
    threshold = ui.url_select(
        "Answer only when this sure",
        THRESHOLDS,
        name="when",
        default=0.99,
        widget="select_slider",
        format_func=lambda share: f"{100 * share:g} %",
    )
    answered, right = statistics.selective(labels, probs, threshold)
    shares, accuracies, _ = statistics.coverage_curve(labels, probs)
    here = (answered / len(labels), right / answered if answered else np.nan)
    sentence = claims.coverage_sentence(answered, right, len(labels), threshold)
    st.plotly_chart(
        charts.coverage(shares, accuracies, here, color=ui.run_colors([run])[run.id]),
        key="claim_coverage",
        config={"displayModeBar": False},
        alt=sentence,
    )
    st.caption(sentence)
