"""What panels show alike: quiet charts, tables, downloads, and refusals as messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st

from ui.text import plain

SHARE = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)


def chart(figure: Any, *, key: str, alt: str, **settings: Any) -> None:
    """A Plotly figure without its tool bar."""
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt, **settings)


def table(columns: Sequence[str], rows: Iterable[Sequence], *, key: str, **settings: Any) -> None:
    """Values row by row under the names of their columns."""
    rows = list(rows)
    cells = {name: [row[place] for row in rows] for place, name in enumerate(columns)}
    st.dataframe(cells, hide_index=True, key=key, **settings)


def download(text: str, content: Any, name: str, kind: str, *, key: str, **settings: Any) -> None:
    """A button that gives a file of this name and kind, and leaves the page as it is."""
    icon = settings.pop("icon", ":material/download:")
    st.download_button(text, content, name, kind, icon=icon, key=key, on_click="ignore", **settings)


@contextmanager
def told(*refusals: type[Exception]) -> Iterator[None]:
    """Turns a refusal into a message; the rest of the block is passed over."""
    try:
        yield
    except refusals as error:
        st.error(plain(str(error)), icon=":material/error:")
