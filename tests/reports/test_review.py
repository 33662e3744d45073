"""The reviewer's walk: sentences raised from the numbers, notes kept with the run."""

import pytest

from core.jobs import queue
from core.reports import review
from core.runs import files, store, tags
from tests.helpers import ROOT


def test_the_walk_has_six_stops_in_the_order_of_a_reviewer(tiny):
    walk = review.stops(tiny)
    assert tuple(stop.key for stop in walk) == review.KEYS
    assert all(stop.facts and stop.question.endswith("?") for stop in walk)


def test_evidence_is_a_page_that_exists(tiny):
    for stop in review.stops(tiny):
        for fact in stop.facts:
            if fact.page:
                assert (ROOT / "pages" / f"{fact.page}.py").is_file()


def test_notes_and_status_are_kept_with_the_run_and_leave_the_rest_alone(tiny):
    tags.annotate(tiny.id, name="Mine", note="Own note")
    review.save(tiny.id, "errors", status="settled", note="  Asked the author  ")
    review.save(tiny.id, "data", status="discussed", note="")
    tags.annotate(tiny.id, note="Another")
    run = store.load(tiny.id)
    kept = review.saved(run)
    assert kept["errors"] == {"status": "settled", "note": "Asked the author"}
    assert kept["data"]["status"] == "discussed"
    assert kept["limits"] == {"status": "open", "note": ""}
    assert (run.title, run.notes["note"]) == ("Mine", "Another")


def test_two_reviewers_at_once_lose_no_word(tiny):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda key: review.save(tiny.id, key, status="open", note=key), review.KEYS))
    kept = review.saved(store.load(tiny.id))
    assert [kept[key]["note"] for key in review.KEYS] == list(review.KEYS)


def test_what_is_unknown_is_refused_by_name(tiny):
    with pytest.raises(ValueError, match="status: 'done' is unknown; choose one of open"):
        review.save(tiny.id, "errors", status="done", note="")
    with pytest.raises(ValueError, match="stop: 'mood' is unknown"):
        review.save(tiny.id, "mood", status="open", note="")


def test_a_hosted_run_stays_as_it_is(tiny, monkeypatch):
    monkeypatch.setenv("LIGHTBOX_PROFILE", "hosted")
    with pytest.raises(queue.Refused, match="hosted"):
        review.save(tiny.id, "errors", status="open", note="graffiti")


@pytest.mark.parametrize(
    "notes", [{"review": 7}, {"review": {"errors": "x"}}, {"review": {"errors": {"status": 3}}}]
)
def test_strange_notes_are_passed_over(tiny, notes):
    files.write_json(tiny.folder / store.NOTES, notes)
    assert review.saved(store.load(tiny.id))["errors"] == {"status": "open", "note": ""}
