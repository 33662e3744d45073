"""Parts of the page that asks whether a run's number is true."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.analysis import baselines, duplicates, facts, findings
from core.evaluation import curves, label_issues, uncertainty
from core.evaluation.uncertainty import between, percent
from core.figures import charts
from core.jobs import background_tasks
from core.runs import limits, provenance, reproduction, store
from ui import elements, evidence, loaders
from ui.text import plain
from ui.url import url_select, url_toggle

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def card(run: store.Run) -> None:
    """The number with its interval, its spread over seeds, and all that is needed to check it."""
    over_seeds = facts.seeds(run)
    for fact in (facts.accuracy(run), facts.other_images(run), over_seeds):
        st.markdown(plain(fact.sentence), help=fact.how or None)
    if over_seeds.concern and run.info.get("recipe"):
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
            provenance.table(run).items(),
            key="claim_facts",
            height="content",
            alt="Hashes, versions and settings of the run",
        )


def calibration(run: store.Run) -> None:
    """The reliability diagram, as it is or with the temperature of the validation split."""
    mended, found = findings.temperature(run), findings.calibrated(run)
    label = f"With temperature {mended.value or 1:.2f}"
    scaled = mended.value if mended.value and url_toggle(label, name="mended") else 1.0
    bins = findings.reliability(run, scaled)
    elements.chart(
        charts.reliability(bins, color=charts.run_color(run.id)),
        key="claim_reliability",
        alt=f"Reliability diagram; {found.sentence}",
    )
    st.markdown(plain(found.sentence), help=found.how)
    st.caption(
        "Below the dotted line it is too sure. The bars are 95 % intervals of all bins together. "
        + plain(mended.sentence),
        help=mended.how or None,
    )


def coverage(run: store.Run) -> None:
    """What answering only when sure would mean: chosen on validation, told of the test images."""
    stored = loaders.predictions(run)
    threshold = url_select(
        "Answer only when this sure",
        THRESHOLDS,
        name="when",
        default=0.99,
        widget="select_slider",
        format_func=lambda share: f"{100 * share:g} %",
    )
    held_out = len(stored.get("validation_labels", ()))
    right, odds = facts.answers(run, "validation_" if held_out else "")
    answered, good = uncertainty.selective(right, odds, threshold)
    here = (answered / len(right), good / answered if answered else np.nan)
    fact, curve = facts.coverage(run, threshold), uncertainty.coverage_curve(right, odds)
    figure = charts.coverage(*curve, here, color=charts.run_color(run.id))
    elements.chart(figure, key="claim_coverage", alt=fact.sentence)
    st.markdown(plain(fact.sentence))
    st.caption(
        f"The curve is of the {held_out:,} validation images: choose on it, and the test images "
        "judge the choice."
        if held_out
        else "Nothing was held out, so the curve is of the test images: a threshold chosen on it "
        "looks better than it is."
    )
    if tied := uncertainty.ties(stored):
        st.caption(tied)


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
            text = scored["problem"] or percent(scored["found"])
            if changed := scored.get("changed_predictions"):
                text += f", {changed:,} of {scored['count']:,} predictions changed"
            st.badge(plain(f"✗ Not reproduced: {text}"), color="red")


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
        [(name, 100 * share, between(ends), setting) for name, share, ends, setting in rows],
        key="claim_baselines",
        column_config={"Test accuracy": bar},
        alt="Test accuracy of simple methods and of this run",
    )
    against = findings.of_baselines(run)[-1]
    st.markdown(plain(against.sentence), help=against.how or None)


def suspect_labels(run: store.Run) -> None:
    """Test images whose label the vote of all runs contradicts."""
    from ui import gallery

    known = loaders.readable(store.on_same_test(run))
    recipes = [curves.seed_key(other.info) for other in known]
    probs = [loaders.predictions(other)["probs"] for other in known]
    mean, votes = label_issues.vote_of_recipes(recipes, probs), len(set(recipes))
    found, wrong = label_issues.suspect_labels(loaders.predictions(run)["labels"], mean)
    st.caption(
        f"Test images that the mean of {votes} recipe{'' if votes == 1 else 's'} takes for another "
        "class, the least likely label first; the seeds of a recipe share its vote. "
        f"{label_issues.TRIAL} Hard images are among them; nothing is changed. Open one to tag it."
    )
    about = "Northcutt et al. 2021, arXiv:1911.00068: as likely as images of another class are"
    text = f"Only the {wrong.sum():,} of confident learning"
    if wrong.any() and url_toggle(text, name="confident", help=about):
        found = found[wrong]
    if len(found):
        gallery.gallery(run, found, key="suspects", columns=8)


def duplicate_note(run: store.Run) -> None:
    """How many test images stand in the training part as well."""
    st.markdown(plain(facts.repeated(run).sentence))
    known = duplicates.read(run.info["dataset"], run.info["dataset_sha256"])
    if known is None:
        return
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
