"""Who may import whom, read from the source; and what the first page must not load."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT, one_path
from tests.helpers.rooms import ROOMS

ORDER = [f"{room}.{name}" for room, names in ROOMS.items() for name in names]
CORE = ROOT / "core"


def imported(path) -> set[str]:
    """Dotted names of everything a file imports, wherever the import stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def inside(path: Path) -> set[str]:
    """Dotted room.file of everything in core that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "core" for alias in node.names), path
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("core"):
            room, *file = node.module.split(".")[1:]
            found |= {f"{room}.{name}" for name in file or [alias.name for alias in node.names]}
    return found


def test_every_file_of_core_has_its_place():
    files = {f"{path.parent.name}.{path.stem}" for path in CORE.glob("*/*.py")}
    assert {name for name in files if not name.endswith("__init__")} == set(ORDER)
    assert {path.name for path in CORE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_rooms_have_neither_too_few_files_nor_too_many():
    assert all(3 <= len(names) <= 15 for names in ROOMS.values())


def test_rooms_begin_with_a_sentence_and_nothing_else():
    for room in ROOMS:
        assert [
            type(node) for node in ast.parse((CORE / room / "__init__.py").read_text()).body
        ] == [ast.Expr]


def test_every_file_of_core_has_its_tests():
    missing = [
        name
        for name in ORDER
        if not (ROOT / "tests" / name.replace(".", "/test_", 1)).with_suffix(".py").exists()
    ]
    assert not missing


@pytest.mark.parametrize("name", ORDER)
def test_a_file_imports_only_what_stands_above_it(name):
    room, file = name.split(".")
    assert inside(CORE / room / f"{file}.py") <= set(ORDER[: ORDER.index(name)])


def test_charts_knows_nobody():
    assert not any(name.startswith("core") for name in imported(CORE / "figures" / "charts.py"))


def test_figures_know_nothing_of_core_but_one_another():
    for path in (CORE / "figures").glob("*.py"):
        assert all(name.startswith("figures.") for name in inside(path)), path


def test_nothing_under_core_imports_streamlit():
    for path in CORE.rglob("*.py"):
        assert not any(name.split(".")[0] == "streamlit" for name in imported(path)), path


def test_no_test_module_imports_another():
    """What tests share has its place in tests/helpers/."""
    for path in (ROOT / "tests").rglob("*.py"):
        shared = {name for name in imported(path) if name.split(".")[0] == "tests"}
        assert all(name.startswith("tests.helpers.") for name in shared), path


HEAVY = ("torch", "torchvision", "sklearn", "plotly", "scipy", "matplotlib")


ALLOWED = {
    "streamlit_app": (),
    "curves": ("plotly",),
    "time_machine": ("plotly",),
    "confusion_matrix": ("plotly",),
    "samples": ("plotly",),
    "compare": ("plotly", "scipy"),
    "claim": ("plotly", "scipy"),
}


@pytest.mark.parametrize("page", one_path(ALLOWED, also=["samples"]))
def test_looking_at_results_loads_no_heavy_package(digits, page):
    """Streamlit itself imports a part of plotly; what counts is what the page adds to that."""
    shutil.copytree(digits.folder, digits.folder.with_name("other-run"))  # for a comparison
    allowed = ALLOWED[page]
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
before = set(sys.modules)
at = AppTest.from_file({str(ROOT / "streamlit_app.py")!r}, default_timeout=60)
if {page!r} != "streamlit_app":
    at.switch_page("pages/{page}.py")
at.run()
assert not at.exception and not at.error and at.title, at
added = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(sorted(added & set({HEAVY!r}) - set({allowed!r})))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
