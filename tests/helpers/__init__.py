"""What tests share; no test module imports another."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def one_path(cases: Iterable[Any], also: Iterable[Any] = ()) -> list[Any]:
    """Cases for parametrize: the first and those of `also` as they are, the rest marked slow."""
    first, *rest = cases
    found = [first]
    for case in rest:
        values = case if isinstance(case, tuple) else (case,)
        marks = () if case in also else pytest.mark.slow
        found.append(pytest.param(*values, marks=marks))
    return found
