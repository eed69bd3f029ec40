"""Supersets that the corpus itself holds: a row or entry that describes a document, a page that shows a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.render import row_line
from taskcraft_core.models import (
    AtomicTask,
    Conclusion,
    Definitions,
    Document,
    Evidence,
    Figure,
    Items,
    Selector,
    Table,
    content_hash,
)
from taskcraft_core.roles import Superset
from taskcraft_core.roles.extractive.normalise import normalise, same
from taskcraft_core.roles.extractive.writing.conclusions import conclusions, entries_of, is_row_noun
from taskcraft_core.roles.extractive.writing.extremes import Extreme, extreme_trait, extremes
from taskcraft_core.roles.extractive.writing.phrasing import LANGUAGES, noun_of, open_question, without_unit
from taskcraft_core.roles.extractive.writing.questions import ask, entry_noun
from taskcraft_core.roles.extractive.writing.words import words

_KINDS = frozenset("module package class page section chapter the document file".split())
NAMING_SOURCES = frozenset({"row_name", "definition", "item"})


class Naming(NamedTuple):
    """A conclusion whose answer names something: the entry of a table or list that describes it."""

    document_id: str
    conclusion: Conclusion


_NAMINGS: WeakKeyDictionary[Corpus, dict[str, list[Naming]]] = WeakKeyDictionary()
_ENDS: WeakKeyDictionary[Corpus, dict[str, list[tuple[str, Extreme]]]] = WeakKeyDictionary()
"""Worked out once for a corpus, and gone with it."""


def supersets(identifier: str, document: Document, corpus: Corpus) -> list[Superset]:
    """Everything in the corpus that describes `document` under the name `identifier`.

    Returns:
        In an order that depends on the documents alone and differs from target to target, so that no superset
        is always tried first.
    """
    found = [
        *_entries(identifier, document, corpus),
        *_extremes(identifier, document, corpus),
        *_figures(identifier, document, corpus),
    ]
    return sorted(found, key=lambda one: content_hash([document.id, one.selector.model_dump()]))


def _entries(identifier: str, target: Document, corpus: Corpus) -> Iterator[Superset]:
    for document_id, conclusion in _namings(corpus).get(target.id, ()):
        if document_id == target.id or not names(conclusion.answer, identifier):
            continue
        document = corpus.documents[document_id]
        auxiliary = ask(document, conclusion)
        if isinstance(auxiliary, AtomicTask):
            selector, hint = _selector(document, conclusion)
            yield Superset(document, target, selector, auxiliary, hint)


def _selector(document: Document, conclusion: Conclusion) -> tuple[Selector, str]:
    """The relation of an entry in the form a machine can check, and what the entry is called."""
    place, _, index = conclusion.evidence.place.partition(".r")
    block = next(block for block in document.blocks if block.place == place)
    if isinstance(block, Table):
        field = conclusion.relation.removeprefix(f"{block.header[0]} by ")
        value = block.rows[int(index)][block.header.index(field)]
        hint = noun_of(without_unit(block.header[0])[0], document.language)
        return Selector(document_id=document.id, kind="row", field=field, value=value), hint
    assert isinstance(block, Definitions | Items)
    entry = entries_of(block)[int(index)]
    assert entry is not None
    selector = Selector(document_id=document.id, kind="item", field="description", value=entry[1])
    return selector, entry_noun(block, int(index), document.language)


def _extremes(identifier: str, target: Document, corpus: Corpus) -> Iterator[Superset]:
    for document_id, extreme in _ends(corpus).get(target.id, ()):
        table, row, field = extreme.table, extreme.table.rows[extreme.row], extreme.table.header[extreme.column]
        if document_id == target.id or not names(row[0], identifier):
            continue
        document = corpus.documents[document_id]
        noun = noun_of(without_unit(table.header[0])[0], document.language)
        told_apart = extreme_trait(field, row[extreme.column], extreme.end)
        auxiliary = AtomicTask(
            question=open_question(
                document.title, document.tool, f"which {noun} is listed {told_apart} of all", document.language
            ),
            answer=normalise(row[0]),
            identifier=document.title,
            relation=f"{noun} {told_apart}",
            language=document.language,
            tool=document.tool,
            evidence=Evidence(
                document_id=document.id,
                uri=document.uri,
                media_type=document.media_type,
                quote=row_line(row),
                answer_span=row[0],
                place=f"{table.place}.r{extreme.row}",
            ),
        )
        selector = Selector(document_id=document.id, kind=extreme.end, field=field, value=row[extreme.column])
        yield Superset(document, target, selector, auxiliary, noun)


def names(name: str, identifier: str) -> bool:
    """Whether a name is the identifier, or short for it: "Module array" for "array — Efficient arrays"."""
    said = [word for word in words(name) if word not in _KINDS]
    return same(name, identifier) or bool(said) and set(said) <= set(words(identifier))


def _ends(corpus: Corpus) -> dict[str, list[tuple[str, Extreme]]]:
    if corpus not in _ENDS:
        _ENDS[corpus] = _find_ends(corpus)
    return _ENDS[corpus]


def _find_ends(corpus: Corpus) -> dict[str, list[tuple[str, Extreme]]]:
    """Every extreme of the corpus's English tables, by the document that its row names."""
    found: defaultdict[str, list[tuple[str, Extreme]]] = defaultdict(list)
    for document in corpus.documents.values():
        for extreme in extremes(document) if document.language == "en" else ():
            if is_row_noun(extreme.table.header[0], "en"):
                place, name = f"{extreme.table.place}.r{extreme.row}", extreme.table.rows[extreme.row][0]
                target = corpus.named(document, place, name)
                if target is not None:
                    found[target.id].append((document.id, extreme))
    return dict(found)


def _namings(corpus: Corpus) -> dict[str, list[Naming]]:
    if corpus not in _NAMINGS:
        _NAMINGS[corpus] = _find_namings(corpus)
    return _NAMINGS[corpus]


def _find_namings(corpus: Corpus) -> dict[str, list[Naming]]:
    """Every naming conclusion of the corpus, by the document that it names."""
    found: defaultdict[str, list[Naming]] = defaultdict(list)
    for document in corpus.documents.values():
        for conclusion in conclusions(document) if document.language in LANGUAGES else ():
            if isinstance(conclusion, Conclusion) and conclusion.source in NAMING_SOURCES:
                evidence = conclusion.evidence
                target = corpus.named(document, evidence.place, evidence.answer_span)
                if target is not None:
                    found[target.id].append(Naming(document.id, conclusion))
    return dict(found)


def _figures(identifier: str, target: Document, corpus: Corpus) -> Iterator[Superset]:
    if target.tool != "image" or target.language not in LANGUAGES:
        return
    for container, figure in corpus.containers(target.id):
        if figure.caption and container.language in LANGUAGES:
            yield Superset(
                container,
                target,
                _figure_selector(container, figure),
                _figure_task(container, figure, target),
                "figure",
            )


def _figure_selector(container: Document, figure: Figure) -> Selector:
    return Selector(document_id=container.id, kind="figure", field="caption", value=figure.caption)


def _figure_task(container: Document, figure: Figure, target: Document) -> AtomicTask:
    """The title that is printed in the image which a page shows under a caption."""
    clause = {
        "en": f"what is the title of the figure captioned “{figure.caption}”",
        "zh": f"图注为“{figure.caption}”的图的标题是什么",
    }[container.language]
    evidence = Evidence(
        document_id=target.id,
        uri=target.uri,
        media_type=target.media_type,
        quote=f"# {target.title}",
        answer_span=target.title,
        place="b0",
    )
    return AtomicTask(
        question=open_question(container.title, container.tool, clause, container.language),
        answer=normalise(target.title),
        identifier=container.title,
        relation="title of the figure",
        language=container.language,
        tool="image",
        evidence=evidence,
    )
