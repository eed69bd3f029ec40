"""A realistic case for every prompt: Titan, its page, and the list of moons that leads to it."""

import hashlib
from pathlib import Path

import pytest

from taskcraft_core.documents.parse import parse_document
from taskcraft_core.documents.render import block_lines, render
from taskcraft_core.models import Document, Table

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
QUOTE = "| T70 | 21 June 2010 | 880 km |"
ENTRY = "| Titan | Dense atmosphere of nitrogen | 1,221,870 km | 0.0288 |"
ATOMIC = "According to the page “Titan”, at what altitude did the Cassini orbiter pass in flyby T70 on 21 June 2010?"
AUXILIARY = "According to the page “Major moons of Saturn”, which moon has a dense atmosphere of nitrogen?"
DEEPER = (
    "The page “Major moons of Saturn” lists a moon with a dense atmosphere of nitrogen. According to that moon's own "
    "page, at what altitude did the Cassini orbiter pass in flyby T70 on 21 June 2010?"
)
VAGUE = (
    "Titan has a dense atmosphere of nitrogen. At what altitude did the Cassini orbiter pass it in flyby T70 "
    "on 21 June 2010?\nthe replaced element 'Titan' stands in the question"
)
PARTS = (
    "1. According to the page “Titan”, on what date was the Cassini orbiter's flyby T126?\n"
    "2. According to the page “Titan”, at what altitude was the Cassini orbiter's flyby TA?"
)
WIDE = (
    "According to the page “Titan”, on what date did the Cassini orbiter make its flyby T126, and at what altitude "
    "had it made its flyby TA?"
)


def sample(path: str) -> Document:
    data = (SAMPLES / path).read_bytes()
    return parse_document(data, hashlib.sha256(data).hexdigest(), f"samples/{path}")[0]


def context(document: Document, quote: str) -> str:
    """The caption and the header of the table that a row stands in."""
    tables = [block for block in document.blocks if isinstance(block, Table)]
    table = next(block for block in tables if quote in block_lines(block))
    return f"{table.caption}\n{block_lines(table)[0]}\n{quote}"


@pytest.fixture(scope="session")
def examples() -> dict[str, dict[str, str]]:
    """The values of the variables of every prompt, by the prompt's name."""
    titan, moons = sample("solar-system/titan.html"), sample("solar-system/saturn-moons.html")
    page = {"title": titan.title, "language": "English", "medium": "page"}
    relation = "altitude of the Cassini orbiter's flyby T70 of Titan on 21 June 2010"
    described = "Dense atmosphere of nitrogen"
    superset = {
        "identifier": titan.title, "title": moons.title, "relation": "the moon with a dense atmosphere of nitrogen"
    }  # fmt: skip
    found = superset | {"quote": ENTRY, "told_apart_by": described}
    return {
        "author_conclude": page | {"document": render(titan), "most": "20"},
        "author_ask": page
        | {"quote": QUOTE, "context": context(titan, QUOTE), "answer": "880 km", "relation": relation},
        "author_superset": {
            "identifier": titan.title, "about": render(titan)[:600], "excluded": "none", "most_steps": "10"
        },
        "author_auxiliary": page | found | {"context": context(moons, ENTRY)},
        "author_merge_depth": superset
        | {"question": ATOMIC, "told_apart_by": described, "auxiliary_question": AUXILIARY}
        | {"noun": "moon", "language": "English", "tries": VAGUE},
        "author_merge_width": {"questions": PARTS, "language": "English"},
        "solver_solve": {"question": ATOMIC, "most_steps": "3"},
        "solver_guess": {"question": ATOMIC},
        "judge_score": {"question": ATOMIC, "golden": "880 km", "candidates": "1. 880 kilometres\n2. 979 km"},
        "judge_superset": superset | {"quote": ENTRY, "auxiliary_question": AUXILIARY},
        "judge_merge": {
            "question": DEEPER, "core_question": ATOMIC, "auxiliary_question": AUXILIARY, "identifier": titan.title
        },
        "judge_parts": {"question": WIDE, "parts": PARTS},
        "repair": {"fault": "conclusions.0.answer: Field required"},
        "json_only": {"schema": '{"type": "object", "properties": {"score": {"enum": [0, 1, 2]}}}'},
    }  # fmt: skip
