"""What a run reads on a picture, and how it came to that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageOps

from core.analysis import neighbours
from core.figures import charts, thumbnails
from core.reading import personal
from core.reading.picture import EmptyDrawing, open_image
from core.runs import store
from ui import elements, evidence, frame, loaders
from ui.text import plain, sentence
from ui.url import url_many

UNSURE = 0.6  # below this share the two likeliest answers are given, and neither as the answer
UNLIKE = "Perhaps nothing it learned to read"


def answer(run: store.Run, image: Image.Image):
    """The answer large, its probabilities, and the way from the picture to it; returns the reader's
    answer. Raises EmptyDrawing.
    """
    reader = loaders.reader(run)
    given = reader.read(image)
    with st.container(horizontal=True, gap="large", vertical_alignment="center"):
        with st.container(width=200, gap="small"):
            unsure = given.unlike or given.confidence < UNSURE
            st.metric("It reads", "Not sure" if unsure else given.label)
            st.caption(_doubt(given))
        st.image(
            thumbnails.tile(given.prepared.image, size=84),
            caption="What it sees",
            width=84,
            alt="The image as the network sees it",
        )
    elements.chart(
        charts.probabilities(given.probs, given.classes),
        key="draw_probs",
        alt=f"Probabilities: {given.label} {100 * given.confidence:.1f} %",
    )
    stages(reader, given)
    return given


def _doubt(given) -> str:
    sure = f"{100 * given.confidence:.1f} % sure"
    if given.unlike:
        guess = plain(given.label)
        return f"{UNLIKE}: {given.unlike}. If it must be one: {guess}, {sure}."
    if given.confidence < UNSURE:
        two = [(plain(given.classes[i]), given.probs[i]) for i in np.argsort(-given.probs)[:2]]
        return " or ".join(f"{label} ({100 * share:.0f} %)" for label, share in two) + "."
    return sure


def nearest(run: store.Run, frame: np.ndarray):
    """The nearest training images of a prepared image uint8 (C, H, W), or None without an index."""
    path = run.folder / neighbours.CACHE / neighbours.FEATURES
    if not path.exists():
        return None
    known = _index(run.id, path.stat().st_mtime_ns, run)
    model = loaders.reader(run).model
    return known and known.nearest(neighbours.features(run, model, frame[None]))


@st.cache_resource(max_entries=2, ttl=600, show_spinner=False)
def _index(run_id: str, stamp: int, _run: store.Run):
    return neighbours.read_index(_run)


def stages(reader, given) -> None:
    """The way from the picture to the network's image, with what the network says at each step."""
    pictures = given.prepared.stages
    squashed = reader.plainly([picture for _, picture in pictures])
    answers = [given.classes[int(row.argmax())] for row in squashed]
    answers[-1] = given.label
    st.image(
        [_thumb(picture) for _, picture in pictures],
        caption=[f"{name}: **{plain(a)}**" for (name, _), a in zip(pictures, answers, strict=True)],
        width=96,
        output_format="PNG",
        alt=[f"Stage {name}" for name, _ in pictures],
    )
    st.caption(plain(what_was_done(given, answers[0])))


def what_was_done(given, plainly: str) -> str:
    """One sentence on the way from the picture to the answer, and what to change."""
    moved = any(name == "cropped" for name, _ in given.prepared.stages)
    as_it_is = "It was only cropped and centred." if moved else "It was taken as it is."
    words = given.prepared.sentence or as_it_is
    if plainly != given.label:
        words += f" Without that the model says {plainly}."
    return words


def _thumb(picture: np.ndarray) -> np.ndarray:
    """A stage uint8 (H, W) or (H, W, 3) in a square of 192 pixels, small ones enlarged sharply."""
    image = Image.fromarray(picture).convert("RGB")
    sharp = Image.Resampling.NEAREST if max(image.size) <= 48 else Image.Resampling.BILINEAR
    ground = image.getpixel((0, 0))
    return np.asarray(ImageOps.pad(image, (192, 192), method=sharp, color=ground))


def explanation(run: store.Run, given) -> None:
    """What speaks for an answer, and the training images nearest to it."""
    left, right = st.columns(2, gap="large")
    with left:
        evidence.looked_at(run, given.prepared.image, int(given.probs.argmax()), key="draw")
    with right:
        st.subheader("Nearest training images")
        found, stored = nearest(run, given.prepared.image), evidence.stored(run)
        if found is None or stored is None:
            evidence.offer(run)
        else:
            evidence.show_nearest(run, found, stored.limit)


def others(run: store.Run, image: Image.Image, number: bool) -> None:
    """What other runs of the same classes make of the picture."""
    known = [
        other
        for other in store.list_runs()
        if other.metrics and other.id != run.id and other.info["classes"] == run.info["classes"]
    ]
    if not known:
        return
    wanted = url_many(
        "Ask other models too",
        [other.id for other in known],
        name="ask",
        format_func=frame.labels(known).get,
        placeholder="Other runs",
    )
    for other in [other for other in known if other.id in wanted]:
        try:
            reader = loaders.reader(other)
            given = reader.read_number(image) if number else reader.read(image)
        except (EmptyDrawing, ValueError) as error:
            st.caption(f"{plain(other.title)}: {plain(str(error))}")
            continue
        text = given.text if number else given.label
        sure, title = f"{100 * given.confidence:.1f} %", plain(other.title)
        doubt = f" · {UNLIKE}: {plain(given.unlike)}" if given.unlike else ""
        st.markdown(f"**{plain(text)}** {sure} · {title}{doubt}")


def kept(run: store.Run) -> Image.Image | None:
    """One of the drawings that people kept, or None after saying that there is none."""
    kind = personal.kind_of(run)
    entries = {entry.id: entry for entry in personal.entries(kind)}
    if not entries:
        st.caption("No drawing is kept yet: draw one and say what it is.")
        return None
    chosen = st.selectbox(
        "Kept drawing",
        list(entries),
        key="draw_kept",
        format_func=lambda key: f"{kind.classes[entries[key].label]}, {entries[key].time[:16]}",
    )
    image = open_image(personal.picture(kind, entries[chosen]), "kept drawing")
    st.image(np.asarray(image), width=280, alt="The kept drawing")
    return image


def number(run: store.Run, image: Image.Image):
    """All digits on a picture, with a box round each; returns the reader's answer. Raises
    EmptyDrawing.
    """
    given = loaders.reader(run).read_number(image)
    with st.container(gap="small"):
        st.metric("It reads", given.text.replace("/", " / ") or "-")
        unsure = [digit.label for digit in given.digits if digit.confidence < UNSURE]
        st.caption(
            f"{100 * given.confidence:.1f} % that all {len(given.digits)} are right"
            + (f"; least sure of {', '.join(unsure)}" if unsure else "")
            + ("; a new line after each /" if "/" in given.text else "")
        )
    if given.unlike:
        st.warning(f"{UNLIKE}: {plain(given.unlike)}.", icon=":material/help:")
    st.image(_boxed(image, given.digits), width="stretch", alt=f"The digits found: {given.text}")
    st.image(
        [thumbnails.tile(digit.image[None], size=56) for digit in given.digits],
        caption=[f"**{_named(digit)}** {100 * digit.confidence:.0f} %" for digit in given.digits],
        width=64,
        output_format="PNG",
        alt=[f"Digit {_named(digit)}" for digit in given.digits],
    )
    if given.steps:
        st.caption(sentence("; ".join(given.steps)))
    return given


def _named(digit) -> str:
    return f"{digit.label}?" if digit.unlike else digit.label


def _boxed(image: Image.Image, digits: Sequence) -> np.ndarray:
    """The picture with a box and the answer at each digit."""
    shown = image.convert("RGB")
    factor = min(1.0, 900 / max(shown.size))
    shown = shown.resize([max(1, round(side * factor)) for side in shown.size])
    draw = ImageDraw.Draw(shown)
    for digit in digits:
        x, y, width, height = (value * factor for value in digit.box)
        draw.rectangle((x, y, x + width, y + height), outline=charts.RUN_COLORS[0], width=3)
        draw.text((x + 2, max(0, y - 14)), _named(digit), fill=charts.RUN_COLORS[0], font_size=14)
    return np.asarray(shown)


def several(run: store.Run, pictures: dict[str, Image.Image | str], as_number: bool) -> str:
    """What the run reads on each of several uploads, as a table; returns the one to look into.

    A file that is no picture stands as its message.
    """
    rows = []
    reader = loaders.reader(run)
    for name, picture in pictures.items():
        text, sure, unlike = str(picture), None, ""
        if isinstance(picture, Image.Image):
            try:
                given = reader.read_number(picture) if as_number else reader.read(picture)
                text, sure = given.text if as_number else given.label, given.confidence
                unlike = given.unlike
            except (EmptyDrawing, ValueError) as error:
                text = str(error)
        rows.append((name, text, sure, unlike))
    names, bar = ("File", "Reads", "Confidence", "Not sure, as"), {"Confidence": elements.SHARE}
    elements.table(names, rows, key="draw_several", column_config=bar)
    good = [name for name, picture in pictures.items() if isinstance(picture, Image.Image)]
    return st.selectbox("Look into", good, key="draw_which") if good else ""
