"""Two runs on the same test images: is one better, and on which images?"""

import streamlit as st

from core.evaluation import paired_tests
from core.runs import store
from ui import comparison, frame, gallery, loaders
from ui.text import plain
from ui.url import url_segments, url_select

with frame.page("Compare") as beside_menu:
    run = frame.choose_run(beside_menu)
    others = [other for other in store.on_same_test(run) if other.id != run.id]
    if not others:
        st.title("Nothing to compare with yet")
        st.info(
            f"No other run was scored on the test images of {plain(run.info['dataset'])}. "
            f"Train one: `python -m core train {run.info['recipe']} --seed 1`",
            icon=":material/lightbulb:",
        )
        st.stop()
    titles = frame.labels([run, *others])
    ids = [candidate.id for candidate in others]
    other = store.load(url_select("With run", ids, name="b", format_func=titles.get, width=460))
    labels = loaders.predictions(run)["labels"]
    both = [loaders.predictions(each)["probs"] for each in (run, other)]
    found = paired_tests.compare(labels, *(probs.argmax(1) for probs in both))
    names = tuple(frame.titles([run, other]).values())
    st.title(plain(found.verdict(*names)))
    st.markdown(plain(found.reason(*names)))
    comparison.numbers(found, names, labels, both)

    quadrant = url_segments(
        "Images",
        paired_tests.QUADRANTS,
        name="quadrant",
        default="Only A right",
        format_func=lambda name: f"{comparison.named(name, names)} ({len(found.members[name]):,})",
    )
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.subheader("Images")
        shown, shown_name = (other, names[1]) if quadrant == "Only A right" else (run, names[0])
        st.caption(f"The frames show what {plain(shown_name)} makes of them.")
        gallery.gallery(shown, found.members[quadrant], key="compare", columns=5)
    with right:
        st.subheader("Where their matrices differ")
        comparison.matrix_difference(run, other, names)
    comparison.settings(run, other, names)
    comparison.curve_panel([run, other], names)
    comparison.vote(run, others, titles)
