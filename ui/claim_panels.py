"""Parts of the page that asks whether a run's number is true."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.analysis import baselines, duplicates
from core.evaluation import label_issues, uncertainty
from core.figures import charts
from core.jobs import background_tasks
from core.runs import limits, provenance, reproduction, store
from ui import elements, evidence, frame, loaders
from ui.text import interval, percent, plain
from ui.url import url_select, url_toggle

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def card(run: store.Run) -> None:
    """The number with its interval, its spread over seeds, and all that is needed to check it."""
    metrics = run.metrics
    low, high = metrics["test_accuracy_interval"]
    st.markdown(
        f"**{percent(metrics['test_accuracy'])}** of {metrics['test_count']:,} test images; "
        f"with other images of the same kind between **{percent(low)}** and "
        f"**{percent(high)}** (95 %, Wilson)."
    )
    found = provenance.seeds(run, store.list_runs())
    st.markdown(provenance.spread_sentence(found))
    if len(found) < 2 and run.info.get("recipe"):
        st.page_link(
            "pages/train.py",
            label="Train it with other seeds",
            icon=":material/casino:",
            query_params={"from": run.id},
        )
    recompute(run)
    with st.expander("Everything needed to check it", icon=":material/fingerprint:"):
        elements.table(
            ("What", "Value"),
            provenance.facts(run).items(),
            key="claim_facts",
            height="content",
            alt="Hashes, versions and settings of the run",
        )


def calibration(run: store.Run) -> None:
    """The reliability diagram, as it is or with the temperature of the validation split."""
    stored = loaders.predictions(run)
    labels, probs = stored["labels"], stored["probs"]
    value, why = _temperature(run.id, (run.folder / store.PREDICTIONS).stat().st_mtime_ns, run)
    if value and url_toggle(f"With temperature {value:.2f}", name="mended"):
        probs = uncertainty.tempered(probs, value)
    bins = uncertainty.calibration(labels, probs)
    error = uncertainty.expected_calibration_error(bins)
    elements.chart(
        charts.reliability(bins, color=frame.run_colors([run])[run.id]),
        key="claim_reliability",
        alt=f"Reliability diagram; expected calibration error {error:.4f}",
    )
    note = f"below the dotted line it is too sure. {why}"
    st.caption(f"Expected calibration error {100 * error:.2f} points; {note}")


@st.cache_data(max_entries=64, show_spinner=False)
def _temperature(run_id: str, scored: int, _run: store.Run) -> tuple[float | None, str]:
    """(temperature, what it says), or (None, why there is none)."""
    stored = _run.predictions()
    labels = stored.get("validation_labels", np.array([], int))
    try:
        value = uncertainty.temperature(labels, stored.get("validation_probs", np.empty((0, 1))))
    except ValueError as error:
        return None, f"No temperature: {error}."
    sentence = provenance.temperature_sentence(value)
    return value, f"{sentence} Fitted on {len(labels):,} validation images."


def coverage(run: store.Run) -> None:
    """What answering only when sure would mean."""
    stored = loaders.predictions(run)
    labels, probs = stored["labels"], stored["probs"]
    threshold = url_select(
        "Answer only when this sure",
        THRESHOLDS,
        name="when",
        default=0.99,
        widget="select_slider",
        format_func=lambda share: f"{100 * share:g} %",
    )
    answered, right = uncertainty.selective(labels, probs, threshold)
    shares, accuracies, _ = uncertainty.coverage_curve(labels, probs)
    here = (answered / len(labels), right / answered if answered else np.nan)
    sentence = provenance.coverage_sentence(answered, right, len(labels), threshold)
    figure = charts.coverage(shares, accuracies, here, color=frame.run_colors([run])[run.id])
    elements.chart(figure, key="claim_coverage", alt=sentence)
    st.caption(sentence)


def recompute(run: store.Run) -> None:
    """Whether the saved weights were scored again here, and a button that does it."""
    known, scored = background_tasks.progress(run.folder, "evaluate"), reproduction.read(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        if known.active:
            evidence.watch(run.id, "evaluate", "Scoring the saved weights again")
            return
        if not limits.changes_off() and st.button(
            "Recompute now",
            key="claim_recompute",
            icon=":material/refresh:",
            help="Scores the saved weights on the test images again, in a process of its own",
        ):
            with elements.told(store.BrokenRun, limits.Refused):
                background_tasks.start(run.id, "evaluate")
                st.rerun()
            return
        if scored is None:
            reason = known.reason if known.status == "failed" else None
            st.caption(plain(reason or "Not scored again on this machine yet."), width="content")
        elif scored["exact"]:
            text = f"{percent(scored['found'])} of {scored['count']:,}, {scored['time'][:10]}"
            elsewhere = ", before it was taken in here" if scored.get("elsewhere") else ""
            st.badge(f"✓ Reproduced: {text}{elsewhere}", color="green")
        else:
            text = f"✗ Not reproduced: {scored['problem'] or percent(scored['found'])}"
            st.badge(plain(text), color="red")


def baseline_table(run: store.Run) -> None:
    """What simple methods reach on the same split, with the run among them."""
    name, metrics = run.info["dataset"], run.metrics
    known = baselines.read(name, run.info["dataset_sha256"])
    if known is None:
        st.caption("No baselines were computed for this data set:")
        st.code(f"python -m core baselines {name}", language=None)
        return
    names = ("name", "accuracy", "interval", "setting")
    rows = [tuple(row[name] for name in names) for row in known["rows"]]
    own = (run.title, metrics["test_accuracy"], metrics["test_accuracy_interval"], "this run")
    rows = sorted([*rows, own], key=lambda row: row[1])
    bar = st.column_config.ProgressColumn(format="%.2f %%", min_value=0, max_value=100)
    elements.table(
        ("Method", "Test accuracy", "95 % interval", "Setting"),
        [(name, 100 * share, interval(ends), setting) for name, share, ends, setting in rows],
        key="claim_baselines",
        column_config={"Test accuracy": bar},
        alt="Test accuracy of simple methods and of this run",
    )


def suspect_labels(run: store.Run) -> None:
    """Test images on which most runs agree against the label."""
    from ui import gallery

    known = loaders.readable(store.on_same_test(run))
    if len(known) < 2:
        st.caption("This takes at least two runs on the same test images.")
        return
    probs = [loaders.predictions(other)["probs"] for other in known]
    found = label_issues.suspect_labels(loaders.predictions(run)["labels"], probs)
    count = len(found)
    st.caption(
        f"{count} test image{'' if count == 1 else 's'} on which most of the {len(known)} runs say "
        "the same other class, each at least 90 % sure. Hard images are among them; nothing is "
        "removed or changed by this. Open one to tag it."
    )
    if count:
        gallery.gallery(run, found.indices, key="suspects", columns=8)


def duplicate_note(run: store.Run) -> None:
    """How many test images stand in the training part as well."""
    name = run.info["dataset"]
    known = duplicates.read(name, run.info["dataset_sha256"])
    if known is None:
        st.caption("Duplicates were not looked for in this data set:")
        st.code(f"python -m core duplicates {name}", language=None)
        return
    st.markdown(provenance.duplicates_sentence(known))
    with st.expander("Which ones", icon=":material/content_copy:"):
        rows = []
        for pair in known["pairs"][:200]:
            label, train_label = (run.info["classes"][number] for number in pair["labels"])
            kind = "exact" if pair["exact"] else "near"
            rows.append((pair["test"], label, pair["train"], train_label, kind, pair["distance"]))
        elements.table(
            ("Test image", "Label", "Training image", "Its label", "Kind", "Distance"),
            rows,
            key="claim_duplicates",
            alt="Test images that stand in the training part too",
        )
