"""Is it true? What stands behind a run's number, and how far its confidence can be trusted."""

import streamlit as st

import ui
import ui_claim

with ui.page("Is it true?") as beside_menu:
    run = ui.choose_run(beside_menu)
    low, high = run.metrics["test_accuracy_interval"]
    st.title(f"{ui.percent(run.metrics['test_accuracy'])}, give or take: what stands behind it")
    ui_claim.card(run)
    st.subheader("What simple methods reach")
    ui_claim.baseline_table(run)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Does it know how sure to be?")
        ui_claim.calibration(run)
    with right:
        st.subheader("When may it answer alone?")
        ui_claim.coverage(run)
    st.subheader("Labels that most runs doubt")
    ui_claim.suspect_labels(run)
    st.subheader("Test images that stand in the training part")
    ui_claim.duplicate_note(run)
