"""Two runs on the same test images: is one better, and on which images?"""

import streamlit as st

import ui
import ui_compare
import ui_gallery
from core import compare, runs

with ui.page("Compare") as beside_menu:
    run = ui.choose_run(beside_menu)
    others = [other for other in runs.on_same_test(run) if other.id != run.id]
    if not others:
        st.title("Nothing to compare with yet")
        st.info(
            f"No other run was scored on the test images of {ui.plain(run.info['dataset'])}. "
            f"Train one: `python -m core train {run.info['recipe']} --seed 1`",
            icon=":material/lightbulb:",
        )
        st.stop()
    titles = ui.labels([run, *others])
    other = runs.load(
        ui.url_select(
            "With run",
            [candidate.id for candidate in others],
            name="b",
            default=others[0].id,
            format_func=titles.get,
            width=460,
        )
    )
    labels = ui.predictions(run)["labels"]
    both = [ui.predictions(each)["probs"] for each in (run, other)]
    found = compare.compare(labels, *both)
    names = ui_compare.names(run, other)
    verdict, _, why = found.sentence(*names).partition(": ")
    st.title(ui.plain(verdict))
    st.markdown(ui.plain(why[:1].upper() + why[1:]))
    ui_compare.numbers(found, names, labels, both)

    quadrant = ui.url_select(
        "Images",
        compare.QUADRANTS,
        name="quadrant",
        default="Only A right",
        widget="segmented_control",
        format_func=lambda name: f"{ui_compare.named(name, names)} ({len(found.members[name]):,})",
    )
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.subheader("Images")
        shown, shown_name = (other, names[1]) if quadrant == "Only A right" else (run, names[0])
        st.caption(f"The frames show what {ui.plain(shown_name)} makes of them.")
        ui_gallery.gallery(shown, found.members[quadrant], key="compare", columns=5)
    with right:
        st.subheader("Where their matrices differ")
        ui_compare.matrix_difference(run, other, names)
    ui_compare.settings(run, other, names)
    ui_compare.curves([run, other], names)
    ui_compare.vote(run, others, titles)
