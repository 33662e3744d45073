"""Choices in the URL: what a link says is chosen, what is no option is passed over."""

import pytest
from streamlit.testing.v1 import AppTest


def page():
    """Every kind of choice, and below what each came to."""
    import streamlit as st

    from ui import url

    st.session_state["came_to"] = {
        "show": url.url_select("Show", ["All", "Wrong", "Right"], name="show", default="Wrong"),
        "first": url.url_segments("First", ["a", "b"], name="first"),
        "number": url.url_number("number", 5),
        "epoch": url.url_slider("Epoch", 9, name="epoch", default=7),
        "sure": url.url_range("Sure", name="sure"),
        "on": url.url_toggle("On", name="on"),
        "many": url.url_many("Many", ["x", "y", "z"], name="many"),
    }


USUAL = {
    "show": "Wrong",
    "first": "a",
    "number": None,
    "epoch": 7,
    "sure": (0.0, 1.0),
    "on": False,
    "many": [],
}


def opened(**query: str) -> AppTest:
    at = AppTest.from_function(page)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def came_to(at: AppTest) -> dict:
    return at.session_state["came_to"]


def address(at: AppTest) -> dict[str, str]:
    return {name: "".join(value) for name, value in at.query_params.items()}


def test_without_a_word_in_the_url_each_shows_its_default_and_the_url_stays_empty():
    at = opened()
    assert came_to(at) == USUAL
    assert address(at) == {}


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (
            {"show": "All", "first": "b", "number": "0", "epoch": "1", "sure": "20-90"},
            {"show": "All", "first": "b", "number": 0, "epoch": 1, "sure": (0.2, 0.9)},
        ),
        (
            {"number": "4", "epoch": "9", "sure": "0-0", "on": "1", "many": "z,nonsense,x"},
            {"number": 4, "epoch": 9, "sure": (0.0, 0.0), "on": True, "many": ["x", "z"]},
        ),
    ],
)
def test_what_the_url_says_is_chosen(query, values):
    assert came_to(opened(**query)) == USUAL | values


@pytest.mark.parametrize(
    "query",
    [
        {"show": "wrong", "first": "c", "number": "5", "epoch": "0", "sure": "90-20", "on": "yes"},
        {"number": "-1", "epoch": "10", "sure": "0-101", "many": "nonsense"},
        {"number": "1.5", "epoch": "²", "sure": "20", "many": ","},
        {"number": "²", "epoch": "9" * 5000, "sure": "²-³"},
    ],
)
def test_what_is_no_option_is_passed_over(query):
    assert came_to(opened(**query)) == USUAL


def test_a_choice_by_hand_goes_into_the_url_and_the_default_out_of_it_again():
    at = opened(show="All")
    at.selectbox(key="url_show").set_value("Right").run()
    assert address(at) == {"show": "Right"}
    at.selectbox(key="url_show").set_value("Wrong").run()
    assert address(at) == {}


def test_another_choice_begins_on_the_first_page_again():
    at = opened(page="3", on="1")
    at.slider(key="url_sure").set_value((20, 90)).run()
    assert address(at) == {"on": "1", "sure": "20-90"}
