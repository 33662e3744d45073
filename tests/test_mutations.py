"""The list of changes that the tests must notice fits the code as it is."""

import pytest

from bench.mutations import MUTATIONS
from tests.helpers import ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.file)
def test_each_change_applies_once_and_has_tests(mutation):
    assert mutation.applies, mutation.old
    assert (ROOT / mutation.tests.split()[0].partition("::")[0]).is_file()
    assert mutation.new != mutation.old


def test_they_are_spread_over_the_rooms():
    assert len(MUTATIONS) >= 100
    assert len({mutation.file for mutation in MUTATIONS}) >= 25
