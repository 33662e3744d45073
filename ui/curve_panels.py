"""The chart of the Curves page: runs over one another, seeds of one recipe folded into a band."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.evaluation import curves
from core.figures import charts
from core.runs import store
from ui import frame

PARTS = ("train", "validation", "test")


def chart(
    chosen: Sequence[store.Run],
    quantity: str,
    *,
    axis: str,
    smoothing: float,
    log: bool,
    test: bool,
    fold: bool,
) -> None:
    """Curves of `quantity` (loss, accuracy, or one of curves.OF_TRAINING) of the chosen runs."""
    parts = PARTS if test and quantity == "accuracy" else PARTS[:2]
    if quantity in curves.OF_TRAINING:
        parts = PARTS[:1]
    drawn = lines(chosen, quantity, parts, axis, smoothing, fold=fold)
    figure = charts.curves(drawn, quantity, axis=axis.lower(), log=log, gap=len(drawn) == 1)
    if quantity in curves.OF_TRAINING:
        figure.update_layout(height=240, yaxis_rangemode="tozero")
    last = drawn[0].columns["train"][-1]
    st.plotly_chart(
        figure,
        key=f"curves_{quantity.replace(' ', '_')}",
        config={
            "displaylogo": False,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
            "toImageButtonOptions": {"filename": f"{chosen[0].id}-{quantity}", "scale": 2},
        },
        alt=f"{quantity} by {axis.lower()} for {len(chosen)} runs; "
        f"{drawn[0].title} ends at {last:.4f} on training",
    )


def lines(
    chosen: Sequence[store.Run],
    quantity: str,
    parts: Sequence[str],
    axis: str,
    smoothing: float,
    *,
    fold: bool,
) -> list[charts.Line]:
    """One line a run; with `fold` one a recipe, the mean of its seeds and their range."""
    titles = frame.titles(chosen)
    groups: dict[str, list[store.Run]] = {}
    for run in chosen:
        groups.setdefault(curves.seed_key(run.info) if fold else run.id, []).append(run)
    found = []
    for group in groups.values():
        group = [run for run in group if run.history()[0]]
        if not group:
            continue
        first = group[0]
        members = [_columns(run, quantity, parts, axis, smoothing) for run in group]
        place = curves.fold([place for place, _ in members])[0]
        bands = {part: curves.fold([columns[part] for _, columns in members]) for part in parts}
        title = titles[first.id]
        if len(group) > 1:
            kind = "seeds" if len({run.info["seed"] for run in group}) == len(group) else "runs"
            title = f"{first.info['recipe']}, mean of {len(group)} {kind}"
        found.append(
            charts.Line(
                title,
                charts.run_color(first.id),
                place,
                {part: mean for part, (mean, _, _) in bands.items()},
                {part: band[1:] for part, band in bands.items()} if len(group) > 1 else {},
            )
        )
    return found


def _columns(run: store.Run, quantity: str, parts: Sequence[str], axis: str, smoothing: float):
    history, _ = run.history()
    place = curves.axis(history, axis, run.info["images"]["fit"])
    names = {part: curves.OF_TRAINING.get(quantity, f"{part}_{quantity}") for part in parts}
    columns = {part: curves.values(history, name) for part, name in names.items()}
    return place, {part: curves.smooth(found, smoothing) for part, found in columns.items()}
