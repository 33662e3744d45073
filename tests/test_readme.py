"""The README: what it tells people to type can be typed, and what it lists is there."""

import re
import shlex

import pytest

from core.cli import arguments
from core.cli.main import COMMANDS
from core.training import recipes
from tests.conftest import ROOT
from tests.test_layers import ORDER

TEXT = (ROOT / "README.md").read_text()
VARIABLE = r"LIGHTBOX_[A-Z_]+[A-Z]"
SPANS = [*re.findall(r"`([^`\n]+)`", TEXT), *re.findall(r"^ {4}(\S.*)$", TEXT, re.MULTILINE)]
TYPED = sorted(
    {
        words.split("#")[0].split("&&")[0].strip()
        for span in SPANS
        for words in re.findall(r"-m core (.+)", span)
    }
)


def test_there_are_commands_to_try():
    assert len(TYPED) > 15


@pytest.mark.parametrize("line", TYPED)
def test_every_command_can_be_typed_as_it_stands(line):
    options = arguments.parser().parse_args(shlex.split(line))
    assert options.command in COMMANDS
    if "recipe" in options:
        assert options.recipe in recipes.RECIPES


def test_options_named_for_train_are_its_options():
    (told,) = re.findall(r"`train` takes `([^`]+)`", TEXT)
    values = {"--device": "cpu", "--precision": "float32", "--name": "x"}
    for option in told.split():
        arguments.parser().parse_args(["train", "digits-cnn", option, values.get(option, "1")])


def test_every_command_for_people_is_told():
    named = {shlex.split(line)[0] for line in TYPED}
    named |= {word for span in SPANS for word in re.findall(r"\w+", span)}
    assert set(COMMANDS) - {"work"} <= named  # `work` is a worker's own


def test_variables_are_those_that_are_read():
    read = {
        name
        for folder in ("core", ".", "tests")
        for path in (ROOT / folder).glob("*.py")
        for name in re.findall(VARIABLE, path.read_text())
    }
    told = set(re.findall(VARIABLE, TEXT))
    limits = set(re.findall(VARIABLE, (ROOT / "core" / "limits.py").read_text()))
    assert limits <= told <= read


def test_the_tree_lists_core_in_its_order():
    told = re.findall(r"([a-z_]+)\.py {1,}[a-z`]", TEXT.split("core/ ")[1].split("artifacts/ ")[0])
    hidden = {"__main__", "commands_training", "commands_runs"}  # told as commands_*.py
    assert told == [name for name in ORDER if name not in hidden]


def test_files_and_modules_that_are_named_exist():
    for path in re.findall(r"\((assets/[^)]+)\)", TEXT):
        assert (ROOT / path).is_file()
    for module in re.findall(r"python -m (bench\.\w+)", TEXT):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
