"""Selectors evaluated: which documents does a superset relation lead to?"""

from __future__ import annotations

from collections.abc import Iterator

from taskcraft_core.corpus import Corpus
from taskcraft_core.models import Definitions, Document, Figure, Items, Selector, Table
from taskcraft_core.roles.extractive.conclusions import entries_of
from taskcraft_core.roles.extractive.extremes import magnitude
from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.roles.extractive.words import contains_words


def targets(selector: Selector, corpus: Corpus) -> set[str]:
    """The documents that the relation leads to, read from the superset as it is now.

    Every table and list of the superset is looked at, not only the one that the relation was taken from, and an
    entry that holds the value among other words counts as well: the relation must pick one target all the same.

    Returns:
        Document ids; an entry that leads to no document counts as a target of its own, named by its text.
    """
    superset = corpus.documents.get(selector.document_id)
    if superset is None:
        return set()
    if selector.kind == "figure":
        return {_figure_target(superset, figure, corpus) for figure in _figures(superset, selector.value)}
    if selector.kind in {"highest", "lowest"}:
        return {_named(name, corpus) for name in _extreme(superset, selector)}
    rows = _rows(superset, selector.field) if selector.kind == "row" else _entries(superset)
    return {_named(name, corpus) for name, value in rows if _matches(value, selector.value)}


def _extreme(superset: Document, selector: Selector) -> set[str]:
    """The names of the rows with the extreme value, all tables with that column taken together."""
    sizes = [(name, magnitude(value)) for name, value in _rows(superset, selector.field)]
    wanted = magnitude(selector.value)
    if wanted is None or any(size is None or size[0] != wanted[0] for _, size in sizes):
        return set()
    best = (max if selector.kind == "highest" else min)(size for _, size in sizes if size)
    return {name for name, size in sizes if size == best} if best == wanted else set()


def _matches(value: str, wanted: str) -> bool:
    return normalise(value).casefold() == normalise(wanted).casefold() or contains_words(value, wanted)


def _rows(superset: Document, field: str) -> Iterator[tuple[str, str]]:
    for block in superset.blocks:
        if isinstance(block, Table) and field in block.header[1:]:
            column = block.header.index(field)
            yield from ((row[0], row[column]) for row in block.rows)


def _entries(superset: Document) -> Iterator[tuple[str, str]]:
    for block in superset.blocks:
        if isinstance(block, Definitions | Items):
            yield from (entry for entry in entries_of(block) if entry is not None)


def _figures(superset: Document, caption: str) -> Iterator[Figure]:
    return (b for b in superset.blocks if isinstance(b, Figure) and _matches(b.caption, caption))


def _figure_target(superset: Document, figure: Figure, corpus: Corpus) -> str:
    if figure.document_id is not None:
        return figure.document_id
    target = corpus.resolve(superset, figure.href)
    return target.id if target else figure.href


def _named(name: str, corpus: Corpus) -> str:
    titled = corpus.by_title(name)
    return titled[0].id if len(titled) == 1 else name
