"""Conclusions: which names and descriptions of a list can be asked about, and which lean on their place."""

import pytest

from taskcraft_core.models import Conclusion, Definitions, Document, Rejection
from taskcraft_core.roles.extractive.writing.conclusions import conclusions

GOOD = [
    ("json.dumps", "Serialize an object to a formatted text"),
    ("Kraken Mare", "The largest sea of hydrocarbons"),
]
BAD = [
    ("https://example.org/guide", "The guide for readers of the manual"),
    ("Kraken Mare", "The largest sea of the moons described above"),
    ("Kraken Mare", "See section 3 for the sea"),
    ("Kraken Mare", "Kraken is the largest sea"),
    ("first", "The largest sea of hydrocarbons"),
    ("<name>", "Replaced by the name of the file"),
    ("Email:", "The address of the maintainers of it"),
]


def asked_of(term: str, description: str) -> list[str]:
    document = Document(
        id="1" * 64,
        uri="s/page.html",
        title="A page",
        media_type="text/html",
        language="en",
        blocks=(Definitions(place="b0", entries=((term, description),)),),
    )
    found = list(conclusions(document))
    assert all(isinstance(one, Conclusion | Rejection) for one in found)
    return [one.answer for one in found if isinstance(one, Conclusion)]


@pytest.mark.parametrize(("term", "description"), GOOD)
def test_a_described_name_is_asked_for(term: str, description: str) -> None:
    assert asked_of(term, description) == [term]


@pytest.mark.parametrize(("term", "description"), BAD)
def test_what_is_no_name_or_leans_on_its_place_is_left_alone(term: str, description: str) -> None:
    assert asked_of(term, description) == []
