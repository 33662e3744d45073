"""The page that needs no server: opened in Chromium without a network."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from core.data import datasets
from core.jobs import experiment
from core.jobs.job import Job
from core.reports import html_report, review
from core.runs import files, store, tags
from tests.helpers import ROOT
from tests.helpers.runs import worse_run
from tests.helpers.synthetic import ONE_THREAD, recipe_for, synthetic

HOSTILE = "</script><script>document.title='x'</script><style>*{display:none}</style>\u202e$1 ${2}"


def made(run: store.Run) -> str:
    images, _, digest = datasets.load_test(run.info["dataset"])
    assert digest == run.info["test_sha256"]
    return html_report.page(run, images)


class Outline(HTMLParser):
    """Every address that is named; how many scripts and styles there are."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses, self.scripts, self.styles = [], 0, 0

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.scripts += tag == "script"
        self.styles += tag == "style"
        self.addresses += [named[key] for key in ("src", "href", "action") if key in named]


def test_it_names_no_address_at_all(tiny):
    text = made(tiny)
    outline = Outline()
    outline.feed(text)
    assert all(address.startswith("#") for address in outline.addresses)  # within the page
    assert "http:" not in text
    assert "https:" not in text
    assert "default-src 'none'" in text


def test_it_tells_everything_that_was_asked(tiny):
    tags.annotate(tiny.id, note="I would look at the 8s.")
    review.save(tiny.id, "errors", status="discussed", note="Mentor: blurry images")
    text = made(store.load(tiny.id))
    for heading in ("Curves", "Calibration", "Samples", "Settings", "Environment", "Review"):
        assert heading in text
    assert f"{100 * tiny.metrics['test_accuracy']:.2f} %" in text
    assert "95 % interval" in text
    assert "I would look at the 8s." in text
    assert "Mentor: blurry images" in text
    assert '<span class="status">discussed</span>' in text
    assert tiny.info["dataset_sha256"] in text
    assert tiny.info["versions"]["torch"] in text


def numbers(text: ET.Element) -> float | None:
    """What a tick says, as a number; None for other words."""
    found = re.fullmatch(r"([\d.]+) ?(%?)", text.text or "")
    return float(found[1]) / (100 if found[2] else 1) if found else None


@pytest.mark.parametrize(("quantity", "low", "high"), [(0, 0.00011, 0.00017), (1, 0.9931, 0.9956)])
def test_ticks_of_the_curves_say_the_values_at_which_they_stand(tiny, quantity, low, high):
    """Measured against the first and the last of seven points."""
    epochs, values = np.arange(1, 8), np.linspace(low, high, 7)
    name = ("train_loss", "train_accuracy")[quantity]
    history = [
        {"epoch": int(epoch), "train_loss": 0.5, "train_accuracy": 0.5, name: value}
        for epoch, value in zip(epochs, values, strict=True)
    ]
    (tiny.folder / store.HISTORY).write_text("\n".join(map(json.dumps, history)))
    drawn = re.findall(r"<svg.*?</svg>", made(store.load(tiny.id)), re.DOTALL)[quantity]
    root = ET.fromstring(drawn)
    points = [re.findall(r"[ML] ?([\d.]+) ([\d.]+)", p.get("d", "")) for p in root.iter("path")]
    (points,) = (np.array(found, float) for found in points if len(found) == 7)
    ends = {"middle": [], "end": []}  # below the axis across, beside the other
    for text in root.iter("text"):
        anchor = re.search("middle|end", f"{text.get('text-anchor')}{text.get('style')}")
        if anchor and (value := numbers(text)) is not None:
            ends[anchor[0]].append((float(text.get("x")), float(text.get("y")), value))
    across, up = (np.array(found) for found in ends.values())
    assert len(across) >= 3
    assert len(up) >= 3
    assert np.array_equal(across[:, 2], across[:, 2].round())
    scale = (epochs[-1] - epochs[0]) / (points[-1, 0] - points[0, 0])
    stand = epochs[0] + (across[:, 0] - points[0, 0]) * scale
    np.testing.assert_allclose(across[:, 2], stand, atol=0.01)
    scale = (values[-1] - values[0]) / (points[-1, 1] - points[0, 1])
    stand = (up[:, 1] - up[0, 1]) * scale  # a text stands a little below its tick
    np.testing.assert_allclose(up[:, 2] - up[0, 2], stand, atol=0.005 * (high - low))


def test_the_surest_mistakes_go_by_log_odds_and_ties_are_told(tiny):
    """Two mistakes whose probability is 1 in float16; the second is the surer one."""
    stored = tiny.predictions()
    stored["probs"][[3, 7]] = np.eye(10)[(stored["labels"][[3, 7]] + 1) % 10]
    stored["log_odds"][[3, 7]] = 30, 40
    files.write_arrays(tiny.folder / store.PREDICTIONS, **stored)
    tiles = re.findall(r'aria-label="Test image (\d+):', made(tiny))
    assert tiles[:2] == ["7", "3"]
    assert "rounded this run" not in made(tiny)
    del stored["log_odds"]
    files.write_arrays(tiny.folder / store.PREDICTIONS, **stored)
    assert "rounded this run" in made(tiny)


def test_ten_thousand_images_stay_under_6_megabytes(real_data, monkeypatch):
    """Fashion-MNIST, whose images compress worst."""
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(ROOT / "artifacts"))
    run = next(run for run in store.list_runs() if run.info["recipe"] == "fashion-cnn")
    text = made(run)
    assert len(text.encode()) < 6_000_000
    payload = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert len(payload["shown"]) == 10_000


def test_without_a_network_a_cell_shows_exactly_its_images(tiny, tmp_path, browser):
    """Opened from the disk; by mouse and by keyboard."""
    stored = tiny.predictions()
    labels, predicted = stored["labels"], stored["probs"].argmax(1)
    true, payload, count = tiny.metrics["most_confused"][0]
    path = tmp_path / "report.html"
    path.write_text(made(tiny), encoding="utf-8")
    context = browser.new_context(color_scheme="dark")
    context.set_offline(True)
    page, asked, faults = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.goto(path.as_uri())
    cell = page.locator(f'.matrix button[data-label="{true}"][data-said="{payload}"]')
    assert cell.inner_text() == str(count)
    cell.click()
    tiles = page.locator("dialog #shown li")
    tiles.first.wait_for()
    shown = tiles.evaluate_all("items => items.map(item => Number(item.dataset.index))")
    assert shown == np.flatnonzero((labels == true) & (predicted == payload)).tolist()
    drawn = tiles.locator(".tile").evaluate_all(
        "tiles => tiles.map(tile => getComputedStyle(tile).backgroundPosition)"
    )
    side = 56
    places = [f"{-side * (i % 100)}px {-side * (i // 100)}px" for i in shown]
    assert drawn == [place.replace("-0px", "0px") for place in places]
    assert page.locator("dialog .bad").count() == count
    page.keyboard.press("Escape")
    page.locator("dialog[open]").wait_for(state="detached")
    page.locator('.matrix button[data-label="0"][data-said="0"]').focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.dataset.label")
    assert int(focused) > 0
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    page.emulate_media(media="print")
    assert page.locator("dialog").evaluate("d => getComputedStyle(d).display") == "none"
    context.close()
    assert faults == []
    assert all(url.startswith(("file:", "data:")) for url in asked)


def hostile(run: store.Run) -> store.Run:
    """The run with what would be markup in every place that takes words."""
    info = json.loads((run.folder / store.INFO).read_text())
    words = {"classes": [f"{HOSTILE}{n}" for n in range(10)], "title": HOSTILE, "stated": HOSTILE}
    (run.folder / store.INFO).write_text(json.dumps(info | words))
    (run.folder / store.NOTES).write_text(json.dumps({"name": HOSTILE * 200, "note": HOSTILE}))
    review.save(run.id, "errors", status="open", note=HOSTILE)
    return store.load(run.id)


def test_no_word_from_outside_becomes_markup(tiny):
    """Case 40."""
    plain, marked = Outline(), Outline()
    plain.feed(made(tiny))
    marked.feed(made(hostile(tiny)))
    assert marked.scripts == plain.scripts
    assert marked.styles == plain.styles


def test_hostile_names_and_notes_are_shown_as_text(tiny, tmp_path, browser):
    """Case 40."""
    run = hostile(tiny)
    path = tmp_path / "report.html"
    path.write_text(made(run), encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.title().startswith("</script>")
    assert page.locator("body").evaluate("b => getComputedStyle(b).display") == "block"
    assert page.locator(".note").last.inner_text().startswith("</script>")
    page.locator(".matrix button").first.click()
    page.locator("dialog[open]").wait_for()
    context.close()


def test_right_and_wrong_tiles_differ_by_class_sign_and_text(tiny):
    tiles = re.findall(r'<li class="(good|bad)">.*?<span>(.)', made(worse_run(tiny, spoil=10)))
    assert {kind for kind, _ in tiles} == {"good", "bad"}
    assert all((kind == "good") == (sign == "✓") for kind, sign in tiles)


@pytest.mark.trains
def test_without_the_images_the_page_says_so(artifacts):
    dataset = synthetic(channels=3, side=20, classes=30, train=240, test=90)
    run = experiment.run(Job(recipe_for(dataset), **ONE_THREAD), dataset=dataset)
    text = html_report.page(run, None)
    assert "were not on the machine that made this page" in text
    assert '"shown":[]' in text
    images = html_report.page(run, dataset.test.images.numpy())
    assert "data:image/png;base64," in images
