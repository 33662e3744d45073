"""Is it true? What stands behind a run's number, and how far its confidence can be trusted."""

import streamlit as st

from core.evaluation.uncertainty import percent
from ui import claim_panels, frame

with frame.page("Is it true?") as beside_menu:
    run = frame.choose_run(beside_menu)
    st.title(f"{percent(run.metrics['test_accuracy'])}, give or take: what stands behind it")
    claim_panels.card(run)
    st.subheader("What simple methods reach")
    claim_panels.baseline_table(run)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Does it know how sure to be?")
        claim_panels.calibration(run)
    with right:
        st.subheader("When may it answer alone?")
        claim_panels.coverage(run)
    st.subheader("Labels that the runs doubt")
    claim_panels.suspect_labels(run)
    st.subheader("Test images that stand in the training part")
    claim_panels.duplicate_note(run)
