"""Start a training: reproduce an original with one click, or change what you like."""

import streamlit as st

from core.data.sources import DATASETS
from core.jobs import queue
from core.jobs.job import Job
from core.runs import limits
from core.training import recipes
from ui import frame, run_panel, training_form
from ui.text import plain, sentence
from ui.url import url_select

with frame.page("Train"):
    off = limits.training_off()
    st.title("Train a network")
    if off:
        st.warning(sentence(off), icon=":material/lock:")
    if limits.hosted():
        st.caption(f"A training here has at most {limits.max_epochs()} epochs.")
    every = 2.0 if queue.active_runs() else None
    st.fragment(frame.guard("Train")(run_panel.line), run_every=every)()

    st.subheader("Reproduce an original")
    with st.container(horizontal=True):
        for recipe in recipes.RECIPES.values():
            if recipe.house:
                continue
            with st.container(border=True, width=208, gap="small"):
                st.markdown(f"**{recipe.title}**")
                stated = f"Its author: {recipe.stated}" if recipe.stated else "No result stated"
                st.caption(f"{DATASETS[recipe.dataset].title}. {stated}")
                if st.button("Reproduce", key=f"reproduce_{recipe.name}", disabled=bool(off)):
                    training_form.submit([Job(recipe)])

    st.subheader("Or set it up yourself")
    template = training_form.template()
    left, right = st.columns([3, 2], gap="large")
    with left:
        if template:
            base, start, run = template
            st.caption(f"Starts from the settings of {plain(run.title)}.")
            st.page_link("pages/train.py", label="Start from a recipe", icon=":material/undo:")
        else:
            name = url_select(
                "Recipe",
                list(recipes.RECIPES),
                name="recipe",
                format_func=lambda name: f"{name}: {recipes.get(name).title}",
            )
            base = recipes.get(name)
            start = base.config
        jobs = training_form.form(base, start)
    with right:
        if jobs:
            changed = recipes.differences(start, jobs[0].config)
            if changed:
                words = [f"{key} {old} → {new}" for key, (old, new) in changed.items()]
                st.caption(f"Changed: {', '.join(words)}")
        if st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            key="train_start",
            disabled=bool(off) or not jobs,
        ):
            training_form.submit(jobs)
        if jobs:
            training_form.show_plan(jobs)
    run_panel.unfinished()
