"""A person's own drawings on the Draw page: correct an answer, look through what is kept, score
runs on it and train one further with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.jobs import fine_tuning, queue
from core.reading import personal, personal_scores
from core.reading.personal import Entry, Kind
from core.reports import personal_zip
from core.runs import files, limits, store
from core.runs.safe_zip import BadArchive
from ui import access, elements, frame
from ui.text import plain, sentence

PER_PAGE = 30
SIDE, COLUMNS, PHONE_COLUMNS = 78, 10, 4


def panel(run: store.Run, answer: Any, picture: Any) -> None:
    """`answer` is what the run made of `picture` (PIL), both None before anything is drawn."""
    kind = personal.kind_of(run)
    off = limits.personal_off()
    if answer is not None and not off:
        _correct(run, kind, answer, picture)
    kept = personal.entries(kind)
    if off and not kept:
        return
    if message := st.session_state.pop("personal_said", None):
        st.toast(message, icon=":material/check:")
    with st.expander(f"My drawings ({len(kept):,})", key="personal_open"):
        if off:
            st.caption(sentence(off))
        if kept:
            _grid(kind, kept, removable=not (off or limits.changes_off()))
            _scores(run, kind, kept, can_keep=not off)
            _further(run)
        else:
            st.caption("None are kept yet. Say above what a drawing really is, or take in a zip.")
        _exchange(kind, kept, takes=not off)


def _correct(run: store.Run, kind: Kind, answer: Any, picture: Any) -> None:
    frame = answer.prepared.image
    drawing = personal.identify(frame)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox(
            "Wrong? It is a ...",
            kind.classes,
            index=None,
            placeholder="Choose",
            key=f"personal_label_{drawing}",  # another drawing: nothing chosen yet
            width=180,
            help="Keeps the drawing with its label on this installation, in artifacts/personal. "
            "A right answer can be kept too.",
        )
        asked = st.button("Keep", icon=":material/bookmark_add:", key="personal_keep")
    if not asked:
        return
    if label is None:
        st.warning("Choose what it is first.", icon=":material/arrow_upward:")
        return
    answered = {"answered": answer.label, "confidence": answer.confidence, "run": run.id}
    with elements.told(personal.NotKept, files.BrokenRun):
        personal.add(kind, picture, frame, label, **answered)
        text = f"Kept as {plain(label)}: {personal.count(kind):,} drawings now."
        st.success(text, icon=":material/check:")


def _grid(kind: Kind, kept: Sequence[Entry], *, removable: bool) -> None:
    """A page of drawings, newest first, each with its label and what was read."""
    from core.figures import image_grid

    pages = -(-len(kept) // PER_PAGE)
    number = st.number_input("Page", 1, pages, key="personal_page", width=140) if pages > 1 else 1
    shown = kept[(number - 1) * PER_PAGE : number * PER_PAGE]
    words = {entry.id: _words(kind, entry) for entry in shown}
    columns = min(len(shown), PHONE_COLUMNS if frame.on_phone() else COLUMNS)
    figure = image_grid.figure(
        personal.frames(kind, shown),
        [_short(kind, entry) for entry in shown],
        [_read_right(kind, entry) for entry in shown],
        columns=columns,
        side=SIDE,
        hover=list(words.values()),
    )
    with st.container(width=columns * SIDE):
        elements.chart(
            figure,
            key=f"personal_grid_{personal.digest(shown)[:12]}",
            alt="Own drawings; " + "; ".join(list(words.values())[:5]),
        )
    if not removable:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "A drawing",
            list(words),
            index=None,
            format_func=words.get,
            key="personal_chosen",
            placeholder="Choose a drawing to remove",
            label_visibility="collapsed",
            width=320,
        )
        if st.button("Remove", icon=":material/delete:", key="personal_remove") and chosen:
            _change(lambda: personal.remove(kind, chosen), "Removed")


def _read_right(kind: Kind, entry: Entry) -> bool | None:
    return entry.answered == kind.classes[entry.label] if entry.answered else None


def _short(kind: Kind, entry: Entry) -> str:
    label, right = kind.classes[entry.label][:9], _read_right(kind, entry)
    if right is None:
        return f"{label}, unread" if len(label) < 4 else f"– {label}"
    wrong = f"✗ {entry.answered[:9]}, is {label}" if len(label) < 4 else f"✗ is {label}"
    return f"✓ {label}" if right else wrong


def _words(kind: Kind, entry: Entry) -> str:
    message = f", said {entry.answered[:20]}" if entry.answered else ", nothing was answered"
    sure = f" ({100 * entry.confidence:.0f} %)" if entry.confidence is not None else ""
    where = ", held out" if entry.held_out else ""
    return f"{entry.time[:19].replace('T', ' ')}: {kind.classes[entry.label]}{message}{sure}{where}"


def _exchange(kind: Kind, kept: Sequence[Entry], *, takes: bool) -> None:
    """Out as a zip, and in from one."""
    if kept:
        elements.download(
            "Export as a zip",
            lambda: personal_zip.export(kind),
            f"drawings-{kind.key}.zip",
            "application/zip",
            key="personal_export",
        )
    if not takes:
        return
    file = st.file_uploader(
        f"Take in a zip (at most {limits.max_import_bytes() / 1e6:.0f} MB)",
        type=["zip"],
        key="personal_zip",
    )
    if file and st.button("Take in", icon=":material/upload:", key="personal_take_in"):
        _change(lambda: personal_zip.take_in(kind, file.getvalue()), "Taken in")


def _change(act: Callable[[], Any], message: str) -> None:
    """Change the set and show it as it is now; a refusal is told and the page stays."""
    with elements.told(personal.NotKept, BadArchive, files.BrokenRun):
        done = act()
        if isinstance(done, tuple):
            message += f": {done[0]} new drawings, {done[1]} were here already"
        st.session_state["personal_said"] = message
        st.rerun()


def _scores(run: store.Run, kind: Kind, kept: Sequence[Entry], *, can_keep: bool) -> None:
    """Every run of these classes on the drawings, and a way to score those that are not."""
    known = personal.readers(kind)
    found = personal_scores.read(kind, known)
    missing = [other for other in known if other.id not in found]
    if found:
        titles = frame.labels([other for other in known if other.id in found])
        rows = [(title, *_both_scores(found[run_id])) for run_id, title in titles.items()]
        elements.table(("Run", "All drawings", "Held out"), rows, key="personal_table")
        held = sum(entry.held_out for entry in kept)
        st.caption(
            f"{held:,} of {len(kept):,} drawings are held out: no run is ever trained on them, so "
            "only they compare all runs. A run that was trained further is scored on these alone. "
            "The test set's accuracy is another thing: it is of other people's writing."
        )
        if run.id in found:
            _wrong(found[run.id])
    if not missing or not can_keep:
        return
    if len(kept) > personal_scores.AT_ONCE:
        st.caption(
            f"{len(kept):,} drawings are more than a page scores; on the command line: "
            f"`python -m core personal {run.id}`"
        )
        return
    text = f"Score {len(missing):,} {'run' if len(missing) == 1 else 'runs'} on my drawings"
    if st.button(text, icon=":material/fact_check:", key="personal_score"):
        with st.spinner("Scoring"):
            for other in missing:
                _score(other)
        st.rerun()


def _score(run: store.Run) -> None:
    import torch

    torch.set_num_threads(1)  # the web process stays at one
    try:
        personal_scores.score(run)
    except (files.BrokenRun, ValueError) as error:
        st.warning(f"{plain(run.title)}: {plain(str(error))}", icon=":material/warning:")


def _both_scores(score: personal_scores.PersonalScore) -> tuple[str, str]:
    """The score on all drawings and on those held out, in words."""
    whole = personal_scores.sentence(score.unseen)
    held_out = personal_scores.sentence(score.held_out)
    return "trained on them" if score.trained_on_drawings else whole, held_out


def _wrong(verdict: personal_scores.PersonalScore) -> None:
    """What this run takes for what, most frequent first."""
    if not verdict.wrong:
        return
    most = Counter((row["label"], row["said"]) for row in verdict.wrong).most_common(8)
    answered = "; ".join(f"{label} as {message} ({count})" for (label, message), count in most)
    st.caption(f"✗ This run reads {plain(answered)}.")


def _further(run: store.Run) -> None:
    """A way to train the run further: puts the training in line and shows it."""
    off = limits.training_off()
    if not st.button(
        "Train further with my drawings",
        icon=":material/model_training:",
        key="personal_further",
        disabled=bool(off),
        help=off
        or "A new run that starts from this one's weights; two thirds of the drawings are added "
        "to its training images, a third stays a test.",
    ):
        return
    with elements.told(ValueError, LookupError, OSError):
        done = queue.submit(fine_tuning.request(run.id), visitor=access.visitor())
        access.own(done)
        st.switch_page("pages/run.py", query_params={"run": done.run_id})
