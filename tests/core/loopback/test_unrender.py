"""A document, rendered and put together again, states what it stated before."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.documents.parse import parse_document
from taskcraft_core.documents.render import block_lines, render
from taskcraft_core.loopback.unrender import unrender
from taskcraft_core.models import Box, Conclusion, Document
from taskcraft_core.roles.extractive.writing.conclusions import conclusions

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
LANGUAGES = {"en": "English", "zh": "Chinese"}
PATHS = [path for folder in ("solar-system", "landmarks", "zh", "reports") for path in (SAMPLES / folder).iterdir()]


def stated(document: Document) -> set[tuple[str, str, str, str]]:
    found = [one for one in conclusions(document) if isinstance(one, Conclusion)]
    return {(one.relation, one.evidence.quote, one.answer, one.source) for one in found}


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path.suffix in {".html", ".pdf"}], ids=lambda path: path.name
)
def test_a_sample_states_the_same(path: Path) -> None:
    data = path.read_bytes()
    document = parse_document(data, hashlib.sha256(data).hexdigest(), path.name)[0]
    again = unrender(
        render(document), document.title, LANGUAGES[document.language], {"page": "page", "pdf": "PDF"}[document.tool]
    )
    assert stated(again) == stated(document)
    assert [block.section for block in again.blocks] == [block.section for block in document.blocks]


def test_a_charts_caption_may_have_a_colon() -> None:
    (block,) = unrender("# Metals\n\nMetals: grams each\nIron: 7.9\nLead: 11.3", "Metals", "English", "image").blocks
    assert isinstance(block, Box) and block.caption == "Metals: grams each" and len(block.entries) == 2


LINE = st.sampled_from(
    ["| a | b |", "| a |", "- x", "- x: y", "key: value", "term — what it is", "[Figure: c](d.png)", "A sentence.",
     "# T", "## S", "loose", "——", ": ", "|  |"]
)  # fmt: skip


@given(st.lists(st.lists(LINE, min_size=1, max_size=4), max_size=6))
def test_every_line_is_kept_whatever_the_text(chunks: list[list[str]]) -> None:
    text = "\n\n".join("\n".join(chunk) for chunk in chunks)
    document = unrender(text, "T", "English", "page")
    kept = [
        line
        for block in document.blocks
        for line in [*([block.caption] if _headed(block) else []), *block_lines(block)]
    ]
    written = [line for chunk in chunks for line in _without_headings(chunk)]
    assert kept == written


def _headed(block: object) -> bool:
    return bool(getattr(block, "caption", "")) and getattr(block, "kind", "") in {"table", "box"}


def _without_headings(chunk: list[str]) -> list[str]:
    rest = chunk[1:] if chunk[0].startswith("## ") else chunk
    return [] if rest == ["# T"] else rest
