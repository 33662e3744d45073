"""Parts of the Compare page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.evaluation import curves, label_issues, paired_tests
from core.evaluation.uncertainty import between, percent, wilson_interval
from core.figures import charts
from core.runs import store
from ui import elements, loaders
from ui.text import plain
from ui.url import url_many


def named(quadrant: str, names: tuple[str, str]) -> str:
    """A quadrant's name with the runs' own names in the place of A and B."""
    words = quadrant.split()
    return " ".join(dict(zip("AB", names, strict=True)).get(word, word) for word in words)


def numbers(
    found: paired_tests.Comparison,
    names: tuple[str, str],
    labels: np.ndarray,
    probs: Sequence[np.ndarray],
) -> None:
    """Both accuracies, their difference and the vote of the two, each with its interval; the paired
    table beside it.
    """
    rows = [
        (names[0], found.accuracy_a, found.interval_a),
        (names[1], found.accuracy_b, found.interval_b),
        ("Vote of the two", *_vote(labels, probs)),
    ]
    left, right = st.columns([3, 2], gap="large")
    with left:
        elements.table(
            ("Run", "Test accuracy", "95 % interval"),
            [(name, percent(share), between(ends)) for name, share, ends in rows],
            key="compare_numbers",
            alt="Test accuracy of both runs and of their vote",
        )
        low, high = (100 * end for end in found.difference_interval)
        st.caption(
            f"Difference {100 * found.difference:+.2f} points, 95 % interval {low:+.2f} to "
            f"{high:+.2f} (Tango), over the same {found.count:,} images. This compares two trained "
            "networks; whether one recipe is better than another takes several seeds of each."
        )
    with right:
        cells = [f"{len(found.members[name]):,}" for name in paired_tests.QUADRANTS]
        a, b = (plain(name) for name in names)
        st.markdown(
            f"| | {b} right | {b} wrong |\n|---|--:|--:|\n"
            f"| **{a} right** | {cells[0]} | {cells[1]} |\n"
            f"| **{a} wrong** | {cells[2]} | {cells[3]} |"
        )
        st.caption(f"McNemar's score test: p = {found.p_value:.2g}")


def _vote(labels: np.ndarray, probs: Sequence[np.ndarray]) -> tuple[float, tuple[float, float]]:
    """The accuracy of several readers' mean probabilities, and its interval."""
    right = label_issues.vote(probs).argmax(1) == labels
    return float(right.mean()), wilson_interval(int(right.sum()), len(labels))


def matrix_difference(a: store.Run, b: store.Run, names: tuple[str, str]) -> None:
    from core.figures import confusion_matrix

    change = paired_tests.confusion_difference(a.metrics["confusion"], b.metrics["confusion"])
    elements.chart(
        confusion_matrix.difference(change, a.info["classes"]),
        key="compare_matrix",
        alt=f"Confusion matrix of {names[1]} minus that of {names[0]}",
    )
    st.caption(
        plain(
            f"Counts of {names[1]} minus counts of {names[0]}: gold where the second has more, "
            "blue where it has fewer. Better is gold on the diagonal and blue beside it."
        )
    )


def settings(a: store.Run, b: store.Run, names: tuple[str, str]) -> None:
    """What was set differently."""
    st.subheader("Settings that differ")
    changed = paired_tests.settings_that_differ(a.info, b.info)
    if not changed:
        st.caption("None: the two runs were trained alike.")
        return
    elements.table(
        ("Setting", *names),
        [(name, *map(_shown, values)) for name, values in changed.items()],
        key="compare_settings",
        alt="Settings that differ between the two runs",
    )


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def curve_panel(both: Sequence[store.Run], names: tuple[str, str]) -> None:
    """Validation curves over one another; training where nothing was held out."""
    st.subheader("Curves over one another")
    for column, quantity in zip(st.columns(2, gap="medium"), ("loss", "accuracy"), strict=True):
        lines = []
        for run, name in zip(both, names, strict=True):
            history = run.history()[0]
            found = {p: curves.values(history, f"{p}_{quantity}") for p in ("validation", "train")}
            part = "validation" if np.isfinite(found["validation"]).any() else "train"
            place = curves.values(history, "epoch")
            lines.append(charts.Line(name, charts.run_color(run.id), place, {part: found[part]}))
        with column:
            elements.chart(
                charts.curves(lines, quantity),
                key=f"compare_{quantity}",
                alt=f"{quantity} by epoch of both runs",
            )


def vote(run: store.Run, others: Sequence[store.Run], titles: dict[str, str]) -> None:
    """The mean of any runs' probabilities as one more reader."""
    st.subheader("A vote of several")
    with_run = [run, *others]
    wanted = url_many("Voters", [r.id for r in with_run], name="voters", format_func=titles.get)
    if len(wanted) < 2:
        st.caption("Choose two or more: their probabilities are averaged.")
        return
    chosen = [each for each in with_run if each.id in wanted]
    labels = loaders.predictions(run)["labels"]
    share, ends = _vote(labels, [loaders.predictions(each)["probs"] for each in chosen])
    best = max(each.metrics["test_accuracy"] for each in chosen)
    st.markdown(
        f"**{percent(share)}** of {len(labels):,} right (95 % interval {between(ends)}); "
        f"the best of them alone {percent(best)}."
    )
