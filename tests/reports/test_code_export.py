"""Notebook and script run without Lightbox and give the run's own numbers."""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.evaluation import calibration
from core.figures import charts, static
from core.jobs import experiment
from core.jobs.job import Job
from core.reports import code_export, package
from core.runs import store
from core.training import augmentation, recipes, settings
from tests.helpers.synthetic import ONE_THREAD, TINY, recipe_for, synthetic


def laid_out(run: store.Run, folder):
    """What the export puts beside each other, for one that runs there."""
    folder.mkdir()
    for name in (store.WEIGHTS, store.HISTORY):
        (folder / name).write_bytes((run.folder / name).read_bytes())
    (folder / "rebuild.py").write_text(code_export.script(run))
    (folder / "notebook.ipynb").write_text(code_export.notebook(run))
    return folder


def ran(folder, *arguments: str, data=None) -> str:
    environment = {**os.environ, "PYTHONPATH": "", "LIGHTBOX_DATA": str(data or folder / "data")}
    done = subprocess.run(
        [sys.executable, "rebuild.py", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def accuracy(printed: str) -> float:
    line = next(
        line for line in printed.splitlines() if line.startswith(("accuracy 0.", "accuracy 1.0:"))
    )
    return float(line.split()[1].rstrip(":"))


@pytest.mark.slow
def test_the_script_reproduces_the_stored_accuracy(tiny, tmp_path):
    folder = laid_out(tiny, tmp_path / "away")
    printed = ran(folder)
    assert accuracy(printed) == tiny.metrics["test_accuracy"]
    assert printed.rstrip().endswith("reproduced")
    for name in ("curves", "confusion", "samples", "calibration"):
        assert (folder / f"rebuilt_{name}.png").stat().st_size > 5000


@pytest.mark.slow
def test_training_again_ends_with_the_same_accuracy(tiny, tmp_path):
    """Same machine, same number of threads, float32: the same weights."""
    folder = laid_out(tiny, tmp_path / "away")
    (folder / store.WEIGHTS).unlink()
    (folder / store.HISTORY).unlink()
    printed = ran(folder, "--train")
    assert accuracy(printed) == tiny.metrics["test_accuracy"]
    records = [ast.literal_eval(line) for line in printed.splitlines() if line.startswith("{")]
    for record, stored in zip(records, tiny.history()[0], strict=True):
        assert record["validation_loss"] == stored["validation_loss"]
        assert record["train_loss"] == pytest.approx(stored["train_loss"], rel=1e-5)


@pytest.mark.trains
@pytest.mark.slow
def test_every_kind_of_augmentation_is_trained_with_again(artifacts, tmp_path):
    config = TINY.replace(epochs=1, elastic=0.01, stroke=0.3, upstrokes=0.5, flip=True, erasing=0.2)
    recipe = recipes.get("digits-cnn")
    run = experiment.run(Job(recipe, config, precision="float32", threads=1))
    assert (
        accuracy(ran(laid_out(run, tmp_path / "away"), "--train")) == (run.metrics["test_accuracy"])
    )


@pytest.mark.trains
@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"ema": 0.9, "schedule": "plateau", "warmup": 0.5, "clip": 0.5, "patience": 1},
        {"mixup": 0.4, "cutmix": 1.0, "balance": "sampling", "schedule": "cosine", "ema": 0.9},
        {"balance": "weights", "schedule": "step", "step_size": 1, "select": "best", "ema": 0.5},
    ],
)
def test_every_setting_of_the_loop_is_trained_with_again(artifacts, tmp_path, settings):
    config = TINY.replace(select="last").replace(**settings)
    run = experiment.run(Job(recipes.get("digits-cnn"), config, **ONE_THREAD))
    printed = ran(laid_out(run, tmp_path / "away"), "--train")
    assert accuracy(printed) == run.metrics["test_accuracy"]
    records = [ast.literal_eval(line) for line in printed.splitlines() if line.startswith("{")]
    told = [record["validation_loss"] for record in run.history()[0]]
    assert [record["validation_loss"] for record in records] == told


def test_augmentation_is_all_that_settings_can_ask_for():
    """A setting that augmentation.py reads and code_export.py does not know would be left out."""
    read = set(re.findall(r"config\.(\w+)", inspect.getsource(augmentation)))
    assert read == set(settings.AUGMENTATION)


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tiny, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="pip install -r requirements-dev.txt")
    import nbformat

    folder = laid_out(tiny, tmp_path / "away")
    book = nbformat.read(folder / "notebook.ipynb", as_version=4)
    nbformat.validate(book)
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel shows its figures in its own way
    client = nbclient.NotebookClient(
        book, timeout=300, resources={"metadata": {"path": str(folder)}}
    )
    with ThreadPoolExecutor(1) as thread:  # a browser's tests keep this thread's event loop
        done = thread.submit(client.execute).result()
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    assert accuracy(printed) == tiny.metrics["test_accuracy"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4


def test_notebook_page_and_files_show_the_same_bins(tiny):
    """Made by one function and drawn at the same places."""
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.figure import Figure

    stored, shown = tiny.predictions(), []
    scope = {"np": np, "plt": plt, "Figure": Figure, "Mapping": dict, "Sequence": list}
    probs = stored["probs"].astype(np.float32)
    scope |= {"test_labels": stored["labels"], "probs": probs, "predicted": probs.argmax(1)}
    scope |= {"show": lambda figure, name: shown.append(figure), "ACCENT": static.ACCENT}
    cells = [source for _, source in code_export.parts(tiny, script=True)]
    wilson = next(cell for cell in cells if "def wilson_interval" in cell)
    exec(wilson[wilson.index("def wilson_interval") :].partition("\nfrom ")[0], scope)
    exec(cells[-1], scope)
    bins = calibration.reliability_bins(probs.argmax(1) == stored["labels"], probs.max(1))
    assert scope["bins"] == bins
    drawn = static.reliability(static.blank(), bins)
    page = charts.reliability(bins, color="#123456").data[1]
    for figure in (*shown, drawn):
        points = figure.axes[0].collections[-1].get_offsets()
        assert points.tolist() == np.column_stack([page.x, page.y]).tolist()
    plt.close("all")


def test_neither_imports_lightbox(tiny):
    for node in ast.walk(ast.parse(code_export.script(tiny))):
        if isinstance(node, ast.ImportFrom):
            assert not node.module.startswith("core")
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("core") for name in node.names)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_kind_of_network_is_written_out_and_takes_its_weights(shipped, name):
    """The network's cell alone, with the run's own weights."""
    import torch

    run = shipped[name]
    source = next(s for kind, s in code_export.parts(run, script=True) if "nn.Sequential" in s)
    scope = {"torch": torch, "nn": torch.nn, "SEED": 0}
    exec(source, scope)
    scope["network"].load_state_dict(store.read_weights(run))
    compile(code_export.script(run), "rebuild.py", "exec")
    json.loads(code_export.notebook(run))


@pytest.mark.parametrize("name", ["mnist-mlp", "fashion-cnn", "mnist-house"])
def test_published_sets_are_read_by_torchvision(shipped, real_data, tmp_path, name):
    run = shipped[name]
    printed = ran(laid_out(run, tmp_path / "away"), data=real_data)
    assert accuracy(printed) == run.metrics["test_accuracy"]


@pytest.mark.trains
@pytest.mark.slow
def test_a_set_of_ones_own_lies_beside_it(artifacts, tmp_path):
    import numpy as np

    dataset = synthetic(channels=3, side=20, classes=3, train=90, test=30)
    run = experiment.run(Job(recipe_for(dataset, glorot=True), **ONE_THREAD), dataset=dataset)
    folder = laid_out(run, tmp_path / "away")
    np.savez(
        folder / "data.npz",
        **{
            f"{part}_{kind}": getattr(getattr(dataset, part), kind).numpy()
            for part in ("train", "test")
            for kind in ("images", "labels")
        },
    )
    assert accuracy(ran(folder)) == run.metrics["test_accuracy"]


@pytest.mark.slow
def test_hostile_words_stay_words(tiny, tmp_path):
    """Case 40: a name is neither code nor markup."""
    name = (
        'x"""\nimport os; os.mkdir("executed")\n# %% <script>alert(1)</script> \u202e'
        + "y" * 10_000
    )
    (tiny.folder / store.NOTES).write_text(json.dumps({"name": name}))
    info = json.loads((tiny.folder / store.INFO).read_text())
    hostile = {"versions": info["versions"] | {"torch": 'x\nimport os\nos.mkdir("executed")'}}
    (tiny.folder / store.INFO).write_text(json.dumps(info | hostile))
    run = store.load(tiny.id)
    folder = laid_out(run, tmp_path / "away")
    assert "reproduced" in ran(folder)
    assert not (folder / "executed").exists()
    opening = json.loads(code_export.notebook(run))["cells"][0]["source"]
    assert "<script>" not in "".join(opening)
    assert len("".join(opening)) < 1500


def test_it_is_part_of_the_package(tiny):
    assert {"rebuild.py", "notebook.ipynb"} <= set(package.MAKERS)


def test_a_run_that_went_on_from_another_says_that_it_is_not_rebuilt_exactly(tiny):
    info = tiny.info | {"start_from": {"run": "first"}, "personal": {"count": 3, "repeats": 1}}
    opening = next(
        code_export.parts(store.Run(tiny.id, tiny.folder, info, tiny.metrics), script=True)
    )
    assert "went on from another, which is not in" in opening[1]
    assert "ends with the same" not in opening[1]
    assert "ends with the same" in next(code_export.parts(tiny, script=True))[1]
