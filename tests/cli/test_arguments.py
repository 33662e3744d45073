"""What the command line takes, and what it says to what it does not take."""

import argparse

import pytest

from core.cli import arguments, main
from core.jobs.fine_tuning import FIXED
from core.jobs.job import OPTIONS
from core.training.settings import FIELDS, hint


def commands() -> dict[str, argparse.ArgumentParser]:
    """Name -> parser of each command."""
    actions = arguments.parser()._actions
    (found,) = [action for action in actions if isinstance(action, argparse._SubParsersAction)]
    return found.choices


def parse(*given: str) -> argparse.Namespace:
    return arguments.parse(list(given))


def test_every_command_has_its_function_and_every_function_its_command():
    assert set(commands()) == set(main.COMMANDS)


@pytest.mark.parametrize("name", list(commands()))
def test_a_command_gives_its_own_name_and_explains_itself(name):
    parser = commands()[name]
    assert parser.get_default("command") == name
    assert parser.description.endswith(".")


def test_an_option_of_train_that_is_left_out_changes_nothing():
    given = parse("train", "mnist-mlp")
    assert given.recipe == "mnist-mlp"
    assert {getattr(given, name) for name in FIELDS | OPTIONS} == {None}


@pytest.mark.parametrize("name", ["train", "plan", "fine-tune"])
def test_every_setting_is_an_option_with_its_help_and_its_range(name):
    shown = " ".join(commands()[name].format_help().split())
    known = (FIELDS | OPTIONS).items()
    told = [(key, field) for key, field in known if name != "fine-tune" or key not in FIXED]
    for key, field in told:
        assert f"--{key.replace('_', '-')}" in shown
        assert hint(field) in shown.replace("- ", "-"), key
    assert all(f" {group}: " in shown for group in ("training", "advanced", "augmentation"))


def test_switches_are_turned_on_and_off():
    assert parse("train", "fashion-house", "--flip").flip is True
    assert parse("train", "fashion-house", "--no-flip").flip is False


def test_what_trained_weights_are_used_to_is_no_option_of_fine_tune(capsys):
    for name in FIXED:
        with pytest.raises(SystemExit):
            parse("fine-tune", "a-run", f"--{name}", "0")


def test_former_names_are_taken_and_not_shown():
    assert parse("further", "a-run").command == "fine-tune"
    assert parse("evaluate", "a-run", "--stamp").save
    assert "further" not in commands()
    assert "--stamp" not in commands()["evaluate"].format_help()


def test_numbers_of_train_and_plan_arrive_as_numbers():
    options = ["--epochs", "3", "--batch-size", "32", "--lr", "1e-3", "--validation", "0"]
    for command in ("train", "plan"):
        given = parse(command, "digits-cnn", *options, "--threads", "2")
        assert (given.epochs, given.batch_size, given.lr, given.validation) == (3, 32, 0.001, 0.0)
        assert given.threads == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["dance"], "invalid choice: 'dance'"),
        ([], "required: COMMAND"),
        (["train"], "required: RECIPE"),
        (["train", "digits-cnn", "--threads", "many"], "--threads: invalid int value: 'many'"),
        (["train", "digits-cnn", "--lr", "fast"], "--lr: invalid float value: 'fast'"),
        (["predict", "a-run"], "required: IMAGE"),
        (["stop"], "required: RUN"),
        (["runs", "--yaml"], "unrecognized arguments: --yaml"),
    ],
)
def test_what_is_not_taken_is_named_and_exits_2(capsys, given, words):
    with pytest.raises(SystemExit) as stopped:
        parse(*given)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_an_unknown_command_is_answered_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        parse("dance")
    said = capsys.readouterr().err
    assert all(name in said for name in commands())
