"""Selectors evaluated: which documents does a superset relation lead to?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from taskcraft_core.corpus import Corpus
from taskcraft_core.models import Definitions, Document, Figure, Items, Passage, Place, Selector, Table
from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.roles.extractive.writing.conclusions import entries_of
from taskcraft_core.roles.extractive.writing.extremes import magnitude
from taskcraft_core.roles.extractive.writing.sentences import sentences
from taskcraft_core.roles.extractive.writing.words import contains_words


def targets(selector: Selector, corpus: Corpus) -> set[str]:
    """The documents that the relation leads to, read from the superset as it is now.

    Every table and list of the superset is looked at, not only the one that the relation was taken from, and an
    entry that holds the value among other words counts as well: the relation must pick one target all the same.

    Returns:
        Document ids; an entry that leads to no document counts as a target of its own, named by its text. A
        sentence is no entry: without a link into the corpus it leads nowhere.
    """
    superset = corpus.documents.get(selector.document_id)
    if superset is None:
        return set()
    if selector.kind == "figure":
        return {_figure_target(superset, figure, corpus) for figure in _figures(superset, selector.value)}
    if selector.kind == "sentence":
        passages = (block for block in superset.blocks if isinstance(block, Passage))
        return {target for passage in passages for target in _linked(superset, passage, selector.value, corpus)}
    if selector.kind in {"highest", "lowest"}:
        entries = _extreme(superset, selector)
    else:
        rows = _rows(superset, selector.field) if selector.kind == "row" else _entries(superset)
        entries = [entry for entry in rows if _matches(entry.value, selector.value)]
    return {_target(superset, entry, corpus) for entry in entries}


class Entry(NamedTuple):
    """An entry of a table or list: where it stands, what it is called, and the value that tells it apart."""

    place: Place
    name: str
    value: str


def _extreme(superset: Document, selector: Selector) -> list[Entry]:
    """The rows with the extreme value, all tables with that column taken together."""
    sized = [(entry, magnitude(entry.value)) for entry in _rows(superset, selector.field)]
    wanted = magnitude(selector.value)
    if wanted is None or any(size is None or size[0] != wanted[0] for _, size in sized):
        return []
    best = (max if selector.kind == "highest" else min)(size for _, size in sized if size)
    return [entry for entry, size in sized if size == best] if best == wanted else []


def _matches(value: str, wanted: str) -> bool:
    return normalise(value).casefold() == normalise(wanted).casefold() or contains_words(value, wanted)


def _rows(superset: Document, field: str) -> Iterator[Entry]:
    for block in superset.blocks:
        if isinstance(block, Table) and field in block.header[1:]:
            column = block.header.index(field)
            for index, row in enumerate(block.rows):
                yield Entry(f"{block.place}.r{index}", row[0], row[column])


def _entries(superset: Document) -> Iterator[Entry]:
    for block in superset.blocks:
        if isinstance(block, Definitions | Items):
            for index, entry in enumerate(entries_of(block)):
                if entry is not None:
                    yield Entry(f"{block.place}.r{index}", *entry)


def _figures(superset: Document, caption: str) -> Iterator[Figure]:
    return (b for b in superset.blocks if isinstance(b, Figure) and _matches(b.caption, caption))


def _linked(superset: Document, passage: Passage, value: str, corpus: Corpus) -> Iterator[str]:
    """The other documents that a passage with the value links to: from the very sentence, if it links to any."""
    if not contains_words(passage.text, value):
        return
    telling = " ".join(sentence for sentence in sentences(passage.text) if contains_words(sentence, value))
    found = [(link, corpus.resolve(superset, link.href)) for link in superset.links if link.place == passage.place]
    others = [(link, target.id) for link, target in found if target is not None and target.id != superset.id]
    within = [target for link, target in others if contains_words(telling, link.text)]
    yield from within or (target for _, target in others)


def _figure_target(superset: Document, figure: Figure, corpus: Corpus) -> str:
    target = corpus.shown(superset, figure)
    return target.id if target else figure.href


def _target(superset: Document, entry: Entry, corpus: Corpus) -> str:
    target = corpus.named(superset, entry.place, entry.name)
    return target.id if target else entry.name
