"""Facts about a data set: kept once, read for the very data they were computed on."""

import pytest

from core.runs import dataset_cache


def test_a_fact_is_read_only_for_the_data_it_was_computed_on(artifacts):
    dataset_cache.write("made", "count", {"dataset_sha256": "abc", "value": 3})
    assert dataset_cache.read("made", "count", "abc")["value"] == 3
    assert dataset_cache.read("made", "count", "other") is None
    assert dataset_cache.read("made", "else", "abc") is None


def test_own_facts_go_before_the_shipped_ones(artifacts, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(dataset_cache, "SHIPPED", shipped)
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(shipped))
    dataset_cache.write("made", "count", {"dataset_sha256": "abc", "value": 1})
    monkeypatch.setenv("LIGHTBOX_ARTIFACTS", str(artifacts))
    assert dataset_cache.read("made", "count", "abc")["value"] == 1
    dataset_cache.write("made", "count", {"dataset_sha256": "abc", "value": 2})
    assert dataset_cache.read("made", "count", "abc")["value"] == 2
    dataset_cache.write("made", "count", {"dataset_sha256": "changed", "value": 2})
    assert dataset_cache.read("made", "count", "abc")["value"] == 1


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"garbage"])
def test_damaged_facts_count_as_none(artifacts, content):
    dataset_cache.write("made", "count", {"dataset_sha256": "abc"}).write_bytes(content)
    assert dataset_cache.read("made", "count", "abc") is None
