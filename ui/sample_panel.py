"""One test image: what the run says of it, said of it at every epoch, and what others say."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.evaluation import learning_dynamics
from core.figures import charts, thumbnails
from core.runs import limits, store, tags
from ui import elements, evidence, frame, loaders
from ui.text import plain
from ui.url import put, url_steps


def panel(run: store.Run, index: int) -> None:
    """Everything about test image `index` of the run's test set."""
    stored, classes = loaders.predictions(run), run.info["classes"]
    label, probs = int(stored["labels"][index]), stored["probs"][index].astype(np.float32)
    predicted = int(probs.argmax())
    right, name = predicted == label, classes[predicted]
    verdict = f"{name}, correct" if right else f"{classes[label]}, read as {name}"
    st.title(plain(f"{'✓' if right else '✗'} Test image {index}: {verdict}"))
    with st.container(horizontal=True):
        icon = ":material/grid_view:"
        args = ("image", None)
        st.button("Back to the grid", icon=icon, key="sample_back", on_click=put, args=args)
        url_steps("image", range(len(stored["labels"])), index, key="sample")
    picture, bars = st.columns([1, 2], gap="large")
    with picture:
        images = loaders.test_images(run)
        if images is not None:
            st.image(
                thumbnails.tile(images[index], right=right, size=224),
                width=240,
                alt=f"Test image {index}, {classes[label]}",
            )
        _tag(run, index)
    with bars:
        elements.chart(
            charts.probabilities(probs, classes),
            key="sample_probs",
            alt=f"Probabilities; {name} {100 * float(probs[predicted]):.1f} %",
        )
        _others(run, index)
    beside, before = st.columns([1, 1], gap="large")
    with beside:
        evidence.nearest_of_test(run, index)
        if images is not None:
            evidence.looked_at(run, images[index], predicted, key="sample")
    with before:
        history(run, index, label)


def history(run: store.Run, index: int, label: int) -> None:
    """The image's prediction at every epoch."""
    stored = loaders.predictions(run)
    if "epoch_classes" not in stored or not len(stored["epoch_classes"]):
        return
    predicted = stored["epoch_classes"][:, index].astype(int)
    sure = stored["epoch_confidences"][:, index] / 255
    right = predicted == label
    flips = int(learning_dynamics.times_forgotten(right[:, None])[0])
    words = f"Forgotten {flips} time{'' if flips == 1 else 's'}"
    if right.all():
        words = "Right from the first epoch to the last"
    elif not right.any():
        words = "Never right"
    st.subheader("At every epoch")
    elements.chart(
        charts.strip(predicted, sure, label, run.info["classes"], run.metrics["kept_epoch"]),
        key="sample_history",
        alt=f"Prediction at each of {len(predicted)} epochs. {words}.",
    )
    st.caption(f"{words}. The dotted line is the epoch that was kept.")


def _others(run: store.Run, index: int) -> None:
    """Whether other runs on the same test set get it right."""
    rows = loaders.readable([other for other in store.on_same_test(run) if other.id != run.id])
    if not rows:
        st.caption("No other run was scored on these test images.")
        return
    names, answers, good = frame.labels(rows), [], 0
    for other in rows:
        stored = loaders.predictions(other)
        probs = stored["probs"][index]
        predicted = int(probs.argmax())
        right = predicted == int(stored["labels"][index])
        good += right
        sign = ":green[✓" if right else ":red[✗"
        name, answer = plain(names[other.id]), plain(other.info["classes"][predicted])
        answers.append(f"- {sign} {answer}] {100 * float(probs[predicted]):.0f} % · {name}")
    st.markdown(f"**{good} of {len(rows)} other runs read it right**\n" + "\n".join(answers[:12]))


def _tag(run: store.Run, index: int) -> None:
    """What people noted on the image, for all runs on this test set."""
    known = _tags(run)
    if known is None:
        return
    current = known.get(index, {}).get("tag", "")
    if limits.changes_off():
        if current:
            st.caption(f"Tagged: {plain(current)}")
        return
    key, problem = f"sample_tag_{index}", "sample_tag_problem"

    def save() -> None:
        try:
            tags.write(run.info["test_sha256"], index, st.session_state[key] or "")
        except (ValueError, OSError) as error:
            st.session_state[problem] = str(error)
            st.session_state[key] = current or None

    options = list(dict.fromkeys([*tags.SUGGESTED, *filter(None, [current])]))
    st.selectbox(
        "Tag",
        options,
        index=options.index(current) if current else None,
        key=key,
        accept_new_options=True,
        placeholder="bad label, ambiguous, or your own",
        on_change=save,
        help="Kept for all runs on these test images, and part of the CSV",
    )
    if problem in st.session_state:
        st.warning(plain(st.session_state.pop(problem)), icon=":material/warning:")


def _tags(run: store.Run) -> dict[int, dict[str, str]] | None:
    """The tags of a run's test set, or None after saying that they cannot be read."""
    try:
        return tags.read(run.info["test_sha256"])
    except store.BrokenRun as error:
        st.warning(f"No tags: {plain(str(error))}", icon=":material/warning:")
        return None


def tags_download(run: store.Run) -> None:
    """All tags of this test set as CSV, when there are any."""
    if count := len(_tags(run) or ()):
        labels = loaders.predictions(run)["labels"]
        rows = tags.table(run.info["test_sha256"], labels, run.info["classes"])
        name = f"{run.info['dataset']}-tags.csv"
        elements.download(f"Tags as CSV ({count})", rows, name, "text/csv", key="samples_tags")
