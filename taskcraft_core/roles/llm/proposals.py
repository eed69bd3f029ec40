"""A superset that a model proposes, made checkable: its entry found in the document, its relation as a selector."""

from __future__ import annotations

import re
from dataclasses import dataclass

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.render import render
from taskcraft_core.errors import ResponseError
from taskcraft_core.models import (
    AtomicTask,
    Block,
    Definitions,
    Document,
    Evidence,
    Figure,
    Items,
    Passage,
    Place,
    Reason,
    Rejection,
    Selector,
    Table,
)
from taskcraft_core.roles import Superset
from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.roles.extractive.writing.conclusions import entries_of
from taskcraft_core.roles.extractive.writing.words import contains_words, standing, stem, words
from taskcraft_core.roles.llm.answers import FoundSuperset
from taskcraft_core.roles.llm.quoting import block_of, heading_of, place_of, verbatim

LONGEST_NOUN = 3
"""Words of what an element is called: "lunar probe"."""


@dataclass(frozen=True)
class Proposal:
    """A proposal whose entry was found.

    Attributes:
        document: The superset.
        quote: The entry or sentence, verbatim.
        place: Where it stands.
        name: What it calls the element, verbatim.
        selector: The relation in a form that a machine can check.
    """

    document: Document
    quote: str
    place: Place
    name: str
    selector: Selector


def checked(found: FoundSuperset, identifier: str, target: Document, corpus: Corpus) -> Proposal | Rejection:
    """Finds what a model says that it found."""
    head = corpus.by_uri((found.uri or "").strip())
    if head is None:
        return refused(found, target, Reason.NO_SUPERSET, "the proposed document is not one of the corpus")
    if head.id == target.id:
        return refused(found, target, Reason.CYCLE, "the proposed document is the element's own")
    document = corpus.documents[head.id]
    quote = verbatim(render(document), found.quote)
    place = place_of(document, quote) if quote else None
    if quote is None or place is None:
        return refused(found, target, Reason.EVIDENCE, "the quote does not stand in the proposed document")
    block = block_of(document, place)
    entry = _entry(block, place, found.told_apart_by, identifier, quote)
    if entry is None:
        return refused(found, target, Reason.SUPERSET_INVALID, f"the quote does not tell {identifier!r} apart")
    name, selector = entry
    return Proposal(document, quote, place, name, selector.model_copy(update={"document_id": document.id}))


def superset(proposal: Proposal, target: Document, question: str, relation: str, noun: str) -> Superset:
    """The superset that a proposal is, with its auxiliary question."""
    document = proposal.document
    shown = target if proposal.selector.kind == "figure" else document
    evidence = Evidence(
        document_id=shown.id, uri=shown.uri, media_type=shown.media_type,
        # what a figure is called stands in the figure, and not in the page that shows it
        quote=f"# {target.title}" if shown is target else proposal.quote,
        answer_span=target.title if shown is target else proposal.name,
        place="b0" if shown is target else proposal.place,
    )  # fmt: skip
    auxiliary = AtomicTask(
        question=question,
        answer=normalise(evidence.answer_span),
        identifier=document.title,
        relation=relation,
        language=document.language,
        tool=shown.tool,
        evidence=evidence,
    )
    return Superset(document, target, proposal.selector, auxiliary, _harmless(noun, proposal, target))


def _harmless(noun: str, proposal: Proposal, target: Document) -> str:
    """What the element is called in a merged question; a noun that gives its name away is not taken.

    Its words may stay in the question, so one of the element's own words has to be the superset's word too.
    """
    block = block_of(proposal.document, proposal.place)
    known = set(words(f"{proposal.document.title} {heading_of(block)}"))
    own = {form for word in words(f"{target.title} {proposal.name}") for form in (word, stem(word))}
    telling = {word for word in words(noun) if word in own or stem(word) in own}
    known |= {stem(word) for word in known}
    harmless = bool(noun) and len(noun.split()) <= LONGEST_NOUN and {stem(word) for word in telling} <= known
    return noun if harmless else "element"


def refused(found: FoundSuperset, target: Document, reason: Reason, why: str) -> Rejection:
    """A proposal that is none."""
    return Rejection(
        stage="depth", reason=reason, item=f"{target.title}: {found.relation}"[:200], document_id=target.id,
        detail=f"{why} ({(found.uri or '')[:120]}).",
    )  # fmt: skip


def failed(target: Document, error: ResponseError) -> Rejection:
    """A proposal that came to nothing because a model said nothing usable."""
    return Rejection(
        stage="depth", reason=error.reason, item=target.title, document_id=target.id, detail=f"{error.detail}."
    )


def _entry(block: Block, place: Place, telling: str, identifier: str, quote: str) -> tuple[str, Selector] | None:
    """What the entry calls the element, and the selector of what tells it apart (its document still open)."""
    row = place.partition(".r")[2]
    if isinstance(block, Figure):
        return block.caption, _selector("figure", "caption", block.caption)
    if isinstance(block, Table) and row:
        return _table_row(block, int(row), telling)
    if isinstance(block, Definitions | Items) and row:
        entry = entries_of(block)[int(row)]
        return (entry[0], _selector("item", "description", entry[1])) if entry else None
    if isinstance(block, Passage):
        name, value = verbatim(quote, identifier), verbatim(quote, telling)
        whole = name and next(standing(re.escape(name), quote), None)
        if name and value and whole and name not in value:
            return name, _selector("sentence", "sentence", value)
    return None


def _table_row(table: Table, row: int, telling: str) -> tuple[str, Selector] | None:
    """The column whose cell tells the row apart: the one that the model named, by a cell that holds its words."""
    cells = table.rows[row]
    for column in range(1, len(cells)):
        if cells[column].strip() and (contains_words(telling, cells[column]) or contains_words(cells[column], telling)):
            return cells[0], _selector("row", table.header[column], cells[column])
    return None


def _selector(kind: str, field: str, value: str) -> Selector:
    return Selector.model_validate({"document_id": "", "kind": kind, "field": field, "value": value})
