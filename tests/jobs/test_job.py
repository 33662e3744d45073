"""What a training is asked for: checked when it is made, and the same wherever it was written."""

import json
import math
import random
import subprocess
import sys
from functools import partial

import pytest

from core.cli import arguments, training_commands
from core.cli.main import main
from core.data import datasets
from core.jobs import queue
from core.jobs.job import OPTIONS, Job
from core.training import hardware, recipes, settings
from core.training.settings import FIELDS, TrainConfig
from tests.helpers import ROOT

DIGITS = recipes.get("digits-cnn")
NUMBERS = {
    name: field for name, field in (FIELDS | OPTIONS).items() if field.metadata["low"] is not None
}


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def below(name: str) -> float:
    """The nearest number under what the field allows."""
    low = NUMBERS[name].metadata["low"]
    return low - 1 if settings.kind_of(NUMBERS[name]) == "int" else math.nextafter(low, -math.inf)


def refused(name: str, value: float) -> str:
    """What the dataclass says to a value."""
    made = partial(Job, DIGITS) if name in OPTIONS else DIGITS.config.replace
    with pytest.raises(ValueError, match=f"^{name}: ") as told:
        made(**{name: value})
    return str(told.value)


def drawn(rng: random.Random, field) -> object:
    """Any value that a field allows."""
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    kind = settings.kind_of(field)
    if choices:
        return rng.choice(choices)
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "str":
        return rng.choice(["Mine", "a=b, c", "Größe 2"])
    return rng.randint(low, high) if kind == "int" else rng.uniform(low, high)


def typed(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [option(name) if value else option(f"no_{name}")]
    return [option(name), str(value)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", -1),
        ("seed", 2**31),
        ("seed", 1.5),
        ("seed", True),
        ("device", "tpu"),
        ("precision", "int4"),
        ("threads", 0),
        ("threads", 257),
        ("name", 7),
    ],
)
def test_what_no_machine_can_do_is_refused_by_name(field, value):
    """Case 41."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        Job(DIGITS, **{field: value})


def test_the_settings_are_the_recipes_own_unless_they_are_given():
    assert Job(DIGITS).config == DIGITS.config
    assert Job(DIGITS, TrainConfig(epochs=1)).config.epochs == 1


def test_a_name_is_one_line_of_at_most_80_characters():
    assert Job(DIGITS, name="  Two\nlines\t\x1b[1m \u202eof  it ").name == "Two lines [1m of it"
    assert Job(DIGITS, name="x" * 100).name == "x" * 80
    assert Job(DIGITS, name=" \n ").name is None


@pytest.mark.parametrize("name", [*NUMBERS])
def test_the_command_line_refuses_with_the_words_of_the_settings(artifacts, capsys, name):
    """Case 41."""
    value = below(name)
    assert main(["train", "digits-cnn", f"{option(name)}={value}"]) == 2
    assert capsys.readouterr().err == f"error: {refused(name, value)}\n"
    if name in FIELDS:
        assert main(["train", "digits-cnn", "--set", f"{name}={value}"]) == 2
        assert capsys.readouterr().err == f"error: {refused(name, value)}\n"
    assert list(artifacts.iterdir()) == []


@pytest.mark.slow
def test_the_form_refuses_with_the_words_of_the_settings(artifacts):
    """Case 41: each at its own field, the others as they were."""
    from tests.helpers.pages import open_page

    at = open_page("train")
    for name in NUMBERS:
        widget = at.number_input(key=f"train_digits-cnn_{name}")
        before = widget.value
        widget.set_value(below(name)).run()
        said = [error.value.replace("\\", "") for error in at.error]
        assert [f"{name}: {words}" for words in said] == [refused(name, below(name))]
        at.number_input(key=f"train_digits-cnn_{name}").set_value(before)


def test_settings_are_the_same_on_the_command_line_in_a_request_and_in_a_worker():
    rng = random.Random(0)
    recipe = recipes.get("mnist-cnn-bn")
    for _ in range(100):
        values = {name: drawn(rng, field) for name, field in FIELDS.items()}
        values["validation"] = rng.uniform(0.1, 0.9)
        own = {name: drawn(rng, field) for name, field in OPTIONS.items()}
        given = [word for pair in (values | own).items() for word in typed(*pair)]
        job = training_commands._asked(arguments.parse(["train", recipe.name, *given]))
        assert job == Job(recipe, TrainConfig(**values), **own)
        assert Job.read(json.loads(json.dumps(job.request()))) == job


def test_a_batch_larger_than_the_training_images_is_refused_before_a_folder_is_made(artifacts):
    """Case 41: the bundled digits have 1,437 of them, of which 120 are held out."""
    queue.submit(Job(DIGITS, DIGITS.config.replace(batch_size=1317)), begin=False)
    with pytest.raises(ValueError, match="batch_size: 1318 is more than the 1317 training images"):
        queue.submit(Job(DIGITS, DIGITS.config.replace(batch_size=1318)), begin=False)
    assert len(list(artifacts.glob("*/"))) == 1


def test_training_images_are_counted_in_their_file_or_taken_as_published(no_data):
    assert datasets.train_count("mnist") == 60_000
    folder = no_data / "MNIST" / "raw"
    folder.mkdir(parents=True)
    header = bytes([0, 0, 8, 1]) + (5).to_bytes(4, "big")
    (folder / "train-labels-idx1-ubyte").write_bytes(header + bytes(5))
    assert datasets.train_count("mnist") == 5
    assert datasets.train_count("digits") == len(datasets.load("digits").train)


def test_a_device_that_is_not_here_is_refused_before_a_folder_is_made(artifacts, monkeypatch):
    monkeypatch.setattr(hardware, "usable_devices", lambda: ["cpu"])
    with pytest.raises(ValueError, match="device: 'cuda' was not found on this machine"):
        queue.submit(Job(DIGITS, device="cuda"), begin=False)
    assert list(artifacts.iterdir()) == []


def test_a_training_is_put_in_line_without_torch(artifacts):
    code = (
        "import sys; from core.jobs import queue; from core.jobs.job import Job;"
        "from core.training import recipes;"
        "queue.submit(Job(recipes.get('digits-cnn')), begin=False);"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
