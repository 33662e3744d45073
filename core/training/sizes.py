"""The sizes that each kind of network has, stated as settings are; they are the keywords of the
functions in models.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.training import settings
from core.training.settings import setting

_widths = partial(setting, low=1, high=4096, group="network")
_share = partial(setting, 0.0, 0.0, 0.99, group="network")


@dataclass(frozen=True)
class Mlp:
    hidden: tuple[int, ...] = _widths(
        (128, 64), help="Units of each hidden layer, set apart by commas"
    )
    dropout: float = _share()


@dataclass(frozen=True)
class Cnn:
    widths: tuple[int, ...] = _widths((32, 64), help="Filters of each stage, set apart by commas")
    dense: int = _widths(128, help="Units of the hidden layer")
    batch_norm: bool = setting(False, group="network")
    dropout: float = _share(help="On the last feature map")
    dense_dropout: float = _share(help="On the hidden layer")
    padding: int = setting(1, 0, 16, group="network", help="Pixels around each feature map")
    glorot: bool = setting(False, group="network", help="Weights and biases start as in Keras")


@dataclass(frozen=True)
class House:
    stages: tuple[tuple[int, ...], ...] = _widths(
        ((24, 32), (48, 48), (64, 64)),
        help="Filters of each convolution; stages set apart by a slash",
    )
    dropout: float = _share()


# Network -> size -> its field.
SIZES = {
    kind.__name__.lower(): {field.name: field for field in dataclasses.fields(kind)}
    for kind in (Mlp, Cnn, House)
}


def check(model: str, sizes: Mapping[str, Any]) -> None:
    """Raises ValueError naming the size, its value and what is allowed."""
    if model not in SIZES:
        raise ValueError(f"model: {model!r} is unknown; choose one of {', '.join(SIZES)}")
    for name, value in sizes.items():
        if name not in SIZES[model]:
            raise ValueError(f"{name}: a network {model!r} has only {', '.join(SIZES[model])}")
        settings.check(SIZES[model][name], value)
