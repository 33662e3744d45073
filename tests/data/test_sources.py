"""What is known of a data set by its name."""

import pytest

from core.data import sources


def test_a_set_is_known_by_name_and_classes():
    info = {"dataset": "mnist", "classes": list("0123456789")}
    assert sources.known(info) is sources.DATASETS["mnist"]
    for other in (info | {"classes": ["a", "b"]}, info | {"dataset": "mine"}):
        found = sources.known(other)
        assert (found.drawn, found.digits, found.classes) == (False, False, tuple(other["classes"]))


def test_an_unknown_name_is_told_the_known():
    with pytest.raises(ValueError, match="unknown data set 'cifar': choose one of digits, mnist"):
        sources.find("cifar")
