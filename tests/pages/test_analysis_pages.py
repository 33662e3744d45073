"""The pages that read errors, for every kind of run and for every value a URL may bring."""

import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis import findings, scoring
from core.data import datasets
from core.evaluation import label_issues, learning_dynamics, samples
from core.jobs import experiment
from core.jobs.job import Job
from core.runs import files, reproduction, store, tags
from tests.helpers import one_path
from tests.helpers.pages import drawn, open_page, texts
from tests.helpers.runs import second_run, worse_run
from tests.helpers.synthetic import ONE_THREAD, recipe_for, synthetic

pytestmark = pytest.mark.usefixtures("fresh_caches")
PAGES = (
    "curves",
    "time_machine",
    "confusion_matrix",
    "samples",
    "compare",
    "claim",
    "draw",
    "run",
)
VIEWS = (*((page, {}) for page in PAGES), ("samples", {"image": "7"}))
NAMES = [page + "-image" * bool(query) for page, query in VIEWS]
every_view = pytest.mark.parametrize(("page", "query"), VIEWS, ids=NAMES)


def view(at: AppTest) -> dict:
    """Everything a page shows, to be compared with the same of another visit."""
    widgets = (*at.selectbox, *at.multiselect, *at.toggle, *at.slider, *at.select_slider)
    return {
        "texts": texts(at),
        "headings": [element.value for element in at.subheader],
        "figures": drawn(at),
        "tables": [frame.value.to_dict("list") for frame in at.dataframe],
        "buttons": [button.label for button in at.button],
        "widgets": {widget.key: widget.value for widget in widgets},
    }


def fine(at: AppTest) -> AppTest:
    assert not at.exception, at.exception[0].message
    assert not at.error, at.error[0].value
    assert at.title
    return at


KINDS = {7: (3, 32), 2: (1, 28), 100: (1, 16)}  # classes: channels, side


def dataset_of(classes: int) -> datasets.Dataset:
    channels, side = KINDS[classes]
    return synthetic(channels, side, classes, train=6 * classes + 200, test=3 * classes + 20)


@pytest.fixture(scope="session", params=one_path(KINDS))
def synthetic_root(request, tmp_path_factory):
    """An artifacts folder with a run on synthetic images of one of KINDS."""
    root, dataset = tmp_path_factory.mktemp("synthetic"), dataset_of(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIGHTBOX_ARTIFACTS", str(root))
        experiment.run(Job(recipe_for(dataset), **ONE_THREAD), dataset=dataset)
    return root


@pytest.fixture
def synthetic_run(synthetic_root, artifacts) -> store.Run:
    """A run on synthetic images, and a second one beside it."""
    source = next(path for path in synthetic_root.iterdir() if path.is_dir())
    shutil.copytree(source, artifacts / source.name)
    run = store.load(source.name)
    second_run(run, name="Other", seed=1)
    return run


@every_view
def test_a_view_of_digits(tiny, page, query):
    second_run(tiny, name="Other", seed=1)
    fine(open_page(page, run=tiny.id, **query))


@every_view
def test_a_view_of_a_run_whose_images_are_not_here(synthetic_run, page, query):
    fine(open_page(page, run=synthetic_run.id, **query))


@every_view
def test_a_view_of_a_run_with_2_7_and_100_classes(synthetic_run, page, query, monkeypatch):
    part = dataset_of(len(synthetic_run.info["classes"])).test
    found = part.images.numpy(), part.labels.numpy(), synthetic_run.info["test_sha256"]
    monkeypatch.setattr(datasets, "load_test", lambda name: found)
    at = fine(open_page(page, run=synthetic_run.id, **query))
    assert "not on this machine" not in texts(at)


SHIPPED = one_path(["mnist-mlp", "fashion-cnn"])


@pytest.mark.parametrize("recipe", SHIPPED)
@every_view
def test_a_view_of_a_shipped_run_without_its_images(shipped, no_data, recipe, page, query):
    fine(open_page(page, run=shipped[recipe].id, **query))


@pytest.mark.parametrize("recipe", SHIPPED)
@every_view
def test_a_view_of_a_shipped_run_with_its_images(shipped, real_data, recipe, page, query):
    at = fine(open_page(page, run=shipped[recipe].id, **query))
    assert "not on this machine" not in texts(at)


LONG = "x" * 10_000
HOSTILE = {
    "curves": [
        ("smooth", "-5"),
        ("smooth", "1e9"),
        ("x", "foo"),
        ("with", f"../..,<b>,{LONG}"),
        ("log", "yes"),
        ("seeds", "2"),
        ("test", "true"),
    ],
    "time_machine": [
        ("epoch", "0"),
        ("epoch", "abc"),
        ("epoch", "-1"),
        ("epoch", "3"),
        ("epoch", "１"),
        ("epoch", "9" * 5000),
        ("event", "<script>"),
    ],
    "confusion_matrix": [
        ("true", "<script>"),
        ("said", LONG),
        ("cells", "Shares"),
        ("errors", "yes"),
        ("page", "0"),
    ],
    "samples": [
        ("image", "-1"),
        ("image", "360"),
        ("image", "99999999999"),
        ("image", "²"),
        ("image", "1.5"),
        ("image", ""),
        ("true", "<script>"),
        ("said", "any"),
        ("show", "wrong"),
        ("sure", "90-10"),
        ("sure", "%-%"),
        ("sure", "0-101"),
        ("sure", "-"),
        ("sure", "0-" + "9" * 5000),
        ("sure", "²-³"),
        ("order", "Learned"),
        ("per", "1000000"),
        ("page", "abc"),
    ],
    "compare": [
        ("b", "../.."),
        ("b", LONG),
        ("quadrant", "x"),
        ("voters", "x,y"),
        ("voters", ","),
        ("page", "-1"),
    ],
    "claim": [("when", "2"), ("when", "nan"), ("mended", "yes")],
    "draw": [("way", "../..")],
}


@pytest.mark.parametrize(
    ("page", "name", "value"),
    [
        case
        for page, pairs in HOSTILE.items()
        for case in one_path((page, name, value) for name, value in pairs)
    ],
    ids=lambda text: text[:14].encode("ascii", "backslashreplace").decode() or "empty",
)
def test_a_value_that_is_no_option_leaves_the_page_as_it_is(tiny, page, name, value):
    """Case 39."""
    second_run(tiny, name="Other", seed=1)
    usual = view(fine(open_page(page, run=tiny.id)))
    assert view(fine(open_page(page, run=tiny.id, **{name: value}))) == usual


def test_the_run_itself_is_no_run_to_compare_it_with(tiny):
    other = second_run(tiny, name="Other", seed=1)
    at = fine(open_page("compare", run=tiny.id, b=tiny.id))
    assert at.selectbox(key="url_b").value == other.id


LINKS = {
    "curves": [
        {"x": "Images seen", "smooth": "60", "log": "1", "with": "second-run"},
        {"with": "second-run", "seeds": "1", "test": "1"},
    ],
    "time_machine": [{"epoch": "1", "event": "Wrong now"}],
    "confusion_matrix": [
        {"true": "8", "said": "1", "cells": "Row share", "errors": "1"},
        {"true": "8"},
    ],
    "samples": [
        {"show": "Wrong", "sure": "20-90", "order": "Least sure", "per": "50"},
        {"image": "12"},
        {"page": "2", "order": "Learned last"},
    ],
    "compare": [{"b": "second-run", "quadrant": "Both right", "page": "3"}],
    "claim": [{"when": "0.9", "mended": "1"}],
}


@pytest.mark.parametrize(
    ("page", "query"),
    [
        case
        for page, queries in LINKS.items()
        for case in one_path((page, query) for query in queries)
    ],
)
def test_a_link_shows_everybody_the_same_view_and_another_than_the_usual(tiny, page, query):
    second_run(tiny, name="Other", seed=1)
    first = view(fine(open_page(page, run=tiny.id, **query)))
    assert view(fine(open_page(page, run=tiny.id, **query))) == first
    assert view(fine(open_page(page, run=tiny.id))) != first


def address(at: AppTest) -> dict[str, str]:
    found = {}
    for name, value in at.query_params.items():
        found[name] = value[0] if isinstance(value, list) else value
    return found


def test_what_is_chosen_by_hand_is_in_the_address(tiny):
    at = open_page("confusion_matrix", run=tiny.id)
    at.selectbox(key="url_true").set_value("8").run()
    at.selectbox(key="url_said").set_value("1").run()
    at.toggle(key="url_errors").set_value(True).run()
    assert address(at) == {"run": tiny.id, "true": "8", "said": "1", "errors": "1"}
    assert view(open_page("confusion_matrix", **address(at))) == view(at)


def test_the_slider_of_epochs_is_in_the_address(tiny):
    at = open_page("time_machine", run=tiny.id)
    kept = tiny.metrics["kept_epoch"]
    at.slider(key="url_epoch").set_value(3 - kept).run()
    assert address(at) == {"run": tiny.id, "epoch": str(3 - kept)}
    assert view(open_page("time_machine", **address(at))) == view(at)
    at.slider(key="url_epoch").set_value(kept).run()
    assert "epoch" not in address(at)


def test_the_range_of_confidence_is_in_the_address(tiny):
    at = open_page("samples", run=tiny.id, page="2")
    at.slider(key="url_sure").set_value((10, 60)).run()
    assert address(at) == {"run": tiny.id, "sure": "10-60"}  # and on the first page again
    assert view(open_page("samples", **address(at))) == view(at)


def test_an_open_cell_holds_exactly_its_images(tiny):
    stored = tiny.predictions()
    labels, said = stored["labels"], stored["probs"].argmax(1)
    counts = np.array(tiny.metrics["confusion"])
    np.fill_diagonal(counts, 0)
    true, wrong = map(int, np.unravel_index(counts.argmax(), counts.shape))
    at = fine(open_page("confusion_matrix", run=tiny.id, true=str(true), said=str(wrong)))
    expected = np.flatnonzero((labels == true) & (said == wrong))
    assert shown(at) == expected.tolist()[:25]
    assert at.subheader[0].value.startswith(f"{true} read as {wrong}\\: {len(expected)} image")


def shown(at: AppTest) -> list[int]:
    """The numbers of the images in a page's grid."""
    for figure in drawn(at):
        if figure["layout"].get("images"):
            return [int(text.split(":")[0]) for text in figure["data"][0]["text"]]
    return []


def test_the_grid_is_filtered_and_ordered_as_core_does(tiny):
    stored = tiny.predictions()
    found = samples.find(stored, outcome="Wrong", confidence=(0.2, 0.9))
    found = samples.arrange(found, "Smallest margin", stored)
    at = open_page("samples", show="Wrong", sure="20-90", order="Smallest margin", per="100")
    assert shown(at) == found.tolist()[:100]


@pytest.mark.parametrize("event", learning_dynamics.events(np.ones((1, 1), bool), 1))
def test_the_time_machine_lists_the_images_of_its_event(tiny, event):
    stored = tiny.predictions()
    right = stored["epoch_classes"] == stored["labels"]
    expected = learning_dynamics.events(right, 2)[event]
    at = fine(open_page("time_machine", epoch="2", event=event))
    assert shown(at) == expected.tolist()[:25]
    assert f"{100 * right[1].mean():.2f} % right" in at.title[0].value


def test_compare_opens_the_images_that_only_one_of_two_reads(tiny):
    other = worse_run(tiny)
    stored = tiny.predictions()
    right = stored["probs"].argmax(1) == stored["labels"]
    at = fine(open_page("compare", run=tiny.id, b=other.id))
    expected = np.flatnonzero(right[:30])[:25].tolist()
    assert shown(at) == expected
    assert "Tiny is better" in at.title[0].value
    at = fine(open_page("compare", run=tiny.id, b=other.id, quadrant="Only B right"))
    assert "No test image is among these" in texts(at)


def test_the_claim_page_draws_the_bins_that_the_report_shows(shipped):
    """Bins of the rounded probabilities would differ by some images."""
    run = shipped["mnist-house"]
    _, points = drawn(fine(open_page("claim", run=run.id)))[0]["data"]
    for axis, name in (("x", "confidence"), ("y", "accuracy")):
        assert points[axis] == [row[name] for row in findings.reliability(run)]


def test_the_claim_page_shows_the_labels_that_the_runs_doubt_by_one_vote_a_recipe(tiny):
    """Two other recipes call the first images by the next class, and are sure; three more seeds of
    the first do not outvote them.
    """
    for number in range(3):
        second_run(tiny, f"seed-{number}", seed=5 + number)
    stored = tiny.predictions()
    stored["probs"][:4] = np.eye(10)[(stored["labels"][:4] + 1) % 10]
    for recipe in ("one", "two"):
        doubter = second_run(tiny, recipe, recipe=recipe)
        files.write_arrays(doubter.folder / store.PREDICTIONS, **stored)
    at = fine(open_page("claim", run=tiny.id))
    found, wrong = suspects([stored, stored, tiny.predictions()])
    assert set(range(4)) <= set(found)
    assert shown(at) == found[:25].tolist()
    assert "of 3 recipes takes for another class" in texts(at)
    at = fine(open_page("claim", run=tiny.id, confident="1"))
    assert shown(at) == found[wrong][:25].tolist()


def suspects(stored: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    mean = label_issues.vote([part["probs"] for part in stored])
    return label_issues.suspect_labels(stored[0]["labels"], mean)


def test_one_run_alone_doubts_labels_too(tiny):
    at = fine(open_page("claim", run=tiny.id))
    assert shown(at) == suspects([tiny.predictions()])[0][:25].tolist()
    assert "of 1 recipe takes" in texts(at)


def older(run: store.Run) -> dict:
    """The run as older versions stored it: without log-odds; its predictions."""
    stored = {name: part for name, part in run.predictions().items() if "log_odds" not in name}
    files.write_arrays(run.folder / store.PREDICTIONS, **stored)
    files.write_manifest(run.folder / store.MANIFEST, store.FINISHED_FILES)
    return stored


@pytest.mark.parametrize(("page", "query"), [("samples", {"order": "Surest"}), ("claim", {})])
def test_pages_say_where_the_confidences_of_an_older_run_tie(digits, page, query):
    words = "confidences: 349 of 360 tie"
    assert words not in texts(fine(open_page(page, run=digits.id, **query)))
    older(digits)
    assert words in texts(fine(open_page(page, run=digits.id, **query)))
    assert words not in texts(fine(open_page("samples", run=digits.id)))


def test_the_samples_page_ranks_by_log_odds(digits):
    stored = digits.predictions()
    at = fine(open_page("samples", run=digits.id, order="Surest"))
    assert shown(at) == np.argsort(-stored["log_odds"])[:25].tolist()
    assert len(np.unique(stored["probs"][shown(at)].max(1))) == 1


def test_learned_last_counts_to_the_kept_epoch(tiny):
    """The last epoch lost what the kept one read right."""
    stored, metrics = tiny.predictions(), tiny.metrics | {"kept_epoch": 1}
    stored["epoch_classes"][0] = stored["probs"].argmax(1)
    stored["epoch_classes"][1] = (stored["labels"] + 1) % 10
    files.write_arrays(tiny.folder / store.PREDICTIONS, **stored)
    files.write_json(tiny.folder / store.METRICS, metrics)
    at = fine(open_page("samples", run=tiny.id, order="Learned last"))
    wrong = samples.find(stored, outcome="Wrong")
    assert set(shown(at)) <= set(wrong.tolist())


def test_a_name_with_a_colon_stays_whole_in_the_title(tiny):
    other = worse_run(tiny)
    tags.annotate(tiny.id, name="exp: v2")
    tags.annotate(other.id, name="b; c: d")
    at = fine(open_page("compare", run=tiny.id, b=other.id))
    assert at.title[0].value.replace("\\", "") == "exp: v2 is better"
    assert "gains 0 and loses 27 of 360 images against exp: v2" in texts(at).replace("\\", "")
    at = fine(open_page("compare", run=tiny.id, b=second_run(tiny, "twin").id))
    assert at.title[0].value.endswith("read the same images right")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exact": True}, "✓ Reproduced: "),
        ({"exact": True, "changed_predictions": 40}, "40 of 360 predictions changed"),
        ({"exact": False, "changed_predictions": 7}, "7 of 360 predictions changed"),
        ({"exact": False, "problem": "gone"}, "✗ Not reproduced: gone"),
    ],
)
def test_a_reproduction_is_the_same_class_for_every_image(tiny, change, words):
    """Also one that an older version called so for the same number right."""
    scoring.save_reproduction(tiny.id)
    path = tiny.folder / reproduction.NAME
    files.write_json(path, files.read_json(path, ()) | change)
    said = texts(fine(open_page("claim", run=tiny.id))).replace("\\", "").splitlines()
    found = next(text for text in said if "eproduced: " in text)
    assert words in found
    assert ("Not reproduced" in found) == (words != "✓ Reproduced: ")


def test_what_is_answered_when_sure_is_what_the_samples_page_finds(tiny):
    """Both ask the stored probabilities the same question."""
    at = fine(open_page("claim", run=tiny.id, when="0.9"))
    caption = next(text.value for text in at.markdown if text.value.startswith("Answering only"))
    left = float(caption.split("leaves ")[1].split(" %")[0])
    samples_page = open_page("samples", run=tiny.id, sure="90-100")
    found = next(text.value for text in samples_page.caption if " of " in text.value)
    assert left == pytest.approx(100 * (1 - int(found.split(" of ")[1]) / 360), abs=0.06)


def test_several_vote_on_the_compare_page(tiny):
    other = worse_run(tiny)
    at = fine(open_page("compare", run=tiny.id, voters=f"{tiny.id},{other.id}"))
    assert "the best of them alone" in texts(at)
    assert "Choose two or more" in texts(open_page("compare", voters=tiny.id))


@pytest.mark.parametrize(("page", "query"), [("samples", {"image": "3"}), ("claim", {})])
@pytest.mark.parametrize("content", [None, b"no archive"])
def test_predictions_of_another_run_that_are_damaged_do_not_take_the_page(
    tiny, page, query, content
):
    """Case 17."""
    damaged, healthy = second_run(tiny), second_run(tiny, "third-run", name="Third")
    path = damaged.folder / store.PREDICTIONS
    path.unlink() if content is None else path.write_bytes(content)
    at = fine(open_page(page, run=tiny.id, **query))
    assert healthy.title in texts(at) or page == "claim"
    assert "1 recipe" in texts(at) or page == "samples"


def test_seeds_that_never_finished_an_epoch_do_not_take_the_others_curve(tiny):
    other = second_run(tiny, seed=1)
    (other.folder / store.HISTORY).write_text("")
    at = fine(open_page("curves", run=tiny.id, **{"with": other.id}))
    assert [trace["name"] for trace in drawn(at)[0]["data"]] == ["training", "validation"]


def test_repeats_of_one_seed_are_not_called_seeds(tiny):
    from ui import curve_panels

    again, other = second_run(tiny), second_run(tiny, "third-run", seed=1)
    for beside, kind in ((again, "runs"), (other, "seeds")):
        found = curve_panels.lines([tiny, beside], "loss", ("train",), "Epoch", 0.0, fold=True)
        assert [line.title for line in found] == [f"digits-cnn, mean of 2 {kind}"]


def test_a_tag_is_kept_and_offered_as_a_table(tiny):
    at = open_page("samples", run=tiny.id, image="3")
    at.selectbox(key="sample_tag_3").set_value("ambiguous").run()
    fine(at)
    assert tags.read(tiny.info["test_sha256"])[3]["tag"] == "ambiguous"
    assert "Tags as CSV (1)" in [button.label for button in open_page("samples").download_button]


def test_a_tag_too_long_is_told_and_not_kept(tiny):
    at = open_page("samples", run=tiny.id, image="3")
    box = at.selectbox(key="sample_tag_3")
    box.options.append("x" * 100)
    box.set_value("x" * 100).run()
    assert not at.exception
    assert "100 characters are too many" in texts(at)
    assert tags.read(tiny.info["test_sha256"]) == {}


@pytest.mark.parametrize("query", [{}, {"image": "3"}])
def test_a_damaged_file_of_tags_does_not_take_the_images(tiny, artifacts, query):
    (artifacts / tags.NAME).write_text("{")
    at = open_page("samples", run=tiny.id, **query)
    assert not at.exception
    assert not at.error
    assert "tags.json cannot be read" in texts(at).replace("\\", "")
    assert drawn(at)
