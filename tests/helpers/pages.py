"""Pages as Streamlit itself runs them, without a browser."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import queue
from tests.helpers import ROOT


@pytest.fixture
def fresh_caches():
    """Nothing that another test has loaded is shown."""
    import streamlit as st

    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def no_workers(monkeypatch):
    """Runs get into line, but nobody starts to train them."""
    monkeypatch.setattr(queue, "keep_going", lambda: None)


def open_page(page: str, /, **query: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    if page != "streamlit_app":
        at.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


def texts(at: AppTest) -> str:
    kinds = (at.title, at.error, at.info, at.warning, at.caption, at.markdown, at.metric)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def drawn(at: AppTest) -> list[dict]:
    """The figures of a page as they are sent."""
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
