"""The run at every epoch: its matrix, and what was learned, forgotten and never learned."""

import streamlit as st

from core.evaluation import learning_dynamics as dynamics
from core.evaluation.classification import confusion
from core.evaluation.uncertainty import percent
from ui import elements, frame, gallery, loaders
from ui.url import url_segments, url_slider

MEANING = {
    "Learned": "right at this epoch, wrong at the one before",
    "Forgotten": "wrong at this epoch, right at the one before",
    "Wrong now": "wrong at this epoch",
    "Never learned": "wrong at every epoch",
    "Forgotten more than once": "right and then wrong again several times, the most often first",
}

with frame.page("Time machine") as beside_menu:
    run = frame.choose_run(beside_menu)
    from core.figures import confusion_matrix

    stored, classes = loaders.predictions(run), run.info["classes"]
    history = stored.get("epoch_classes")
    if history is None or not len(history):
        st.info("This run kept no predictions of its epochs.", icon=":material/history_toggle_off:")
        st.stop()
    labels, epochs = stored["labels"], len(history)
    right = history == labels
    kept = run.metrics["kept_epoch"]
    epoch = url_slider("Epoch", epochs, name="epoch", default=min(kept, epochs))
    place = " (kept)" if epoch == kept else ""
    st.title(f"After epoch {epoch}{place}: {percent(right[epoch - 1].mean())} right")
    if st.query_params.get("event") == "Flip-flopping":  # what older links call it
        st.query_params["event"] = "Forgotten more than once"
    found = dynamics.events(right, epoch)
    event = url_segments(
        "Images",
        tuple(found),
        name="event",
        format_func=lambda name: f"{name} ({len(found[name]):,})",
    )
    left, beside = st.columns([1, 1], gap="large")
    with left:
        counts = confusion(labels, history[epoch - 1], len(classes))
        elements.chart(
            confusion_matrix.confusion(counts, classes),
            key="time_matrix",
            alt=f"Confusion matrix after epoch {epoch} of {epochs}",
        )
    with beside:
        st.caption(f"{event}: {MEANING[event]}. The frames show what the kept epoch makes of them.")
        gallery.gallery(run, found[event], key="time", columns=5)
