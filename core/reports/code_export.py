"""A run as code that needs no Lightbox: a notebook and a script in plain PyTorch.

Both are made of the same cells. What decides the numbers (split, augmentation, optimiser, order of
the draws) is cut out of this library function by function, so that it cannot drift from it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from core.evaluation import calibration, uncertainty
from core.figures import charts, confusion_matrix, static
from core.reports import notebook_cells as cells
from core.reports.model_card import one_line
from core.runs.store import Run
from core.training.recipes import Recipe
from core.training.settings import AUGMENTATION, TrainConfig


def notebook(run: Run) -> str:
    """The run as a Jupyter notebook, not yet executed. Raises ValueError for settings that do not
    hold.
    """
    made = []
    for number, (kind, source) in enumerate(parts(run, script=False)):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell | {"source": source.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def script(run: Run) -> str:
    """The run as a script; it takes --train, and opens in editors that know `# %%` cells."""
    joined = []
    for kind, source in parts(run, script=True):
        if kind == "markdown":
            lines = "".join(f"# {line}".rstrip() + "\n" for line in source.splitlines())
            joined.append(f"# %% [markdown]\n{lines}")
        else:
            joined.append(f"# %%\n{source}\n")
    return "\n".join(joined)


def parts(run: Run, *, script: bool) -> Iterator[tuple[str, str]]:
    """(markdown or code, source) from top to bottom."""
    from core.training import augmentation, batches, loop, optimization, steps
    from core.training.recipes import from_description

    recipe, config = from_description(run.info)
    changed = any(getattr(config, name) for name in AUGMENTATION)
    yield "markdown", _opening(run, script)
    yield "code", _settings(run, config, script)
    yield "markdown", "## The data"
    yield "code", _data(run)
    yield "markdown", "## The network"
    yield "code", _network(run, recipe)
    yield "markdown", "## Training"
    functions: list[Callable[..., Any]] = [steps.normalise, steps.to_input, steps.predict_logits]
    if changed:
        functions += _own(augmentation)
    functions += [steps.train_step, batches.batch_sizes, batches.epoch_order, batches.class_weights]
    functions += [optimization.waited, batches.make_mix, optimization.make_average]
    functions += [optimization.make_optimizer, optimization.make_schedule, loop._mix]
    yield (
        "code",
        f"CHUNK, PREPARED = {steps.CHUNK}, {batches.PREPARED}\n\n\n" + _cut_out(*functions),
    )
    pixels = "images[chunk].float()"
    pixels = f"augment({pixels}, config, generator)" if changed else pixels
    yield "code", cells.TRAINING.replace("PIXELS", pixels)
    yield "code", cells.WEIGHTS
    yield "markdown", "## The result"
    yield (
        "code",
        _cut_out(uncertainty.wilson_interval, uncertainty.score_interval, then=cells.RESULT),
    )
    yield "markdown", "## The figures"
    names = ("ACCENT", "RIGHT", "WRONG", "PART_NAMES")
    constants = "\n".join(f"{name} = {getattr(static, name)!r}" for name in names)
    yield "code", f"{constants}\n\n\n" + _cut_out(charts.telling, static.curves, then=cells.CURVES)
    yield "code", _cut_out(confusion_matrix.named, static.confusion, then=cells.CONFUSION)
    yield "code", _cut_out(static.samples, then=cells.SAMPLES)
    counted: tuple[Callable[..., Any], ...] = (calibration.bin_of, calibration.reliability_bins)
    counted += (calibration.expected_calibration_error,)
    drawn = (charts.spans, static.reliability)
    yield "code", _cut_out(*counted, *drawn, then=cells.CALIBRATION)


def _opening(run: Run, script: bool) -> str:
    versions = run.info["versions"]
    packages = [
        f"{name}=={versions[name]}" if versions.get(name) else name
        for name in ("torch", "torchvision", "numpy", "scikit-learn")
    ]
    clause = "`--train` trains it again" if script else "`TRAIN = True` below trains it again"
    ends = (
        "which on the same\nprocessor with the same number of threads and versions ends with the "
        "same weights."
    )
    if run.info.get("world_size", 1) > 1:
        ends = "in one process, while the run had several: its weights will differ."
    if run.info.get("start_from"):
        ends = (
            "from the beginning, while the run went on from another, which is not in here: its "
            "weights will differ."
        )
    return (
        f"# {words(run.title)}\n\n"
        f"{100 * run.metrics['test_accuracy']:.2f} % of {run.metrics['test_count']:,} test images "
        "classified correctly, rebuilt in plain PyTorch.\n"
        f"`model.pth` and `history.jsonl` lie beside this file; {clause}, {ends}\n\n"
        + words(f"pip install {' '.join(packages)} matplotlib", 300)
    )


def _settings(run: Run, config: TrainConfig, script: bool) -> str:
    info, answers = run.info, run.predictions()["probs"].argmax(1)
    here = 'Path(__file__).parent if "__file__" in globals() else Path()' if script else "Path()"
    lines = [
        "import hashlib",
        "import json",
        "import math",
        "import os",
        *(["import sys"] if script else []),
        "from collections.abc import Callable, Mapping, Sequence",
        "from pathlib import Path",
        "from types import SimpleNamespace as TrainConfig",
        "from typing import Any",
        "",
        *(["import matplotlib", ""] if script else []),
        *(['matplotlib.use("Agg")'] if script else []),
        "import matplotlib.pyplot as plt",
        "import numpy as np",
        "import torch",
        "import torch.nn.functional as F",
        "from matplotlib.figure import Figure",
        "from torch import Generator, Tensor, nn",
        "",
        "",
        'TRAIN = "--train" in sys.argv' if script else "TRAIN = False",
        f"HERE = {here}",
        'DATA = Path(os.environ.get("LIGHTBOX_DATA", "data"))',
        (
            f"SEED, THREADS, PRECISION = {int(info['seed'])}, {int(info.get('threads') or 1)}, "
            f"{'bfloat16' if info.get('precision') == 'bfloat16' else 'float32'!r}"
        ),
        f"CLASSES = {[str(name) for name in info['classes']]!r}",
        f"MEAN, STD = {[float(v) for v in info['mean']]!r}, {[float(v) for v in info['std']]!r}",
        f"PREDICTED_SHA256 = {hashlib.sha256(answers.astype('<u2').tobytes()).hexdigest()!r}",
        "config = TrainConfig(",
        *(f"    {name}={value!r}," for name, value in dataclasses.asdict(config).items()),
        ")",
        "torch.set_num_threads(THREADS)",
        "",
        "",
        "def show(figure, name):",
        *(['    figure.savefig(HERE / f"rebuilt_{name}.png", dpi=120)'] if script else []),
        "    plt.close(figure)" if script else "    plt.show()",
    ]
    return "\n".join(lines)


def _data(run: Run) -> str:
    from core.data import datasets, digits, sources

    known = sources.DATASETS.get(run.info["dataset"])
    if known is None:
        load = cells.OWN_DATA.replace("NAME", repr(str(run.info["dataset"])))
    elif known.folder is None:
        load = cells.DIGITS
    else:
        load = cells.PUBLISHED.replace("KIND", known.folder)
    bundled = [digits.laid_out] * (load is cells.DIGITS)
    functions = _cut_out(digits.stratified_order, *bundled, datasets.hash_part)
    digest = f"TEST_SHA256 = {str(run.info['test_sha256'])!r}"
    return f"{functions}\n\n\n{load.strip()}\n\n{digest}\n{cells.HOLDOUT.strip()}"


def _network(run: Run, recipe: Recipe) -> str:
    from core.training import models

    model = models.build(
        recipe.model, tuple(run.info["shape"]), len(run.info["classes"]), **recipe.sizes
    )
    layers = "".join(f"    nn.{_layer(layer)},\n" for layer in model)
    start = inspect.getsource(models.start_glorot)
    return (
        f"torch.manual_seed(SEED)\nnetwork = nn.Sequential(\n{layers})\n"
        + (f"\n\n{start}\nstart_glorot(network)\n" if recipe.sizes.get("glorot") else "")
        + "network = network.to(memory_format=torch.channels_last)\n"
        'print(f"{sum(p.numel() for p in network.parameters()):,} parameters")'
    )


def _layer(layer: Any) -> str:
    """A layer as one would type it: what is the framework's default is left out."""
    kind = type(layer).__name__
    if kind == "Linear":
        return f"Linear({layer.in_features}, {layer.out_features})"
    if kind == "Conv2d":
        more = f", padding={layer.padding[0]}" if layer.padding[0] else ""
        more += "" if layer.bias is not None else ", bias=False"
        return f"Conv2d({layer.in_channels}, {layer.out_channels}, {layer.kernel_size[0]}{more})"
    if kind == "BatchNorm2d":
        return f"BatchNorm2d({layer.num_features})"
    if kind == "MaxPool2d":
        return f"MaxPool2d({layer.kernel_size})"
    if kind == "Dropout":
        return f"Dropout({layer.p})"
    if kind == "AdaptiveAvgPool2d":
        return "AdaptiveAvgPool2d(1)"
    if kind in ("ReLU", "Flatten"):
        return f"{kind}()"
    raise ValueError(f"code_export.py does not know how a layer {kind} is written: teach it")


def _own(module: ModuleType) -> list[Callable[..., Any]]:
    """Every function that a module defines itself, in its order."""
    found = vars(module).values()
    return [
        each for each in found if inspect.isfunction(each) and each.__module__ == module.__name__
    ]


def _cut_out(*functions: Callable[..., Any], then: str = "") -> str:
    """The source of functions, and below it a cell that calls them."""
    sources = [inspect.getsource(function).rstrip() for function in functions]
    return "\n\n\n".join([*sources, then] if then else sources)


def words(text: str, limit: int = 120) -> str:
    """Text from outside on one line, cut; markup in it is shown, not obeyed."""
    return one_line(text, limit).replace("&", "&amp;").replace("<", "&lt;")
