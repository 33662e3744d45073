"""Every page with one run, two runs, none and a damaged one, as Streamlit itself runs it."""

import base64
import json
import shutil

import numpy as np
import pytest

from core.data import sources
from core.jobs import experiment, plan
from core.jobs.job import Job
from core.runs import files, status, store
from core.runs.provenance import dataset_title
from core.training import recipes
from core.training.settings import FIELDS
from tests.helpers import ROOT, one_path
from tests.helpers.pages import drawn, open_page, texts
from tests.helpers.runs import second_run, worse_run
from tests.helpers.synthetic import ONE_THREAD, TINY, recipe_for
from ui.text import plain

pytestmark = pytest.mark.usefixtures("fresh_caches")
PAGES = (
    "streamlit_app",
    "curves",
    "time_machine",
    "confusion_matrix",
    "samples",
    "compare",
    "claim",
    "draw",
    "review",
    "report",
    "run",
)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_one_run_shows_it(tiny, page):
    at = open_page(page)
    assert not at.exception
    assert not at.error
    assert at.title


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_two_runs_shows_the_one_in_the_url(tiny, page):
    other = second_run(tiny, name="Other")
    at = open_page(page, run=other.id)
    assert not at.exception
    assert not at.error
    if page != "streamlit_app":
        assert at.selectbox(key="url_run").value == other.id
        at.selectbox(key="url_run").set_value(tiny.id).run()
        assert at.query_params["run"] in (tiny.id, [tiny.id])
        assert not at.error


@pytest.fixture(scope="module")
def begun_root(tmp_path_factory):
    """An artifacts folder with one run that was stopped in its first epoch."""

    def stop(*_):
        raise experiment.Stopped

    root, callbacks = tmp_path_factory.mktemp("begun"), experiment.Callbacks(batch=stop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIGHTBOX_ARTIFACTS", str(root))
        recipe = recipes.get("digits-cnn")
        experiment.run(Job(recipe, TINY, **ONE_THREAD), callbacks=callbacks)
    return root


@pytest.mark.trains
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_a_run_that_was_stopped_in_its_first_epoch(
    begun_root, artifacts, monkeypatch, page
):
    """Case 9: no curve, no epoch to look at, and weights as they were drawn."""
    source = next(begun_root.iterdir())
    shutil.copytree(source, artifacts / source.name)
    at = open_page(page, run=source.name)
    assert not at.exception
    assert not at.error
    if page == "curves":
        assert "No epoch was finished" in texts(at)


def test_curves_show_learning_rate_and_gradients_of_runs_that_recorded_them(tiny):
    def titles() -> list[str]:
        return [figure["layout"]["yaxis"]["title"]["text"] for figure in drawn(open_page("curves"))]

    assert titles() == ["loss", "accuracy", "learning rate", "gradient norm"]
    found = drawn(open_page("curves"))[3]["data"]
    told = [record["gradient_norm"] for record in tiny.history()[0]]
    assert [figure["name"] for figure in found] == ["training"]
    shown = np.frombuffer(base64.b64decode(found[0]["y"]["bdata"]), found[0]["y"]["dtype"])
    assert shown == pytest.approx(told)
    history = tiny.folder / store.HISTORY
    older = [json.loads(line) for line in history.read_text().splitlines()]
    for record in older:
        del record["gradient_norm"]
    history.write_text("".join(json.dumps(record) + "\n" for record in older))
    assert titles() == ["loss", "accuracy", "learning rate"]


def test_a_stopped_run_says_why_it_could_not_go_on(tiny):
    """Case 59."""
    metrics = json.loads((tiny.folder / store.METRICS).read_text())
    (tiny.folder / store.METRICS).write_text(json.dumps({**metrics, "stopped": True}))
    files.write_json(tiny.folder / status.FAILURE, {"reason": "Other data."})
    assert "Other data." in texts(open_page("run", run=tiny.id))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_runs_says_what_to_do(artifacts, page):
    at = open_page(page)
    assert not at.exception
    assert "python -m core train digits-cnn" in texts(at)


@pytest.mark.parametrize("page", PAGES)
def test_a_damaged_run_does_not_disturb_the_others(tiny, page):
    """Case 17."""
    broken = second_run(tiny)
    (broken.folder / store.METRICS).write_text("{")
    at = open_page(page)
    assert not at.exception
    assert not at.error
    if page != "streamlit_app":
        at = open_page(page, run=broken.id)
        assert "is damaged" in texts(at)


@pytest.mark.parametrize("page", PAGES[1:])
@pytest.mark.parametrize("hostile", one_path(["../../etc", "gone-run", "x" * 10_000, "<b>x</b>\0"]))
def test_an_unknown_run_in_the_url_is_said_and_the_way_home_shown(tiny, page, hostile):
    """Cases 18 and 39."""
    at = open_page(page, run=hostile)
    assert not at.exception
    assert at.error[0].value.startswith("Unknown run")
    assert "10,000" not in at.error[0].value
    assert len(at.error[0].value) < 250


@pytest.mark.parametrize("page", PAGES[1:-1])
def test_an_unfinished_run_says_how_to_go_on(tiny, page):
    """Case 4."""
    waiting = second_run(tiny)
    for name in (store.MANIFEST, store.METRICS):
        (waiting.folder / name).unlink()
    at = open_page(page, run=waiting.id)
    assert "there are no results yet" in at.info[0].value


@pytest.fixture(scope="module")
def colour_root(rgb, tmp_path_factory):
    """An artifacts folder with a run on colour images."""
    root = tmp_path_factory.mktemp("colour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIGHTBOX_ARTIFACTS", str(root))
        experiment.run(Job(recipe_for(rgb), **ONE_THREAD), dataset=rgb)
    return root


@pytest.mark.parametrize("page", one_path(PAGES, also=["review", "report"]))
def test_colour_images_of_another_size_pass_through_every_page(colour_root, page, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(colour_root))
    at = open_page(page)
    assert not at.exception
    assert not at.error


def test_missing_files_of_a_run_are_named_on_the_page(tiny):
    (tiny.folder / store.PREDICTIONS).unlink()
    at = open_page("samples")
    assert "predictions" in at.error[0].value


def test_home_lists_runs_with_interval_and_the_authors_result(tiny):
    at = open_page("streamlit_app")
    table = at.dataframe[0].value
    assert table["Test accuracy"][0] == pytest.approx(100 * tiny.metrics["test_accuracy"])
    assert "to" in table["95 % interval"][0]
    assert "Author's result" in table


def test_home_searches_and_filters(tiny):
    second_run(tiny, name="Zebra")
    at = open_page("streamlit_app")
    at.text_input(key="search").set_value("zebra").run()
    assert list(at.dataframe[0].value["Run"]) == ["Zebra"]
    at.text_input(key="search").set_value("nothing at all").run()
    assert "No run matches" in texts(at)


@pytest.mark.slow
def test_a_run_name_is_plain_text(tiny):
    """Case 40."""
    second_run(tiny, name="<style>body{display:none}</style> **bold** [x](http://y) " + "z" * 9000)
    for page in PAGES:
        at = open_page(page, run="second-run")
        assert not at.exception
        shown = texts(at)
        assert "<style>" not in shown.replace("\\<style\\>", "")
        assert "[x](http" not in shown


def test_curves_lay_runs_over_one_another_from_the_url(tiny):
    other = second_run(tiny, name="Other")
    two_titles = (tiny.title, other.title)
    at = open_page("curves", run=tiny.id, **{"with": other.id + ",nonsense"})
    assert not at.error
    assert at.multiselect(key="url_with").value == [other.id]
    names = [trace.get("name") for trace in drawn(at)[0]["data"]]
    assert names == [None, None, "training", "validation"]  # two bands under two means
    at.toggle(key="url_seeds").set_value(True).run()
    names = [trace["name"] for trace in drawn(at)[0]["data"]]
    assert names == [f"{t}, {part}" for t in two_titles for part in ("training", "validation")]


@pytest.mark.slow
def test_a_new_run_changes_no_runs_colour(tiny):
    """An older one and a younger one, whichever way runs are sorted."""
    before = drawn(open_page("curves", run=tiny.id))[0]["data"][0]["line"]["color"]
    for name in ("a-run", "zz-run"):
        second_run(tiny, name, seed=1)
        after = drawn(open_page("curves", run=tiny.id))[0]["data"][0]["line"]["color"]
        assert after == before


def test_a_very_long_history_is_drawn_thinned_and_offered_whole(tiny):
    """Case 21."""
    first = json.loads((tiny.folder / store.HISTORY).read_text().splitlines()[0])
    lines = [json.dumps(first | {"epoch": epoch}) for epoch in range(1, 100_001)]
    (tiny.folder / store.HISTORY).write_text("\n".join(lines) + "\n")
    at = open_page("curves")
    assert not at.error
    assert len(at.get("plotly_chart")[0].proto.spec) < 500_000
    url = at.get("download_button")[0].proto.url
    assert url


def test_curves_count_unreadable_lines_of_history(tiny):
    """Case 16."""
    with open(tiny.folder / store.HISTORY, "a") as file:
        file.write("garbage\ngarbage\n")
    assert "2 lines" in texts(open_page("curves"))


@pytest.mark.trains
def test_curves_of_a_run_without_validation_say_so(artifacts):
    from core.training import recipes

    config = TINY.replace(epochs=1, validation=0.0)
    experiment.run(Job(recipes.get("digits-cnn"), config, **ONE_THREAD))
    at = open_page("curves")
    assert not at.error
    assert "no validation curve" in texts(at)


def test_curves_of_a_run_stopped_before_its_first_epoch_say_so(tiny):
    (tiny.folder / store.HISTORY).write_text("")
    at = open_page("curves")
    assert not at.error
    assert "No epoch was finished" in at.info[0].value


def test_the_matrix_switches_between_counts_and_shares(tiny):
    at = open_page("confusion_matrix", cells="Row share")
    spec = drawn(at)[0]
    assert spec["data"][0]["text"][0][0].endswith(".0") or "." in spec["data"][0]["text"][0][0]
    assert len(at.dataframe[0].value) == 10


def test_samples_show_25_with_verdict_and_turn_pages(tiny):
    at = open_page("samples")
    stored = tiny.predictions()
    said, labels = stored["probs"].argmax(1)[:25], stored["labels"][:25]
    verdicts = [f"✓ {a}" if a == b else f"✗ {a}, is {b}" for a, b in zip(said, labels, strict=True)]
    spoken, written = drawn(at)[0]["data"]
    assert written["text"] == verdicts
    assert all(verdict in text for verdict, text in zip(verdicts, spoken["text"], strict=True))
    at.button(key="page_next").click().run()
    assert "2" in at.query_params["page"]
    assert "26 to 50 of 360" in texts(at)


def test_samples_filter_by_verdict_and_class_from_the_url(tiny):
    worse = worse_run(tiny)
    stored = worse.predictions()
    said, labels = stored["probs"].argmax(1), stored["labels"]
    wrong = np.flatnonzero((said != labels) & (labels == 8))
    at = open_page("samples", run=worse.id, show="Wrong", true="8")
    assert f"1 to {min(25, len(wrong))} of {len(wrong)}" in texts(at)
    at = open_page("samples", run=worse.id, show="<script>", true="99", page="-3")
    assert not at.error
    assert "1 to 25 of 360" in texts(at)


def test_samples_without_a_match_say_so(tiny):
    stored = tiny.predictions()
    counts = np.array(tiny.metrics["confusion"])
    true, said = np.argwhere(counts == 0)[0]
    at = open_page("samples", true=str(true), said=str(said))
    assert "No test image matches" in texts(at)
    assert stored["probs"].shape == (360, 10)


@pytest.mark.slow
def test_samples_without_the_images_offer_to_fetch_and_list_the_rest(tiny, no_data, monkeypatch):
    info = json.loads((tiny.folder / store.INFO).read_text())
    (tiny.folder / store.INFO).write_text(json.dumps(info | {"dataset": "mnist"}))
    at = open_page("samples")
    assert not at.exception
    assert "not on this machine" in at.info[0].value
    assert len(at.dataframe[0].value) == 25
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    at.button(key="fetch").click().run(timeout=60)
    assert "could not be fetched" in at.error[0].value
    assert str(no_data) in at.error[0].value.replace("\\", "")


def test_images_of_another_test_set_are_not_shown_as_the_runs_own(tiny):
    info = json.loads((tiny.folder / store.INFO).read_text())
    (tiny.folder / store.INFO).write_text(json.dumps(info | {"test_sha256": "0" * 64}))
    at = open_page("samples")
    assert "not those that this run was scored on" in at.warning[0].value
    assert not at.get("image")


def test_draw_reads_a_test_image(digits):
    said = str(digits.predictions()["probs"][7].argmax())
    at = open_page("draw", way="Test image")
    at.number_input(key="draw_number").set_value(7).run()
    assert not at.error
    assert at.metric[0].value == said


def test_only_runs_on_digits_are_asked_for_numbers(tiny):
    label = "Several digits"
    assert label in [toggle.label for toggle in open_page("draw").toggle]
    classes = list(sources.DATASETS["kmnist"].classes)
    second_run(tiny, "letters", dataset="kmnist", classes=classes)
    at = open_page("draw", run="letters")
    assert not at.exception
    assert label not in [toggle.label for toggle in at.toggle]


def test_draw_without_a_drawing_asks_for_one(tiny):
    """Case 29."""
    at = open_page("draw")
    assert not at.error
    assert not at.metric
    assert "Draw something" in texts(at)


def test_draw_refuses_a_file_that_is_no_image(tiny):
    """Case 27."""
    at = open_page("draw", way="Upload")
    at.file_uploader(key="draw_file").set_value(("evil.png", b"no image", "image/png")).run()
    assert not at.exception
    assert "not an image we can read" in texts(at)


def test_draw_works_without_the_canvas_component(tiny, monkeypatch):
    """Case 44."""
    import sys

    monkeypatch.setitem(sys.modules, "streamlit_drawable_canvas", None)
    at = open_page("draw")
    assert not at.exception
    assert "canvas cannot be loaded" in texts(at)
    at = open_page("draw", way="Test image")
    assert at.metric


def test_a_missing_package_is_named_and_the_other_pages_work(tiny, monkeypatch):
    """Case 44."""
    import sys

    import ui
    from core import figures

    for package, name in ((figures, "charts"), (ui, "curve_panels")):
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)
        monkeypatch.delattr(package, name, raising=False)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    at = open_page("curves")
    assert not at.exception
    assert "pip install -r requirements.txt" in at.error[0].value
    assert not open_page("streamlit_app").error


def test_a_fault_shows_a_number_that_the_log_has_too(tiny, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret path /etc/passwd")

    monkeypatch.setattr(store, "read_history", broken)
    at = open_page("curves")
    assert not at.exception
    shown = at.error[0].value
    assert "secret" not in shown
    number = shown.split("fault ")[1][:6]
    assert number in caplog.text


def test_every_page_has_its_place_in_the_menu(tiny):
    from ui import frame

    pages = {f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    assert {
        script for script, _, _ in (*frame.MENU[1:], frame.RUN_PAGE, *frame.RESULT_PAGES)
    } == pages
    assert sources.DATASETS[tiny.info["dataset"]].title == dataset_title(tiny)


def test_train_offers_the_originals_with_their_authors_results(artifacts):
    at = open_page("train")
    assert not at.exception
    assert not at.error
    shown = texts(at)
    assert "96.68 % test" in shown
    buttons = [button.key for button in at.button if button.key.startswith("reproduce_")]
    assert len(buttons) == 5


def test_one_click_puts_an_original_in_line(artifacts, no_workers):
    at = open_page("train")
    at.button(key="reproduce_mnist-mlp").click().run()
    run = store.list_runs()[0]
    assert run.status == "queued"
    assert run.info["recipe"] == "mnist-mlp"
    assert run.info["config"]["epochs"] == 5


def test_clicking_five_times_makes_one_run(artifacts, no_workers):
    """Case 3."""
    for _ in range(5):
        at = open_page("train")
        at.button(key="train_start").click().run()
    assert len(store.list_runs()) == 1


def test_a_value_out_of_range_is_told_at_its_field_and_the_form_is_kept(artifacts, no_workers):
    """Case 41."""
    at = open_page("train")
    at.number_input(key="train_digits-cnn_lr").set_value(0.0)
    at.number_input(key="train_digits-cnn_epochs").set_value(7).run()
    assert not at.exception
    assert any("is outside" in error.value for error in at.error)
    assert at.button(key="train_start").disabled
    assert at.number_input(key="train_digits-cnn_epochs").value == 7
    at.number_input(key="train_digits-cnn_lr").set_value(0.001).run()
    assert not at.error
    at.button(key="train_start").click().run()
    config = store.list_runs()[0].info["config"]
    assert (config["epochs"], config["lr"]) == (7, 0.001)


@pytest.mark.parametrize(("page", "name"), [("run", "run"), ("train", "from")])
def test_settings_edited_in_the_file_are_told_on_the_page(tiny, page, name):
    """Case 41."""
    info = json.loads((tiny.folder / store.INFO).read_text())
    info["config"]["lr"] = 1e9
    (tiny.folder / store.INFO).write_text(json.dumps(info))
    at = open_page(page, **{name: tiny.id})
    assert not at.exception
    assert "lr: 1000000000.0 is outside" in at.error[0].value.replace("\\", "")


def test_a_network_that_does_not_fit_is_told_before_the_start(artifacts):
    at = open_page("train")
    at.text_input(key="train_digits-cnn_house_stages").set_value("16 / 16 / 16 / 16 / 16").run()
    assert "too small for 5 stages" in texts(at)
    at.text_input(key="train_digits-cnn_house_stages").set_value("many").run()
    assert "not a list of whole numbers" in texts(at)


def test_three_seeds_make_three_runs(artifacts, no_workers):
    at = open_page("train")
    at.toggle(key="train_digits-cnn_three").set_value(True).run()
    at.button(key="train_start").click().run()
    assert sorted(run.info["seed"] for run in store.list_runs()) == [0, 1, 2]


def test_three_seeds_that_have_no_room_make_none(artifacts, no_workers, monkeypatch):
    """Case 35."""
    monkeypatch.setenv("LIGHTBOX_MAX_QUEUE", "2")
    at = open_page("train")
    at.toggle(key="train_digits-cnn_three").set_value(True).run()
    at.button(key="train_start").click().run()
    assert "the line has room for 2 of 3" in at.error[0].value
    assert store.list_runs() == []


def test_a_batch_larger_than_the_set_is_told_at_its_field(artifacts):
    """Case 41."""
    at = open_page("train")
    at.number_input(key="train_digits-cnn_batch_size").set_value(2000).run()
    assert [error.value for error in at.error] == ["2000 is more than the 1317 training images"]
    assert at.button(key="train_start").disabled


def test_rare_settings_are_folded_away(artifacts):
    at = open_page("train")
    (folded,) = [place for place in at.expander if place.label == "Advanced"]
    advanced = [name for name, field in FIELDS.items() if field.metadata["group"] == "advanced"]
    inside = {widget.key for kind in ("number_input", "selectbox") for widget in folded.get(kind)}
    assert inside == {f"train_digits-cnn_{name}" for name in advanced}


def test_a_variable_that_is_set_wrongly_is_all_that_a_page_shows(tiny, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_PROFILE", "host")
    for page in ("streamlit_app", "train", "curves"):
        at = open_page(page)
        assert not at.exception
        told = "LIGHTBOX_PROFILE: 'host' is unknown; choose one of local, hosted"
        assert texts(at).replace("\\", "") == told


def test_a_preview_of_the_augmentation_waits_for_the_images(artifacts, no_data):
    at = open_page("train", recipe="mnist-house")
    assert not at.error
    assert "appears once the images are on this machine" in texts(at)


@pytest.mark.slow
def test_the_plan_shows_parameters_layers_and_the_time_on_request(artifacts):
    at = open_page("train")
    assert "68,026" in texts(at)
    assert any("Conv2d" in str(frame.value.iloc[0, 0]) for frame in at.dataframe)
    at.button(key="train_time").click().run(timeout=120)
    assert "an epoch in" in texts(at)


def test_an_estimate_says_what_does_not_fit(artifacts, monkeypatch):
    def refused(*_, **__):
        raise ValueError("batch_size: 4096 is more than the 1317 training images")

    monkeypatch.setattr(plan, "in_worker", refused)
    at = open_page("train")
    at.button(key="train_time").click().run()
    assert at.error[0].value == plain("batch_size: 4096 is more than the 1317 training images")
    assert at.button(key="train_start")


def test_training_that_is_off_leaves_a_banner_and_no_buttons(tiny, monkeypatch):
    """Case 14."""
    monkeypatch.setenv("LIGHTBOX_TRAINING", "off")
    at = open_page("train")
    assert "switched off" in at.warning[0].value
    assert at.button(key="train_start").disabled
    assert not open_page("curves").error


def test_train_again_with_changes_starts_from_a_runs_settings(tiny, no_workers):
    at = open_page("train", **{"from": tiny.id})
    assert at.number_input(key=f"train_{tiny.id}_epochs").value == 2
    at.number_input(key=f"train_{tiny.id}_epochs").set_value(5).run()
    assert "epochs 2 → 5" in texts(at)


def test_a_queued_run_shows_its_place_and_can_be_cancelled(artifacts, no_workers):
    from core.jobs import queue
    from core.training import recipes

    for seed in range(2):
        done = queue.submit(Job(recipes.get("digits-cnn"), seed=seed))
    at = open_page("run", run=done.run_id)
    assert "2 of 2 in line" in texts(at)
    at.button(key="run_stop").click().run()
    assert len(store.list_runs()) == 1
    assert "Unknown run" in at.error[0].value


def test_a_failed_run_says_why_and_offers_to_resume(tiny, no_workers):
    from core.runs import files, status

    failed = second_run(tiny)
    for name in (store.MANIFEST, store.METRICS):
        (failed.folder / name).unlink()
    files.write_json(failed.folder / status.FAILURE, {"reason": "Disk full: free some space."})
    at = open_page("run", run=failed.id)
    assert "Disk full" in at.warning[0].value
    at.button(key="run_resume").click().run()
    assert "in line" in texts(at)


def test_a_run_is_named_and_deleted_on_its_page(tiny):
    other = second_run(tiny)
    at = open_page("run", run=other.id)
    at.text_input(key="run_name").set_value("Mine <b>")
    at.button(key="run_save").click().run()
    assert not at.error, at.error
    assert store.load(other.id).title == "Mine <b>"
    at.button(key="run_delete").click().run()
    assert [run.id for run in store.list_runs()] == [tiny.id]


def test_a_run_that_somebody_trains_is_not_deleted_from_a_page(tiny, monkeypatch):
    """Case 38: the page was drawn before another began to train it."""
    from core.runs import locks

    other = second_run(tiny)
    at = open_page("run", run=other.id)
    monkeypatch.setattr(store.Run, "status", "finished")
    monkeypatch.setattr(locks, "is_locked", lambda folder: True)
    at.button(key="run_delete").click().run()
    assert "is being trained: stop it first" in at.error[0].value.replace("\\", "")
    assert store.load(other.id)
