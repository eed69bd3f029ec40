"""Where an answer that somebody gives stands in a document: the line or sentence, and the span in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from taskcraft_core.documents.render import block_lines
from taskcraft_core.models import Block, Document, Evidence, Place
from taskcraft_core.roles.extractive.normalise import CURRENCY, DAY, MONTH, NUMBER, normalise, same, tidy
from taskcraft_core.roles.extractive.writing.chinese import sentences_zh
from taskcraft_core.roles.extractive.writing.sentences import sentences
from taskcraft_core.roles.extractive.writing.words import content_words, standing

LONGEST_QUOTE = 1_000
"""Characters of a line that are quoted around a span."""

_MOST_PLACES = 2_000
_DIGITS = re.compile("[0-9]+")
_GROUPING = str.maketrans("", "", ",\u00a0\u2009\u202f")
_DATE = re.compile(
    rf"{DAY}(?: of)? {MONTH},? [0-9]{{4}}|{MONTH} {DAY},? [0-9]{{4}}|{MONTH}(?: of|,)? [0-9]{{4}}"
    r"|[0-9]{4} ?年(?: ?[01]?[0-9] ?月(?: ?[0-3]?[0-9] ?[日号])?)?|[0-9]{4}([-/.])[01]?[0-9]\1[0-3]?[0-9]",
    re.I,
)
_NUMBER = re.compile(rf"(?:{CURRENCY} ?)?(?<![0-9.,])[-+−]?{NUMBER}(?![0-9]|[.,][0-9])")
_UNIT = re.compile(r" ?(?:per cent|[^\s0-9,;:()]{1,16}(?: [^\W\d_]{1,16})?)")


class Unit(NamedTuple):
    """A piece of a document that can be quoted, what stands around it, and the values that it is made of."""

    text: str
    place: Place
    around: str
    values: tuple[str, ...]


Spans = Callable[[Unit, str], Iterator[tuple[int, int]]]


def locate(answer: str, question: str, document: Document) -> Evidence | None:
    """The place in a document where an answer stands: verbatim if it does, else in another way of writing it.

    Args:
        answer: As somebody wrote it.
        question: Of several places, the one whose words are most the question's is taken.
        document: Where to look.

    Returns:
        The evidence, or None if the document does not say the answer in one sentence or line.
    """
    if not any(map(str.isalnum, answer)):
        return None
    asked = content_words(question)
    lines = list(_lines(document))
    for spans in (_verbatim, _in_other_case, _as_value):
        saying = [line for line in lines if next(spans(line, answer), None)][:_MOST_PLACES]
        pieces = [piece for line in saying for piece in _sentences(line, document.language)]
        # the whole line only where no sentence of any says it: "St. Mary's" may look like the end of one
        for units in (pieces, saying):
            found = [(unit, span) for unit in units if (span := next(spans(unit, answer), None))]
            if found:
                return _evidence(document, *max(found, key=lambda place: _shared(place[0], asked)))
    return None


def _shared(unit: Unit, asked: set[str]) -> int:
    return len(asked & content_words(unit.text + unit.around))


def _sentences(line: Unit, language: str) -> list[Unit]:
    """What is quoted by preference: a sentence of a passage, a line of anything else."""
    if line.values or ".r" in line.place:
        return [line]
    split = sentences_zh if language == "zh" else sentences
    return [line._replace(text=sentence) for sentence in split(line.text)]


def _lines(document: Document) -> Iterator[Unit]:
    """Every line of a document; passages are one line each."""
    for block in document.blocks:
        caption = getattr(block, "caption", "")
        if caption:
            yield Unit(caption, block.place, f" {block.section}", ())
        if block.kind == "figure":
            continue
        lines = block_lines(block)
        around = f" {block.section} {caption}"
        if block.kind == "table":
            around += f" {lines[0]}"
            yield Unit(lines[0], block.place, around, block.header)
            lines = lines[1:]
        for row, line in enumerate(lines):
            place = block.place if block.kind == "passage" else f"{block.place}.r{row}"
            yield Unit(line, place, around, _values(block, row))


def _values(block: Block, row: int) -> tuple[str, ...]:
    """What a row, entry or item consists of."""
    match block.kind:
        case "table":
            return block.rows[row]
        case "box" | "definitions":
            return block.entries[row]
        case "items":
            return (block.items[row],)
        case _:
            return ()


def _verbatim(unit: Unit, answer: str) -> Iterator[tuple[int, int]]:
    exact = answer.strip()
    return standing(re.escape(exact), unit.text) if exact in unit.text else iter(())


def _in_other_case(unit: Unit, answer: str) -> Iterator[tuple[int, int]]:
    words = tidy(answer).split()
    # most lines do not have the first word: finding that out this way is much faster
    if not words or words[0].casefold() not in unit.text.casefold():
        return iter(())
    return standing(r"\s+".join(map(re.escape, words)), unit.text, re.I)


def _as_value(unit: Unit, answer: str) -> Iterator[tuple[int, int]]:
    """A cell, an entry, a date or a quantity that has the same canonical form as the answer."""
    at = 0
    for value in unit.values:
        at = unit.text.find(value, at)
        if value.strip() and same(value, answer):
            yield at, at + len(value)
        at += len(value)
    digits = max(_DIGITS.findall(normalise(answer).replace(",", "")), key=len, default="")
    if digits and re.search(rf"(?<![0-9]){digits}(?![0-9])", unit.text.translate(_GROUPING)):
        yield from ((start, end) for start, end in _written_values(unit.text) if same(unit.text[start:end], answer))


def _written_values(text: str) -> Iterator[tuple[int, int]]:
    """Dates, then numbers with as much of a unit behind them as there may be, longest first."""
    for date in _DATE.finditer(text):
        yield date.span()
    for number in _NUMBER.finditer(text):
        if unit := _UNIT.match(text, number.end()):
            whole = text[: unit.end()].rstrip(".。!?…")
            yield number.start(), len(whole)
            first = " ".join(unit[0].split()[:1])
            yield number.start(), number.end() + unit[0].index(first) + len(first)
        yield number.span()


def _evidence(document: Document, unit: Unit, span: tuple[int, int]) -> Evidence:
    start, end = span
    first = max(0, start - LONGEST_QUOTE // 2) if len(unit.text) > LONGEST_QUOTE else 0
    last = max(end, first + LONGEST_QUOTE)
    return Evidence(
        document_id=document.id,
        uri=document.uri,
        media_type=document.media_type,
        quote=unit.text[first:last].strip(),
        answer_span=unit.text[start:end],
        place=unit.place,
    )
