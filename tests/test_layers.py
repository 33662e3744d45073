"""Who may import whom, read from the source; and what the first page must not load."""

import ast
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

# Each file may import only what stands above it.
ORDER = [
    "fetch",
    "digits",
    "data",
    "sizes",
    "settings",
    "recipes",
    "models",
    "augment",
    "hardware",
    "distributed",
    "train",
    "precision",
    "evaluate",
    "statistics",
    "compare",
    "learning",
    "histories",
    "picture",
    "strokes",
    "loops",
    "ground",
    "rules",
    "clutter",
    "paper",
    "subject",
    "ink",
    "parts",
    "joints",
    "spans",
    "numbers",
    "files",
    "unzip",
    "state",
    "runs",
    "claims",
    "limits",
    "tags",
    "personal",
    "personal_zip",
    "beginning",
    "summary",
    "samples",
    "agreement",
    "jobs",
    "tasks",
    "stamps",
    "scoring",
    "points",
    "clouds",
    "verdicts",
    "neighbours",
    "facts",
    "baselines",
    "duplicates",
    "experiment",
    "plan",
    "worker",
    "terminal",
    "reader",
    "explain",
    "charts",
    "matrices",
    "sprites",
    "grids",
    "svg",
    "figures",
    "findings",
    "review",
    "card",
    "sheets",
    "handout",
    "cells",
    "rebuild",
    "vetting",
    "archive",
    "report",
    "trackers",
    "giveaway",
    "arguments",
    "commands_training",
    "commands_runs",
    "__main__",
]
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


def test_every_file_of_core_has_its_place():
    assert {path.stem for path in CORE.glob("*.py")} - {"__init__"} == set(ORDER)


def test_every_file_of_core_has_its_tests():
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert {name.strip("_") for name in ORDER} - tested == set()


@pytest.mark.parametrize("name", ORDER)
def test_a_file_imports_only_what_stands_above_it(name):
    above = set(ORDER[: ORDER.index(name)])
    inside = {n.split(".")[1] for n in imported(CORE / f"{name}.py") if n.startswith("core.")}
    assert inside <= above


def test_charts_knows_nobody():
    assert not any(name.startswith("core") for name in imported(CORE / "charts.py"))


def test_nothing_under_core_imports_streamlit():
    for path in CORE.glob("*.py"):
        assert not any(name.split(".")[0] == "streamlit" for name in imported(path)), path


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


@pytest.mark.parametrize("page", ALLOWED)
def test_looking_at_results_loads_no_heavy_package(tiny, page):
    """Streamlit itself imports a part of plotly; what counts is what the page adds to that."""
    shutil.copytree(tiny.folder, tiny.folder.with_name("other-run"))  # for a comparison
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
