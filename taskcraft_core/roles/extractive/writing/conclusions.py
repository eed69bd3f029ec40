"""Conclusions: what the structure of a document states, one fact at a time (paper, section 3.1).

Each source of facts is one function over one kind of block. What looks like a fact and cannot be used is a
rejection with its reason; what does not look like one is passed over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest

from taskcraft_core.documents.render import block_lines, row_line
from taskcraft_core.models import (
    Block,
    Box,
    Conclusion,
    Definitions,
    Document,
    Evidence,
    Items,
    Passage,
    Place,
    Reason,
    Rejection,
    Source,
    Table,
)
from taskcraft_core.roles.extractive.normalise import answer_type, normalise
from taskcraft_core.roles.extractive.writing.chinese import ask_sentence_zh, sentences_zh
from taskcraft_core.roles.extractive.writing.phrasing import DESCRIBING, is_noun_phrase, without_unit
from taskcraft_core.roles.extractive.writing.sentences import ask_sentence, sentences
from taskcraft_core.roles.extractive.writing.words import (
    contains_words,
    content_words,
    has_digit,
    is_adjective,
    is_atomic,
    words,
)

SHORTEST_DESCRIPTION = 3
LONGEST_DESCRIPTION = 160
LONGEST_ITEM = 2_000
MOST_PROSE = 0.2
_ADMONITION = re.compile(r"\b(?:deprecated|changed in|new in|added in|see also|note|warning|todo|total|sum)\b", re.I)

_LEANING = re.compile(
    r"[“”]|(?:…|\.\.\.|:)\s*$|^\s*[(\[]|^(?:this|these|it|same|like|similar|see|as above|ditto|return value)\b"
    r"|\b(?:above|below|following|previous(?:ly)?|see section|this|these|those)\b|https?://",
    re.I,
)
_NO_NAME = re.compile(r"[<>={}\[\]]|:$|://")

Found = Conclusion | Rejection


def conclusions(document: Document) -> Iterator[Found]:
    """Everything a document states that might be asked, the kinds of sources taking turns, best kinds first."""
    readers: tuple[Callable[[Document], Iterator[Found]], ...] = (
        _boxes, _row_names, _sentences, _definitions, _row_cells,
    )  # fmt: skip
    turns = zip_longest(*(list(reader(document)) for reader in readers))
    return (found for found in chain.from_iterable(turns) if found is not None)


def _boxes(document: Document) -> Iterator[Found]:
    boxes = [block for block in document.blocks if isinstance(block, Box)]
    keys = Counter(key.casefold() for box in boxes for key, _ in box.entries)
    for box in boxes:
        for index, (key, value) in enumerate(box.entries):
            place = f"{box.place}.r{index}"
            if keys[key.casefold()] > 1:
                yield _set_aside(document, Reason.NOT_UNIQUE, f"{key}: {value}", "the key stands twice in the document")
            else:
                yield _conclude(document, "box", key, value, f"{key}: {value}", place)


def _tables(document: Document) -> Iterator[Table | Rejection]:
    """The tables whose first column names their rows."""
    for block in document.blocks:
        if not isinstance(block, Table):
            continue
        keys = [row[0].strip().casefold() for row in block.rows]
        if len(block.header) < 2 or len(keys) < 2 or len(set(keys)) < len(keys) or not all(keys):
            yield _set_aside(document, Reason.IRREGULAR, row_line(block.header), "the rows have no unique key")
        elif len({name.casefold() for name in block.header}) < len(block.header) or not all(block.header):
            yield _set_aside(document, Reason.IRREGULAR, row_line(block.header), "the header is not unique")
        else:
            yield block


def _row_names(document: Document) -> Iterator[Found]:
    """Which row has this description: the name of the row is the answer."""
    for table in _tables(document):
        if isinstance(table, Rejection):
            yield table
            continue
        if not is_row_noun(table.header[0], document.language):
            continue
        for column in describing_columns(table):
            for index, row in enumerate(table.rows):
                name, _ = without_unit(table.header[column])
                vague = name.casefold() in DESCRIBING and len(words(row[column])) < SHORTEST_DESCRIPTION
                if _tells_apart(row[0], row[column]) and not vague:
                    relation = f"{table.header[0]} by {table.header[column]}"
                    place = f"{table.place}.r{index}"
                    yield _conclude(document, "row_name", relation, row[0], row_line(row), place)


def describing_columns(table: Table) -> list[int]:
    """The columns, the first left out, whose cells are all different: each cell tells its row apart."""
    return [
        column
        for column in range(1, len(table.header))
        if len({normalise(row[column]).casefold() for row in table.rows}) == len(table.rows)
    ]


def is_row_noun(header: str, language: str) -> bool:
    """Whether a header says what the rows of a table are."""
    name = without_unit(header)[0]
    return is_noun_phrase(name) if language == "en" else 1 <= len(name) <= 6


def _tells_apart(name: str, description: str) -> bool:
    """Whether a description picks out a name that can be an answer, without giving it away or leaning on its place."""
    if not description.strip() or len(description) > LONGEST_DESCRIPTION or _LEANING.search(description):
        return False
    if not any(character.isalpha() for character in name) or _NO_NAME.search(name):
        return False
    if is_adjective(name) or answer_type(name) in {"date", "year"} or not is_atomic(name, most_words=6):
        return False
    # of a dotted name the last part is what is asked for; the rest is often the title
    return not content_words(name.rpartition(".")[2] or name) & content_words(description)


def _row_cells(document: Document) -> Iterator[Found]:
    """What stands in this row under that header."""
    for table in _tables(document):
        if isinstance(table, Rejection):
            continue
        for index, row in enumerate(table.rows):
            if not any(character.isalpha() for character in row[0]) or _ADMONITION.search(row[0]):
                continue
            for column in range(1, len(table.header)):
                if has_digit(row[column]) and is_atomic(row[0]):
                    relation = f"{table.header[column]} of {row[0]}"
                    yield _conclude(
                        document, "row_cell", relation, row[column], row_line(row), f"{table.place}.r{index}"
                    )


def _definitions(document: Document) -> Iterator[Found]:
    """Which entry is described so: the term is the answer."""
    for block in document.blocks:
        if isinstance(block, Definitions | Items):
            yield from _described(document, block)


def _described(document: Document, block: Definitions | Items) -> Iterator[Found]:
    for index, (entry, line) in enumerate(zip(entries_of(block), block_lines(block), strict=True)):
        if entry is None:
            continue
        term, description = entry
        fits = len(words(description)) >= SHORTEST_DESCRIPTION and not _ADMONITION.search(description)
        if fits and _tells_apart(term, description):
            source: Source = "definition" if isinstance(block, Definitions) else "item"
            yield _conclude(document, source, "entry by description", term, line, f"{block.place}.r{index}")


def entries_of(block: Definitions | Items) -> list[tuple[str, str] | None]:
    """(term, first sentence of its description) for each entry; None for an item that describes no term."""
    if isinstance(block, Definitions):
        return [(term, _first_sentence(description)) for term, description in block.entries]
    found: list[tuple[str, str] | None] = []
    for item in (item[:LONGEST_ITEM] for item in block.items):
        term, dash, description = re.sub(r"\s+[—–-]\s+|[:：]\s*", "\x00", item, count=1).partition("\x00")
        found.append((term.strip(), _first_sentence(description)) if dash and len(term.split()) <= 6 else None)
    # a few items with a colon are prose; where nearly every item has one it is a list of names
    return found if found.count(None) <= len(found) * MOST_PROSE else [None] * len(found)


def _first_sentence(text: str) -> str:
    first = re.split(r"(?<=[.。])(?:\s|$)", text.strip(), maxsplit=1)[0]
    return first.strip().rstrip(".。;,")


def _sentences(document: Document) -> Iterator[Found]:
    """Sentences that hold one date, measure or defining name."""
    split, ask = (sentences_zh, ask_sentence_zh) if document.language == "zh" else (sentences, ask_sentence)
    for block in document.blocks:
        if isinstance(block, Passage):
            for sentence in split(block.text):
                asked = ask(sentence)
                if asked is not None:
                    yield _conclude(document, asked.source, asked.clause, asked.answer, sentence, block.place)


def _conclude(document: Document, source: Source, relation: str, span: str, quote: str, place: Place) -> Found:
    if not is_atomic(span):
        return _set_aside(document, Reason.NOT_ATOMIC, quote, f"{span!r} is not one short value")
    answer = normalise(span)
    if contains_words(document.title, answer):
        return _set_aside(document, Reason.GUESS, quote, f"the answer {answer!r} stands in the title")
    evidence = Evidence(
        document_id=document.id,
        uri=document.uri,
        media_type=document.media_type,
        quote=quote,
        answer_span=span,
        place=place,
    )
    return Conclusion(answer=answer, relation=relation, source=source, evidence=evidence)


def _set_aside(document: Document, reason: Reason, item: str, detail: str) -> Rejection:
    return Rejection(
        stage="generate", reason=reason, item=item[:200], detail=f"{document.uri}: {detail}.", document_id=document.id
    )


def block_at(document: Document, place: Place) -> tuple[Block, int | None]:
    """The block a place names, and the row or entry in it."""
    head, _, row = place.partition(".r")
    block = next(block for block in document.blocks if block.place == head)
    return block, int(row) if row else None
