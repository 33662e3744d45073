"""Choices that live in the URL, so that every view is a link. The URL is the truth, and hostile: a
value that is no option is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st


def url_select(
    text: str,
    options: Sequence[Any],
    *,
    name: str,
    default: Any,
    format_func: Callable[[Any], str] = str,
    widget: str = "selectbox",
    **settings: Any,
) -> Any:
    """A choice kept in the URL under `name`.

    The URL is the truth; a value that is no option is passed over.
    """
    by_text = {str(option): option for option in options}
    current = by_text.get(st.query_params.get(name, ""), default)
    key = f"url_{name}"
    st.session_state[key] = current

    def moved() -> None:
        if st.session_state[key] in (None, default):
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = str(st.session_state[key])
        st.query_params.pop("page", None)

    draw = getattr(st, widget)
    chosen = draw(text, options, format_func=format_func, key=key, on_change=moved, **settings)
    return current if chosen is None else chosen


def page_number(pages: int) -> int:
    """The page of results that the URL asks for, 1 to `pages`."""
    text = st.query_params.get("page", "")
    asked = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    return min(max(asked, 1), pages)


def page_buttons(number: int, pages: int) -> None:
    """Previous and next, kept in the URL."""

    def turn(step: int) -> None:
        st.query_params["page"] = str(number + step)

    with st.container(horizontal=True):
        for text, icon, step, end in (
            ("Previous", ":material/chevron_left:", -1, number <= 1),
            ("Next", ":material/chevron_right:", 1, number >= pages),
        ):
            key = f"page_{text.lower()}"
            st.button(text, icon=icon, key=key, disabled=end, on_click=turn, args=(step,))


def url_number(name: str, count: int) -> int | None:
    """The number from 0 to `count` - 1 that the URL holds under `name`, or None."""
    text = st.query_params.get(name, "")
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count:
        return int(text)
    return None


def _keep(name: str, value: Any, default: Any) -> None:
    """Put a widget's value into the URL; the default needs no place there."""
    if value == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(value)
    st.query_params.pop("page", None)


def url_slider(text: str, most: int, *, name: str, default: int) -> int:
    """A whole number from 1 to `most`."""
    key = f"url_{name}"
    found = url_number(name, most + 1)
    st.session_state[key] = found if found else default
    if most == 1:
        return 1
    return st.slider(
        text,
        1,
        most,
        key=key,
        on_change=lambda: _keep(name, st.session_state[key], default),
    )


def url_range(text: str, *, name: str) -> tuple[float, float]:
    """Two ends between 0 and 1, kept in percent."""
    key, whole = f"url_{name}", (0, 100)
    low, _, high = st.query_params.get(name, "").partition("-")
    ends = whole
    if low.isdecimal() and high.isdecimal() and int(low[:4]) <= int(high[:4]) <= 100:
        ends = (int(low[:4]), int(high[:4]))
    st.session_state[key] = ends

    def moved() -> None:
        ends = st.session_state[key]
        _keep(name, "{}-{}".format(*ends), "0-100")

    low, high = st.slider(text, *whole, key=key, format="%d %%", on_change=moved)
    return low / 100, high / 100


def url_toggle(text: str, *, name: str, **settings: Any) -> bool:
    key = f"url_{name}"
    st.session_state[key] = st.query_params.get(name) == "1"

    def moved() -> None:
        _keep(name, int(st.session_state[key]), 0)

    return st.toggle(text, key=key, on_change=moved, **settings)


def url_many(
    text: str, options: Sequence[str], *, name: str, format_func: Callable[[str], str], **settings
) -> list[str]:
    """Several of `options`, joined by commas in the URL."""
    key = f"url_{name}"
    asked = st.query_params.get(name, "").split(",")
    st.session_state[key] = [option for option in options if option in asked]

    def moved() -> None:
        _keep(name, ",".join(st.session_state[key]), "")

    return st.multiselect(
        text, options, key=key, format_func=format_func, on_change=moved, **settings
    )
