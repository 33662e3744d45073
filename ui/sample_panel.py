"""One test image: what the run says of it, said of it at every epoch, and what others say."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.evaluation import learning_dynamics
from core.figures import charts, thumbnails
from core.runs import limits, store, tags
from ui import evidence, frame, loaders
from ui.text import plain


def panel(run: store.Run, index: int) -> None:
    """Everything about test image `index` of the run's test set."""
    stored, classes = loaders.predictions(run), run.info["classes"]
    label, probs = int(stored["labels"][index]), stored["probs"][index].astype(np.float32)
    predicted = int(probs.argmax())
    right = predicted == label
    sign = "✓" if right else "✗"
    verdict = (
        f"{classes[predicted]}, correct"
        if right
        else f"{classes[label]}, read as {classes[predicted]}"
    )
    st.title(plain(f"{sign} Test image {index}: {verdict}"))
    _step_buttons(run, index, len(stored["labels"]))
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
        st.plotly_chart(
            charts.probabilities(probs, classes),
            key="sample_probs",
            config={"displayModeBar": False},
            alt=f"Probabilities; {classes[predicted]} {100 * float(probs[predicted]):.1f} %",
        )
        _others(run, index)
    beside, before = st.columns([1, 1], gap="large")
    with beside:
        evidence.nearest_of_test(run, index)
        if images is not None:
            evidence.looked_at(run, images[index], predicted, key="sample")
    with before:
        history(run, index, label)


def _step_buttons(run: store.Run, index: int, count: int) -> None:
    def go(to: int | None) -> None:
        if to is None:
            st.query_params.pop("image", None)
        else:
            st.query_params["image"] = str(to)

    with st.container(horizontal=True):
        for text, icon, to, off in (
            ("Back to the grid", ":material/grid_view:", None, False),
            ("Previous", ":material/chevron_left:", index - 1, index == 0),
            ("Next", ":material/chevron_right:", index + 1, index == count - 1),
        ):
            key = f"sample_{text.split()[0].lower()}"
            st.button(text, icon=icon, key=key, on_click=go, args=(to,), disabled=off)


def history(run: store.Run, index: int, label: int) -> None:
    """The image's prediction at every epoch."""
    stored = loaders.predictions(run)
    if "epoch_classes" not in stored or not len(stored["epoch_classes"]):
        return
    predicted = stored["epoch_classes"][:, index].astype(int)
    sure = stored["epoch_confidences"][:, index] / 255
    right = predicted == label
    flips = int(learning_dynamics.times_forgotten(right[:, None])[0])
    words = (
        "Right from the first epoch to the last"
        if right.all()
        else (
            "Never right"
            if not right.any()
            else f"Forgotten {flips} time{'' if flips == 1 else 's'}"
        )
    )
    st.subheader("At every epoch")
    st.plotly_chart(
        charts.strip(predicted, sure, label, run.info["classes"], run.metrics["kept_epoch"]),
        key="sample_history",
        config={"displayModeBar": False},
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
    digest, known = run.info["test_sha256"], _tags(run)
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
            tags.write(digest, index, st.session_state[key] or "")
        except (ValueError, OSError) as error:
            st.session_state[problem] = str(error)
            st.session_state[key] = current or None

    options = list(dict.fromkeys([*tags.SUGGESTED, *([current] if current else [])]))
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
    digest, labels = run.info["test_sha256"], loaders.predictions(run)["labels"]
    if count := len(_tags(run) or ()):
        st.download_button(
            f"Tags as CSV ({count})",
            tags.table(digest, labels, run.info["classes"]),
            f"{run.info['dataset']}-tags.csv",
            "text/csv",
            icon=":material/download:",
            key="samples_tags",
            on_click="ignore",
        )
