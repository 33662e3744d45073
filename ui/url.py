"""Choices that live in the URL, so that every view is a link. The URL is the truth, and hostile: a
value that is no option is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st


def put(name: str, value: Any) -> None:
    """Write `value` into the URL under `name`; None takes the name out."""
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(value)


def _bound(
    name: str, current: Any, default: Any, as_text: Callable[[Any], str] = str
) -> dict[str, Any]:
    """What binds a widget that shows `current` to `name` in the URL; the default needs no place."""
    key = f"url_{name}"
    st.session_state[key] = current

    def moved() -> None:
        value = st.session_state[key]
        put(name, None if value in (None, default) else as_text(value))
        put("page", None)

    return {"key": key, "on_change": moved}


def url_select(
    text: str,
    options: Sequence[Any],
    *,
    name: str,
    default: Any = None,
    widget: str = "selectbox",
    **settings: Any,
) -> Any:
    """A choice kept in the URL under `name`; unless `default` says another, it begins with the
    first of `options`.
    """
    default = options[0] if default is None else default
    by_text = {str(option): option for option in options}
    current = by_text.get(st.query_params.get(name, ""), default)
    settings |= _bound(name, current, default)
    chosen = getattr(st, widget)(text, options, **settings)
    return current if chosen is None else chosen


def url_segments(text: str, options: Sequence[Any], *, name: str, **settings: Any) -> Any:
    """The same with all options in sight."""
    return url_select(text, options, name=name, widget="segmented_control", **settings)


def url_classes(classes: Sequence[str], *, width: int) -> list[str]:
    """A true and a predicted class, each "Any" or one of `classes`."""
    sides = (("True class", "true"), ("Predicted class", "said"))
    return [url_select(text, ["Any", *classes], name=name, width=width) for text, name in sides]


def url_steps(
    name: str, values: Sequence[Any], place: int, *, key: str, back: str = "Previous"
) -> None:
    """Buttons to the values before and after the one at `place`."""
    for text, icon, to in (
        (back, ":material/chevron_left:", place - 1),
        ("Next", ":material/chevron_right:", place + 1),
    ):
        st.button(
            text,
            icon=icon,
            key=f"{key}_{text.lower()}",
            disabled=not 0 <= to < len(values),
            on_click=put,
            args=(name, values[to % len(values)]),
        )


def url_number(name: str, count: int) -> int | None:
    """The number from 0 to `count` - 1 that the URL holds under `name`, or None."""
    text = st.query_params.get(name, "")
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count:
        return int(text)
    return None


def url_slider(text: str, most: int, *, name: str, default: int) -> int:
    """A whole number from 1 to `most`."""
    bound = _bound(name, url_number(name, most + 1) or default, default)
    return 1 if most == 1 else st.slider(text, 1, most, **bound)


def url_range(text: str, *, name: str) -> tuple[float, float]:
    """Two ends between 0 and 1, kept in percent."""
    low, _, high = st.query_params.get(name, "").partition("-")
    ends = whole = (0, 100)
    if low.isdecimal() and high.isdecimal() and int(low[:4]) <= int(high[:4]) <= 100:
        ends = (int(low[:4]), int(high[:4]))
    bound = _bound(name, ends, whole, lambda ends: "{}-{}".format(*ends))
    low, high = st.slider(text, *whole, format="%d %%", **bound)
    return low / 100, high / 100


def url_toggle(text: str, *, name: str, **settings: Any) -> bool:
    bound = _bound(name, st.query_params.get(name) == "1", False, lambda on: "1")
    return st.toggle(text, **bound, **settings)


def url_many(text: str, options: Sequence[str], *, name: str, **settings: Any) -> list[str]:
    """Several of `options`, joined by commas in the URL."""
    asked = st.query_params.get(name, "").split(",")
    bound = _bound(name, [option for option in options if option in asked], [], ",".join)
    return st.multiselect(text, options, **bound, **settings)
