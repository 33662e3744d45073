"""The pages that carry a run out, take one in and walk it with a reviewer."""

import base64
import io
import json
import shutil
import zipfile

import pytest

from core.analysis import neighbours, scoring
from core.jobs import queue
from core.jobs.job import Job
from core.reports import archive, review, transfer
from core.runs import limits, safe_zip, store, tags
from tests.helpers import one_path
from tests.helpers.archives import contents
from tests.helpers.pages import open_page, texts
from tests.helpers.runs import second_run

pytestmark = pytest.mark.usefixtures("fresh_caches")
HOSTILE = (
    "=cmd()",
    "<style>*{display:none}</style><script>alert(1)</script>",
    "# **bold** [x](http://y) `code` $a$ :red[x]",
    "\u202eright to left",
    "x" * 10_000,
)


@pytest.fixture
def quick(monkeypatch):
    """The worker's zip without its processes and seconds: the run's files and a page."""

    def zipped(run_id, tell):
        tell("report.html")
        found = contents(store.load(run_id)) | {"report.html": b"<p>page</p>", "README.md": b"card"}
        return safe_zip.pack(found), {"model.onnx": "pip install onnxscript"}

    monkeypatch.setattr(transfer, "zip_in_worker", zipped)

    def taken(content):
        try:
            return f"{archive.take_in(content).run_id} is here: look"
        except ValueError as error:
            raise transfer.Refused(str(error)) from error

    monkeypatch.setattr(transfer, "import_in_worker", taken)


def test_files_are_made_on_demand_and_kept(tiny, quick):
    at = open_page("report")
    assert not at.error
    assert not at.get("download_button")
    at.button(key="make").click().run()
    assert not at.exception
    assert len(at.get("download_button")) == 2
    assert "model.onnx is not there: pip install onnxscript" in texts(at)
    assert len(open_page("report").get("download_button")) == 2  # another visitor, at once
    tags.annotate(tiny.id, note="New")  # what the package would say has changed
    assert not open_page("report").get("download_button")


def test_the_page_is_shown_in_a_frame_of_its_own_when_asked_for(tiny, quick):
    at = open_page("report")
    at.button(key="make").click().run()
    assert not at.get("iframe")
    at.toggle(key="report_preview").set_value(True).run()
    assert not at.exception
    (frame,) = at.get("iframe")
    kind, _, content = frame.proto.src.partition(",")
    assert kind == "data:text/html;charset=utf-8;base64"
    assert base64.b64decode(content) == b"<p>page</p>"


def test_a_zip_is_taken_in_on_the_page_and_a_bad_one_named(tiny, quick):
    """Cases 30, 32 and 46."""
    content = safe_zip.pack(contents(tiny))
    queue.delete(tiny.id)
    at = open_page("report")
    assert "at most 100 MB" in texts(at)
    at.file_uploader(key="import_file").set_value(("<b>bad.zip", b"no zip", "application/zip"))
    at.run()
    at.button(key="import_start").click().run()
    assert "not a zip, or cut off" in at.error[0].value
    assert "\\<b\\>bad.zip" in at.error[0].value
    at.file_uploader(key="import_file").set_value(("run.zip", content, "application/zip")).run()
    at.button(key="import_start").click().run()
    assert f"is here as {tiny.id}" in at.success[0].value
    assert store.load(tiny.id).status == "finished"


def shown(page: str, run_id: str, **query: str) -> str:
    at = open_page(page, run=run_id, **query)
    assert not at.exception
    assert not at.error
    frames = [frame.value.to_csv() for frame in at.dataframe]
    figures = [chart.proto.spec for chart in at.get("plotly_chart")]
    badges = [badge.value for badge in at.get("badge")]
    chosen = [str(box.value) for box in at.selectbox]
    return "\n".join([texts(at), *frames, *figures, *badges, *chosen])


PAGES = ("streamlit_app", "curves", "time_machine", "confusion_matrix", "samples", "claim")


@pytest.mark.slow
def test_after_export_delete_and_import_every_page_is_the_same(tiny):
    """Case 46: through the worker's own zip, with what was computed and noted about the run."""
    other = second_run(tiny, name="Other")
    neighbours.save(tiny.id)
    scoring.save_reproduction(tiny.id)
    tags.write(tiny.info["test_sha256"], 3, "ambiguous")
    review.save(tiny.id, "errors", status="discussed", note="Kept")
    image = {"image": "3"}
    views = [(page, {}) for page in (*PAGES, "draw", "review", "run", "report")]
    views += [("samples", image), ("compare", {"b": other.id})]
    before = [shown(page, tiny.id, **query) for page, query in views]
    content, _ = transfer.zip_in_worker(tiny.id, lambda name: None)
    queue.delete(tiny.id)
    (store.root() / tags.NAME).unlink()
    assert [run.id for run in store.list_runs()] == [other.id]
    transfer.import_in_worker(content)
    after = [shown(page, tiny.id, **query) for page, query in views]
    told = ", before it was taken in here"  # of the stamp alone
    assert sum(told in text for text in after) == 1
    assert [text.replace(told, "") for text in after] == before
    assert "Not looked up yet" not in before[views.index(("samples", image))]


def test_the_walk_shows_each_stop_and_keeps_status_and_note(tiny):
    for stop in review.stops(tiny):
        at = open_page("review", run=tiny.id, stop=stop.key)
        assert not at.exception
        assert at.title[0].value == stop.question
        assert len(at.subheader) == len(stop.facts)
    key = f"review_{tiny.id}_limits"
    at.segmented_control(key=f"{key}_status").set_value("settled")
    at.text_area(key=f"{key}_note").set_value("Three seeds next <b>")
    next(button for button in at.button if button.label == "Keep").click().run()
    assert not at.error
    kept = review.saved(store.load(tiny.id))["limits"]
    assert kept == {"status": "settled", "note": "Three seeds next <b>"}


def test_a_presented_walk_has_no_menu(tiny):
    links = [link.proto.label for link in open_page("review", run=tiny.id).get("page_link")]
    assert "Train" in links
    at = open_page("review", run=tiny.id, present="1", stop="errors")
    assert not at.exception
    assert "Train" not in [link.proto.label for link in at.get("page_link")]


@pytest.mark.parametrize("page", ["review", "report"])
@pytest.mark.parametrize(
    "hostile", one_path(["../../etc/passwd", "%00", "a\0b", "x" * 10_000, "<script>"])
)
def test_hostile_ids_and_choices_in_the_url_are_unknown(tiny, page, hostile):
    """Case 39."""
    at = open_page(page, run=hostile)
    assert not at.exception
    assert at.error[0].value.startswith("Unknown run")
    at = open_page(page, run=tiny.id, stop=hostile, present=hostile)
    assert not at.exception
    assert not at.error


@pytest.mark.parametrize("name", one_path(HOSTILE))
def test_hostile_names_and_notes_are_plain_text_on_these_pages(tiny, quick, name):
    """Case 40."""
    other = second_run(tiny, name=name)
    review.save(other.id, "data", status="open", note=name)
    for page in ("review", "report"):
        at = open_page(page, run=other.id)
        assert not at.exception
        assert not at.error
        told = "\n".join(str(e.value) for e in [*at.title, *at.caption, *at.markdown])
        assert "<style>" not in told.replace("\\<style\\>", "")
        assert "](http" not in told.replace("\\](", "")
        assert len(told) < 3000


def test_the_link_to_a_view_holds_its_choices(tiny):
    at = open_page("review", run=tiny.id, stop="errors")
    at.session_state["link"] = True
    at.run()
    codes = [code.value for code in at.code]
    assert any(f"run={tiny.id}" in code and "stop=errors" in code for code in codes)


@pytest.fixture
def hosted(monkeypatch):
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")


def test_hosted_runs_are_neither_deleted_nor_renamed_nor_noted(tiny, hosted):
    at = open_page("run", run=tiny.id)
    assert not at.error
    keys = {button.key for button in at.button}
    assert not keys & {"run_delete", "run_save"}
    with pytest.raises(queue.Refused, match="hosted"):
        queue.delete(tiny.id)
    with pytest.raises(queue.Refused, match="hosted"):
        tags.annotate(tiny.id, name="Graffiti")
    at = open_page("review", run=tiny.id)
    assert "stay as they are" in texts(at)
    assert limits.max_epochs() == 10


def test_hosted_visitors_steer_only_what_they_began(tiny, hosted, no_workers):
    at = open_page("train", recipe="digits-cnn")
    at.button(key="train_start").click().run()
    assert not at.exception
    (mine,) = queue.active_runs()
    at.switch_page("pages/train.py").run()
    assert f"line_{mine.id}" in {button.key for button in at.button}
    for page in ("train", "run"):  # another visitor
        other = open_page(page, run=mine.id)
        assert not other.error
        assert not {button.key for button in other.button} & {f"line_{mine.id}", "run_stop"}
    at.button(key=f"line_{mine.id}").click().run()
    assert not at.error
    assert queue.active_runs() == []


def test_the_same_wish_of_another_visitor_makes_it_not_theirs(hosted, artifacts, no_workers):
    first, second = (open_page("train", recipe="digits-cnn") for _ in range(2))
    first.button(key="train_start").click().run()
    second.button(key="train_start").click().run()
    (run,) = queue.active_runs()
    for at, own in ((first, True), (second, False)):
        at.switch_page("pages/train.py").run()
        assert (f"line_{run.id}" in {button.key for button in at.button}) is own


def test_hosted_pages_start_no_work_on_a_run_and_tag_nothing(tiny, hosted):
    at = open_page("samples", run=tiny.id, image="3")
    assert not at.exception
    assert not at.error
    keys = {widget.key for kind in (at.button, at.selectbox) for widget in kind}
    assert not keys & {"neighbours_find", "sample_tag_3"}
    assert f"python -m core neighbours {tiny.id}" in texts(at)
    at = open_page("claim", run=tiny.id)
    assert not at.error
    assert "claim_recompute" not in {button.key for button in at.button}


def test_hosted_training_is_capped(tiny, hosted):
    at = open_page("train")
    assert not at.exception
    from core.training import recipes

    with pytest.raises(ValueError, match="is more than the 10 allowed here"):
        queue.submit(Job(recipes.get("digits-cnn")))  # 40 epochs


def test_where_storage_was_wiped_it_says_so_and_a_run_comes_back(tiny, hosted, quick, monkeypatch):
    """Case 46."""
    content = safe_zip.pack(contents(tiny))
    shutil.rmtree(tiny.folder)
    at = open_page("streamlit_app")
    assert "Storage on this host is temporary" in texts(at)
    assert "switched off" in texts(open_page("report"))
    monkeypatch.setenv("LIGHTBOX_IMPORT", "on")
    at = open_page("report")
    assert "at most 10 MB" in texts(at)
    at.file_uploader(key="import_file").set_value(("run.zip", content, "application/zip")).run()
    at.button(key="import_start").click().run()
    assert store.load(tiny.id).status == "finished"
    assert "Storage on this host is temporary" in texts(open_page("report"))


def test_sign_in_is_off_by_default_and_says_what_it_lacks(tiny, monkeypatch):
    assert not open_page("streamlit_app").error
    monkeypatch.setenv("LIGHTBOX_SIGN_IN", "on")
    at = open_page("curves", run=tiny.id)
    assert not at.exception
    assert not at.get("plotly_chart")
    assert "secrets.toml" in texts(at) or "Sign in to see" in texts(at)


@pytest.mark.slow
def test_the_zip_of_the_page_is_the_one_of_the_command_line(tiny):
    content, _ = transfer.zip_in_worker(tiny.id, lambda name: None)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert json.loads(opened.read("run.json")) == json.loads(
            (tiny.folder / store.INFO).read_text()
        )
