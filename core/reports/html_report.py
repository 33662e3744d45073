"""A run on one HTML page that opens anywhere: no server, no network, no other file.

The test images are one PNG inside it; a click on a cell of the matrix shows that cell's images.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from core.analysis import facts, findings
from core.evaluation import samples
from core.evaluation.uncertainty import percent, ties
from core.figures import contact_sheet, static
from core.reports import review
from core.reports.summary import class_rows, confused_sentences
from core.runs import provenance
from core.runs.provenance import dataset_title, training_note
from core.runs.store import Run

TEMPLATE = Path(__file__).with_name("html_report.html")
CLASS_COLUMNS = ["Class", "Precision", "Recall", "F1", "Images"]
SAMPLES = 24
TILE = 56  # pixels on screen, about


def page(run: Run, images: np.ndarray | None) -> str:
    """The page of a finished run; `images` uint8 (N, C, H, W) are its test images, or None.

    Raises BrokenRun.
    """
    stored, classes = run.predictions(), run.info["classes"]
    labels, probs = stored["labels"].astype(int), stored["probs"]
    predicted = probs.argmax(1)
    shown, sheet = np.empty(0, int), b""
    if images is not None:
        shown, sheet = contact_sheet.sheet(images, labels, predicted)
    _, height, width = run.info["shape"]
    factor = max(1, TILE // max(height, width))
    size = {"columns": contact_sheet.COLUMNS, "width": factor * width, "height": factor * height}
    payload = {
        "classes": classes,
        "labels": labels.tolist(),
        "said": predicted.tolist(),
        "sure": (1000 * probs.max(1).astype(float)).round().astype(int).tolist(),
        "shown": shown.tolist(),
        **size,
    }
    rows = -(-max(1, len(shown)) // contact_sheet.COLUMNS)
    cell = "40px" if len(classes) <= 20 else "14px"
    source = base64.b64encode(sheet).decode()
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(f"{run.title[:120]} · Lightbox"),
        sprite=f"url(data:image/png;base64,{source})" if sheet else "none",
        body="\n".join(_body(run, payload, stored)),
        data=_inside_script(payload),
        cell=cell,
        digits="1rem" if len(classes) <= 20 else "0",
        width=f"{size['width']}px",
        height=f"{size['height']}px",
        wide=f"{max(92, size['width'] + 16)}px",
        sheet=f"{contact_sheet.COLUMNS * size['width']}px {rows * size['height']}px",
    )


def _inside_script(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _body(run: Run, payload: dict[str, Any], stored: samples.Stored) -> Iterator[str]:
    yield _headline(run)
    yield f"<h2>Curves</h2>{_curves(run)}"
    yield f"<h2>Which class is taken for which</h2>{_matrix(run)}"
    yield f"<h2>Each class</h2>{_table(CLASS_COLUMNS, class_rows(run))}"
    yield f"<h2>Calibration</h2>{_calibration(run)}"
    yield f"<h2>Samples</h2>{_samples(payload, stored)}"
    yield f"<h2>Review</h2>{_review(run)}"
    if run.notes.get("note"):
        yield f'<h2>Notes</h2><div class="note">{escape(str(run.notes["note"]))}</div>'
    yield f"<h2>Settings</h2>{_settings(run)}"
    yield f"<h2>Environment and hashes</h2>{_environment(run)}"


def _headline(run: Run) -> str:
    info = run.info
    author = f" Its author stated {info['stated']}." if info.get("stated") else ""
    return (
        f"<h1>{escape(run.title[:200])}</h1>"
        f'<p class="soft">{escape(info["title"])} on {escape(dataset_title(run))}, '
        f"{info['parameters']:,} parameters, run {escape(run.id)}, "
        f"{escape(str(info.get('created', ''))[:10])}</p>"
        f'<p class="big">{percent(run.metrics["test_accuracy"])}</p>'
        f"<p>{escape(facts.accuracy(run).sentence + author)}</p>"
    )


def _curves(run: Run) -> str:
    history, _ = run.history()
    if not history:
        return "<p>No epoch was finished, so there is no curve.</p>"
    figures = []
    for quantity in ("loss", "accuracy"):
        figure = static.curves(static.blank(), history, [quantity])
        parts = ", ".join(str(line.get_label()) for line in figure.axes[0].lines)
        figures.append(f"<figure>{static.svg(figure, f'{quantity} by epoch: {parts}')}</figure>")
    note = escape(training_note(run.info))
    return f'<div class="pair">{"".join(figures)}</div><p class="soft">{note}</p>'


def _matrix(run: Run) -> str:
    counts, classes = np.array(run.metrics["confusion"]), run.info["classes"]
    shades = np.log10(1 + counts) / max(np.log10(1 + counts.max()), 1e-9)
    head = "".join(f'<th scope="col">{escape(name[:40])}</th>' for name in classes)
    rows = []
    for true, name in enumerate(classes):
        cells = "".join(
            _cell(true, predicted, int(counts[true, predicted]), shades[true, predicted], classes)
            for predicted in range(len(classes))
        )
        rows.append(f'<tr><th scope="row">{escape(name[:40])}</th>{cells}</tr>')
    sentences = confused_sentences(run.metrics, classes)
    pairs = "".join(
        f'<li><button data-label="{true}" data-said="{predicted}">{escape(sentence)}</button></li>'
        for (true, predicted, _), sentence in zip(
            run.metrics["most_confused"], sentences, strict=False
        )
    )
    listed = f'<h3>Most confused</h3><ul class="pairs">{pairs}</ul>' if pairs else "No mistake."
    return (
        '<p class="soft">Rows are the true class, columns the predicted one; the shade is '
        "logarithmic. A click, or Enter after the arrow keys, shows a cell's images.</p>"
        '<div class="pair"><div class="wide"><table class="matrix"><thead><tr><td></td>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div><div>{listed}</div></div>"
    )


def _cell(true: int, predicted: int, count: int, shade: float, classes: list[str]) -> str:
    if not count:
        return "<td></td>"
    label = escape(f"{count} of {classes[true][:40]} read as {classes[predicted][:40]}")
    dark = ' class="dark"' if shade > 0.55 else ""
    return (
        f'<td{dark} style="--k:{shade:.2f}"><button data-label="{true}" data-said="{predicted}" '
        f'aria-label="{label}" title="{label}">{count}</button></td>'
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A table of texts, the first column to the left."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(text)}</td>" for text in rest)
        lines.append(f'<tr><td class="text">{escape(first)}</td>{cells}</tr>')
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _calibration(run: Run) -> str:
    bins = findings.reliability(run)
    rows = [
        [
            f"{row['low']:.2f} to {row['high']:.2f}",
            f"{row['count']:,}",
            f"{row['confidence']:.3f}",
            f"{row['accuracy']:.3f}",
            f"{row['accuracy_low']:.3f} to {row['accuracy_high']:.3f}",
        ]
        for row in bins
    ]
    drawn = static.svg(static.reliability(static.blank(), bins), "accuracy by confidence")
    return (
        f'<div class="pair"><figure>{drawn}<figcaption>On the dotted line confidence and accuracy '
        "agree; the bars are 95 % intervals of all bins together.</figcaption></figure>"
        f"<div><p>{escape(findings.calibrated(run).sentence)}</p>"
        f"{_table(['Confidence', 'Images', 'Mean', 'Accuracy', '95 %'], rows)}</div></div>"
    )


def _samples(payload: dict[str, Any], stored: samples.Stored) -> str:
    """The mistakes it was surest of, then the first images of the test set."""
    wrong = samples.arrange(samples.find(stored, outcome="Wrong"), "Surest", stored).tolist()
    mistakes = "".join(_tile(payload, index) for index in wrong[:SAMPLES])
    first = "".join(_tile(payload, index) for index in payload["shown"][:SAMPLES])
    if not payload["shown"]:
        first = "<li>The test images were not on the machine that made this page.</li>"
    top = f'<p>Surest mistakes</p>{escape(ties(stored))}<ul class="tiles">{mistakes}</ul>'
    return f'{top if wrong else ""}<p>First test images</p><ul class="tiles">{first}</ul>'


def _tile(payload: dict[str, Any], index: int) -> str:
    names, sure = payload["classes"], f"{payload['sure'][index] / 10:.1f} %"
    label, predicted = (names[payload[key][index]][:60] for key in ("labels", "said"))
    good = payload["labels"][index] == payload["said"][index]
    text = f"✓ {predicted}, {sure}" if good else f"✗ said {predicted}, is {label}, {sure}"
    place = np.searchsorted(payload["shown"], index) if payload["shown"] else 0
    image = ""
    if payload["shown"] and place < len(payload["shown"]) and payload["shown"][place] == index:
        row, column = divmod(int(place), payload["columns"])
        where = f"{-column * payload['width']}px {-row * payload['height']}px"
        alt = escape(f"Test image {index}: {label}, read as {predicted}")
        image = (
            f'<span class="tile" role="img" aria-label="{alt}" '
            f'style="background-position:{where}"></span>'
        )
    kind = "good" if good else "bad"
    return f'<li class="{kind}">{image}<span>{escape(text)}</span></li>'


def _review(run: Run) -> str:
    kept, parts = review.saved(run), []
    for stop in review.stops(run):
        entry = kept[stop.key]
        lines = "".join(f"<li>{escape(fact.sentence)}</li>" for fact in stop.facts)
        note = f'<div class="note">{escape(entry["note"])}</div>' if entry["note"] else ""
        status = f'<span class="status">{entry["status"]}</span>'
        parts.append(f"<h3>{escape(stop.title)} {status}</h3><ul>{lines}</ul>{note}")
    return "".join(parts)


def _settings(run: Run) -> str:
    info = run.info
    changed = info.get("changed") or {}
    rows = [
        [name, str(value), str(changed[name][0]) if name in changed else ""]
        for name, value in info["config"].items()
    ]
    layers = [
        [str(row["layer"])[:160], " x ".join(map(str, row["output"])), f"{row['parameters']:,}"]
        for row in info.get("layers", [])
    ]
    tables = _table(["Setting", "Value", "In the recipe"], rows)
    return f"{tables}<h3>Network</h3>{_table(['Layer', 'Output', 'Parameters'], layers)}"


def _environment(run: Run) -> str:
    return _table(["What", "Value"], [list(row) for row in provenance.table(run).items()])
