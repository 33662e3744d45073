"""The code that every notebook shares."""

import ast

import pytest

from core.reports import notebook_cells

CELLS = {name: value for name, value in vars(notebook_cells).items() if name.isupper()}


@pytest.mark.parametrize("name", CELLS)
def test_each_is_python_before_anything_is_filled_in(name):
    ast.parse(CELLS[name])


@pytest.mark.parametrize("name", CELLS)
def test_none_needs_lightbox(name):
    for node in ast.walk(ast.parse(CELLS[name])):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert not any(each.split(".")[0] == "core" for each in names)


def test_the_bundled_digits_of_a_notebook_are_those_of_lightbox():
    import numpy as np

    from core.data import datasets
    from core.data.digits import laid_out

    known = {"np": np, "laid_out": laid_out}
    exec(compile(notebook_cells.DIGITS, "cell", "exec"), known)
    whole = datasets.load("digits")
    for part, split in (("train", whole.train), ("test", whole.test)):
        assert np.array_equal(known[f"{part}_images"], split.images.numpy())
        assert np.array_equal(known[f"{part}_labels"], split.labels.numpy())
