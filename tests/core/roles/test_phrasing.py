"""The forms of questions: what can be said, and what cannot."""

import pytest

from taskcraft_core.roles.extractive.writing import phrasing


@pytest.mark.parametrize(
    ("key", "value", "clause"),
    [
        ("Melting point", "1,538 °C", "what is the melting point"),
        ("Discovered", "1898", "in what year was it discovered"),
        ("Opened", "4 March 1890", "when was it opened"),
        ("Designed by", "John Fowler", "by whom was it designed"),
        ("Construction began", "1882", "in what year did construction begin"),
        ("Mass (kg)", "722", "what is the mass in kg"),
        ("Spans", "3", "how many spans are there"),
        ("Colours", "red", "what are the colours"),
    ],
)
def test_a_key_is_asked_for(key: str, value: str, clause: str) -> None:
    assert phrasing.box_clause(key, value, "en") == clause


@pytest.mark.parametrize("key", ["Is", "See also:", "1", "Used for", "Known as"])
def test_a_key_that_is_no_noun_is_not_asked_for(key: str) -> None:
    assert phrasing.box_clause(key, "something", "en") is None


def test_opening_and_taking_apart_are_inverse() -> None:
    for language, tool in (("en", "page"), ("en", "pdf"), ("en", "image"), ("zh", "page"), ("zh", "pdf")):
        question = phrasing.open_question("Iron", tool, "what is the melting point", language)  # type: ignore[arg-type]
        assert phrasing.opened(question) == ("Iron", "what is the melting point")


def test_a_described_row_is_told_apart_by_its_description() -> None:
    told = phrasing.trait("Description", "first of its kind", "en")
    assert phrasing.which_clause("moon", told, "en") == "which moon is described as “first of its kind”"
    told = phrasing.trait("Known for", "a methane lake", "en")
    assert phrasing.which_clause("moon", told, "en") == "which moon is listed with “a methane lake” under “Known for”"


def test_a_header_names_what_its_rows_are() -> None:
    assert phrasing.noun_of("Elements", "en") == "element"
    assert phrasing.noun_of("Named bridges", "en") == "named bridge"
