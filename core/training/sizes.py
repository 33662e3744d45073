"""The sizes that each kind of network has, as plain data: their defaults, limits and reading from
text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Network -> size -> its default, which is also the default of the function in models.py.
SIZES: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": (128, 64), "dropout": 0.0},
    "cnn": {
        "widths": (32, 64),
        "dense": 128,
        "batch_norm": False,
        "dropout": 0.0,
        "dense_dropout": 0.0,
        "padding": 1,
        "glorot": False,
    },
    "house": {"stages": ((24, 32), (48, 48), (64, 64)), "dropout": 0.0},
}
MAX_WIDTH, MAX_LAYERS = 4096, 16


def check(model: str, sizes: Mapping[str, Any]) -> None:
    """Raises ValueError naming the size, its value and what is allowed."""
    if model not in SIZES:
        raise ValueError(f"model: {model!r} is unknown; choose one of {', '.join(SIZES)}")
    for name, value in sizes.items():
        if name not in SIZES[model]:
            raise ValueError(f"{name}: a network {model!r} has only {', '.join(SIZES[model])}")
        default = SIZES[model][name]
        if isinstance(default, bool):
            continue
        if isinstance(default, float) and not 0 <= value < 1:
            raise ValueError(f"{name}: {value} is outside 0 to 1 (1 excluded)")
        if isinstance(default, int | tuple):
            low = 0 if name == "padding" else 1
            widths = _flat(value)
            if not widths or len(widths) > MAX_LAYERS:
                raise ValueError(f"{name}: give 1 to {MAX_LAYERS} numbers")
            for width in widths:
                if not low <= width <= MAX_WIDTH:
                    raise ValueError(f"{name}: {width} is outside {low} to {MAX_WIDTH}")


def to_text(value: Any) -> str:
    """Widths as people type them: 32, 64; stages are set apart by a slash: 16, 32 / 48."""
    if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
        return " / ".join(to_text(stage) for stage in value)
    return ", ".join(map(str, value))


def from_text(name: str, text: str, default: Any) -> tuple[Any, ...]:
    """The reverse of `to_text`, in the form of `default`. Raises ValueError naming the size."""
    try:
        if isinstance(default[0], tuple):
            return tuple(from_text(name, part, (1,)) for part in text.split("/"))
        return tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise ValueError(f"{name}: {text!r} is not a list of whole numbers") from None


def _flat(value: Any) -> list[int]:
    if isinstance(value, list | tuple):
        return [number for item in value for number in _flat(item)]
    return [value]
