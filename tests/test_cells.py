"""The code that every notebook shares."""

import ast

import pytest

from core import cells

CELLS = {name: value for name, value in vars(cells).items() if name.isupper()}


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
    import math

    import numpy as np

    from core import data
    from core.digits import stratified_order

    known = {"np": np, "math": math, "stratified_order": stratified_order}
    exec(compile(cells.DIGITS, "cell", "exec"), known)
    whole = data.load("digits")
    for part, split in (("train", whole.train), ("test", whole.test)):
        assert np.array_equal(known[f"{part}_images"], split.images.numpy())
        assert np.array_equal(known[f"{part}_labels"], split.labels.numpy())
