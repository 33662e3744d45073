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

from core.evaluation.classification import macro_mean
from core.figures import contact_sheet, svg
from core.reports import review
from core.runs.status import read
from core.runs.store import MANIFEST, Run
from core.runs.summary import confused_sentences, dataset_title, training_note

TEMPLATE = Path(__file__).with_name("html_report.html")
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
        body="\n".join(_body(run, payload)),
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


def _body(run: Run, payload: dict[str, Any]) -> Iterator[str]:
    yield _headline(run)
    yield f"<h2>Curves</h2>{_curves(run)}"
    yield f"<h2>Which class is taken for which</h2>{_matrix(run)}"
    yield f"<h2>Each class</h2>{_report(run)}"
    yield f"<h2>Calibration</h2>{_calibration(run)}"
    yield f"<h2>Samples</h2>{_samples(payload)}"
    yield f"<h2>Review</h2>{_review(run)}"
    if run.notes.get("note"):
        yield f'<h2>Notes</h2><div class="note">{escape(str(run.notes["note"]))}</div>'
    yield f"<h2>Settings</h2>{_settings(run)}"
    yield f"<h2>Environment and hashes</h2>{_environment(run)}"


def _headline(run: Run) -> str:
    info, metrics = run.info, run.metrics
    low, high = metrics["test_accuracy_interval"]
    author = f" Its author stated {info['stated']}." if info.get("stated") else ""
    return (
        f"<h1>{escape(run.title[:200])}</h1>"
        f'<p class="soft">{escape(info["title"])} on {escape(dataset_title(run))}, '
        f"{info['parameters']:,} parameters, run {escape(run.id)}, "
        f"{escape(str(info.get('created', ''))[:10])}</p>"
        f'<p class="big">{100 * metrics["test_accuracy"]:.2f} %</p>'
        f"<p>{metrics['test_right']:,} of {metrics['test_count']:,} test images are classified "
        f"correctly; 95 % interval {100 * low:.2f} to {100 * high:.2f} %.{escape(author)}</p>"
    )


def _curves(run: Run) -> str:
    history, _ = run.history()
    figures = []
    names = {"train": "training (dotted)", "validation": "validation", "test": "test, shown only"}
    for quantity in ("loss", "accuracy"):
        series = {}
        for part in names:
            points = [
                (record["epoch"], float(record[f"{part}_{quantity}"]))
                for record in history
                if record.get(f"{part}_{quantity}") is not None
            ]
            if points:
                epochs, values = zip(*points, strict=True)
                series[part] = epochs, values
        if series:
            drawn = svg.lines(series, names=names, label=quantity, percent=quantity == "accuracy")
            shown = ", ".join(names[part] for part in series)
            figures.append(f"<figure>{drawn}<figcaption>{quantity}: {shown}</figcaption></figure>")
    if not figures:
        return "<p>No epoch was finished, so there is no curve.</p>"
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


def _report(run: Run) -> str:
    names = ("precision", "recall", "f1")
    rows = [
        [row["class"][:80], *(f"{row[name]:.4f}" for name in names), f"{row['support']:,}"]
        for row in run.metrics["per_class"]
    ]
    mean = macro_mean(run.metrics["per_class"]).values()
    total = f"{run.metrics['test_count']:,}"
    rows.append(["macro mean", *(f"{value:.4f}" for value in mean), total])
    return _table(["Class", "Precision", "Recall", "F1", "Images"], rows)


def _calibration(run: Run) -> str:
    bins, error = run.metrics["calibration"], run.metrics["expected_calibration_error"]
    rows = [
        [
            f"{row['low']:.2f} to {row['high']:.2f}",
            f"{row['count']:,}",
            f"{row['confidence']:.3f}",
            f"{row['accuracy']:.3f}",
        ]
        for row in bins
    ]
    return (
        f'<div class="pair"><figure>{svg.reliability(bins)}<figcaption>Expected calibration error '
        f"{error:.4f}: on the dashed line, confidence and accuracy agree.</figcaption></figure>"
        f"<div>{_table(['Confidence', 'Images', 'Mean', 'Accuracy'], rows)}</div></div>"
    )


def _samples(payload: dict[str, Any]) -> str:
    """The mistakes it was surest of, then the first images of the test set."""
    wrong = [i for i, label in enumerate(payload["labels"]) if label != payload["said"][i]]
    wrong.sort(key=lambda index: -payload["sure"][index])
    mistakes = "".join(_tile(payload, index) for index in wrong[:SAMPLES])
    first = "".join(_tile(payload, index) for index in payload["shown"][:SAMPLES])
    if not payload["shown"]:
        first = "<li>The test images were not on the machine that made this page.</li>"
    top = f'<p>Surest mistakes</p><ul class="tiles">{mistakes}</ul>' if wrong else ""
    return f'{top}<p>First test images</p><ul class="tiles">{first}</ul>'


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
        lines = "".join(f"<li>{escape(finding.sentence)}</li>" for finding in stop.findings)
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
    info = run.info
    rows = [[name, str(version)] for name, version in info["versions"].items()]
    names = ("device", "processor", "platform", "precision", "threads", "world_size", "commit")
    rows += [[name, str(info[name])] for name in names if info.get(name) is not None]
    rows += [["trained", str(info.get("created"))], ["seed", str(info["seed"])]]
    hashes = [["data set", info["dataset_sha256"]], ["test part", info["test_sha256"]]]
    for name, entry in read(run.folder, MANIFEST).get("files", {}).items():
        hashes.append([name, str(entry.get("sha256"))])
    listed = "".join(
        f'<tr><td class="text">{escape(str(name))}</td><td class="text"><code>'
        f"{escape(str(digest))}</code></td></tr>"
        for name, digest in hashes
    )
    return f"{_table(['What', 'Value'], rows)}<p>sha256</p><table>{listed}</table>"
