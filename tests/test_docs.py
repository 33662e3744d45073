"""The documents: what they tell people to type can be typed, what they name is there, and their
examples hold.
"""

import ast
import importlib
import re
import shlex

import numpy as np
import pytest
import torch
from PIL import Image

from core.cli import arguments, training_commands
from core.cli.main import COMMANDS
from core.data import fetch, sources
from core.reports import package
from core.runs import limits, status, store
from core.training import models, recipes, settings
from tests.helpers import ROOT
from tests.helpers.rooms import ROOMS

PATHS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS = {path.name: path.read_text() for path in PATHS}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROSE = {name: FENCE.sub("", text) for name, text in DOCUMENTS.items()}
SPANS = [
    span
    for text in PROSE.values()
    for span in (*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4}(\S.*)$", text, re.M))
]
TYPED = sorted(
    {
        words.split("#")[0].split("&&")[0].strip()
        for span in SPANS
        for words in re.findall(r"-m core (?!COMMAND)(.+)", span)
    }
)
VARIABLE = r"LIGHTBOX_[A-Z_]+[A-Z]"
PICTURES = {path.name for path in (ROOT / "assets").iterdir()}


def blocks(name: str, kind: str) -> list[str]:
    """The fenced blocks of a document in one language."""
    return [body for language, body in FENCE.findall(DOCUMENTS[name]) if language == kind]


def rows(name: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, its own heading left out."""
    section = DOCUMENTS[name].split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = re.search(r"(?:^\|.*\n?)+", section, re.MULTILINE).group()
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


def anchors(text: str) -> set[str]:
    """The places in a document that a link may lead to."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short_and_begins_with_a_moving_picture():
    assert len(DOCUMENTS["README.md"].splitlines()) <= 130
    (first, *_) = re.findall(r"!\[[^\]]+\]\((.+?)\)", DOCUMENTS["README.md"])
    assert (ROOT / first).stat().st_size < 2_500_000
    with Image.open(ROOT / first) as picture:
        assert picture.n_frames >= 8


def test_there_are_commands_to_try():
    assert len(TYPED) > 25


@pytest.mark.parametrize("line", TYPED)
def test_every_command_can_be_typed_as_it_stands(line):
    options = arguments.parser().parse_args(shlex.split(line))
    assert options.command in COMMANDS
    if "recipe" in options:
        assert options.recipe in recipes.RECIPES
    if "dataset" in options:
        assert options.dataset in sources.DATASETS


def test_options_named_for_train_are_its_options():
    (told,) = re.findall(r"`train` takes `([^`]+)`", DOCUMENTS["training.md"])
    values = {"--device": "cpu", "--precision": "float32", "--name": "x"}
    for option in told.split():
        arguments.parser().parse_args(["train", "digits-cnn", option, values.get(option, "1")])


def test_the_sizes_of_networks_that_are_set_in_examples_are_theirs():
    for line in TYPED:
        options = arguments.parser().parse_args(shlex.split(line))
        if getattr(options, "set", None):
            assert training_commands._asked(options).recipe.sizes


def test_every_command_for_people_is_told_and_in_the_table():
    named = {shlex.split(line)[0] for line in TYPED}
    listed = re.findall(
        r"`([a-z-]+)`", " ".join(row[0] for row in rows("training.md", "Every command"))
    )
    people = set(COMMANDS) - {"work"}  # a worker's own
    assert people <= named | set(listed)
    assert sorted(listed) == sorted(people)


def test_recipes_that_are_named_exist_and_all_are_told():
    looks_like_one = re.compile(r"(?:digits|mnist|fashion|kmnist)-[a-z0-9-]+")
    named = {span for span in SPANS if looks_like_one.fullmatch(span)}
    assert named - set(sources.DATASETS) == set(recipes.RECIPES)
    told = " ".join(row[0] for row in rows("training.md", "What can be trained"))
    assert set(re.findall(r"`([^`]+)`", told)) == set(recipes.RECIPES)


def test_variables_are_those_that_are_read():
    sources = [
        path
        for folder in ("core", "ui", "tests", "pages")
        for path in (ROOT / folder).rglob("*.py")
    ]
    read = {name for path in sources for name in re.findall(VARIABLE, path.read_text())}
    assert {name for text in DOCUMENTS.values() for name in re.findall(VARIABLE, text)} == read
    table = " ".join(row[0] for row in rows("training.md", "Variables"))
    assert set(re.findall(VARIABLE, table)) == set(limits.VARIABLES) == read


def test_limits_are_told_as_they_are():
    told = {row[0].strip("`"): row[2].replace("`", "") for row in rows("training.md", "Variables")}
    for name in told.keys() & limits.VARIABLES.keys():
        usual, strict, _ = limits.VARIABLES[name]
        own, hosted = (
            f"{value:,}" if isinstance(value, int) else value for value in (usual, strict)
        )
        assert told[name] == (own if own == hosted else f"{own} ({hosted})"), name


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target, _, place in re.findall(r"\]\(([^)#\s]*)(#([^)\s]+))?\)", PROSE[path.name]):
        if "://" in target:
            continue
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), target
        assert not place or place in anchors(file.read_text()), f"{target}#{place}"


def test_files_and_modules_that_are_named_exist():
    text = "\n".join(PROSE.values())
    modules = set(re.findall(r"python -m (bench[.\w]*)", text))
    assert modules
    for module in modules:
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    folders = r"(?:core|ui|pages|tests|bench|docs|assets|\.streamlit|\.ci)"
    for span in SPANS:
        for name in re.findall(rf"(?<![\w./-]){folders}/[\w./*-]*", span):
            if name != ".streamlit/secrets.toml":  # a person's own
                assert list(ROOT.glob(name.rstrip("/"))), name


def test_bare_names_of_files_are_files_of_the_project_or_of_an_export():
    there = {path.name for path in ROOT.glob("*")} | set(package.MAKERS)
    there |= {
        path.name for folder in ("core", "ui", "tests") for path in (ROOT / folder).rglob("*.py")
    }
    named = {span for span in SPANS if re.fullmatch(r"\w+\.py", span)}
    assert named
    assert named <= there


def test_names_that_are_said_to_stand_in_a_file_stand_there():
    text = "\n".join(PROSE.values())
    found = re.findall(r"`(\w+)` (?:in|of) `([\w./]+\.py)`", text)
    assert len(found) > 8
    for name, path in found:
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text()), f"{name} in {path}"


def test_every_picture_is_shown_somewhere():
    shown = {
        name for text in DOCUMENTS.values() for name in re.findall(r"assets/([\w.-]+)\)", text)
    }
    assert shown | {"icon.png"} == PICTURES  # the icon is the browser's


def test_the_tree_names_what_is_there():
    tree = DOCUMENTS["README.md"].split("## The tree\n")[1].split("\n\n")[0].strip()
    for line in tree.splitlines():
        assert (ROOT / line.split()[0]).exists(), line


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "architecture.md"])
def test_the_rooms_stand_in_their_order(name):
    assert re.findall(r"^\| `core/(\w+)/` \|", DOCUMENTS[name], re.MULTILINE) == list(ROOMS)


def test_the_drawing_of_the_rooms_shows_them_all_and_goes_their_way():
    drawn, _ = blocks("CONTRIBUTING.md", "mermaid")
    order = [*ROOMS, "ui", "pages"]
    arrows = re.findall(r"(\w+)(?:\[.*?\])? --> (\w+)", drawn)
    assert {room for arrow in arrows for room in arrow} == set(order)
    assert all(order.index(lower) < order.index(upper) for lower, upper in arrows)


def test_the_drawing_of_a_runs_life_has_its_states():
    _, drawn = blocks("CONTRIBUTING.md", "mermaid")
    states = {*status.ACTIVE, *status.RESUMABLE, "finished"}
    assert set(re.findall(r"\w+", re.sub(r":.*|\[\*\]|stateDiagram-v2", "", drawn))) == states


def test_what_a_runs_folder_holds_is_what_the_code_writes():
    told = [row[0] for row in rows("architecture.md", "What a run's folder holds")]
    names = {name.rstrip("/") for cell in told for name in re.findall(r"`([^`]+)`", cell)}
    source = "\n".join(path.read_text() for path in (ROOT / "core").rglob("*.py"))
    assert {name for name in names if f'"{name}"' not in source} == set()
    assert {*store.FINISHED_FILES, store.MANIFEST, store.REQUEST, store.CHECKPOINT} <= names
    assert {store.NOTES, store.LOG, status.STOP, status.FAILURE} <= names


def test_every_setting_is_told_with_its_range():
    told = rows("own-recipes.md", "Change settings")
    assert [row[0].strip("`") for row in told] == list(settings.TrainConfig.__dataclass_fields__)
    for name, _, allowed in ((row[0].strip("`"), *row[1:]) for row in told):
        if ends := re.fullmatch(r"([\d.,e-]+) to ([\d.,e-]+)", allowed):
            kind = type(getattr(settings.TrainConfig(), name))
            low, high = (kind(float(end.replace(",", ""))) for end in ends.groups())
            for value in (low, high):
                settings.TrainConfig().replace(**{name: value})
            step = 1 if kind is int else 1e-3
            for value in (low - step, high + step):
                with pytest.raises(ValueError, match=f"^{name}: .* is outside"):
                    settings.TrainConfig().replace(**{name: value})


def test_the_example_of_a_recipe_holds():
    (source,) = (
        block for block in blocks("own-recipes.md", "python") if block.startswith("Recipe")
    )
    recipe = eval(source, {"Recipe": recipes.Recipe, "TrainConfig": settings.TrainConfig})
    assert recipe.dataset in sources.DATASETS
    models.build(recipe.model, (1, 28, 28), 10, **recipe.sizes)


def test_the_example_of_a_network_holds():
    (source,) = (block for block in blocks("own-recipes.md", "python") if "nn." in block)
    made = {"nn": torch.nn}
    exec(source, made)
    assert made["linear"]((3, 5, 4), 7)(torch.zeros(2, 3, 5, 4)).shape == (2, 7)


def test_the_example_of_a_data_set_is_read_back(tmp_path):
    (source,) = (block for block in blocks("own-recipes.md", "python") if "write_idx" in block)
    made = {}
    exec(source, made)
    images = np.arange(2 * 5 * 4).reshape(2, 5, 4)
    for name, values in zip(
        fetch.file_names(test_only=True), (images, images[:, 0, 0]), strict=True
    ):
        made["write_idx"](tmp_path / name, values)
        assert f"`{name}`" in DOCUMENTS["own-recipes.md"]
    read, labels = fetch.read_part(tmp_path, "t10k")
    np.testing.assert_array_equal(read, images)
    np.testing.assert_array_equal(labels, [0, 20])


def test_what_examples_import_is_there():
    imports = [
        node
        for name in DOCUMENTS
        for block in blocks(name, "python")
        if "import" in block
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom)
    ]
    assert imports
    for node in imports:
        module = importlib.import_module(node.module)
        for alias in node.names:
            if not hasattr(module, alias.name):
                importlib.import_module(f"{node.module}.{alias.name}")
