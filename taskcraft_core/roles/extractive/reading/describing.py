"""From a description or a value back to the name that has it: rows, definitions, items, links, "X is …"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.roles.extractive.reading.clause import Clause
from taskcraft_core.roles.extractive.reading.matching import Layer, bag, explain, likeness, touches
from taskcraft_core.roles.extractive.reading.observation import Observation, Pair, Row, Sentence
from taskcraft_core.roles.extractive.reading.stems import Word, words

TELLING = 24
"""A quoted description this long tells an entry apart even where the field's name does not stand beside it."""

_KIND_FACTOR = {"definition": 1.0, "item": 1.0, "box": 0.85, "label": 0.85}
_COPULA = re.compile(
    r"(?P<name>[^,，。]{1,90}?)(?:,[^,]{1,90},| \([^()]{1,60}\)|（[^（）]{1,40}）)? ?"
    r"(?:\b(?:is|was|are|were)\b|是|为)(?P<rest>.*)",
    re.S,
)
_PRONOUN = re.compile(r"(?:it|this|that|these|those|they|he|she|there|which|who|here|one|它|这|那|该|他|她)\b.*", re.I)
_UNIT_IN_HEADER = re.compile(r"[(（\[,/] ?([^()（）\[\]]{1,20})[)）\]]?$")


def described(clause: Clause, seen: Observation) -> Iterator[tuple[float, str]]:
    """The names that fit a description, each with its score."""
    title = Layer(bag(seen.title), 0.85)
    for row in seen.rows:
        yield from _rows(clause, row, title)
    for pair in seen.pairs:
        yield from _pairs(clause, pair, title)
        yield from _named_after(clause, pair, seen)
    for sentence in seen.sentences:
        yield from _sentences(clause, sentence, seen)


def holds(text: str, quote: str) -> float:
    """1 when the text is the quote, less when the quote stands in it as whole words, 0 otherwise."""
    whole, part = _plain(text), _plain(quote)
    if whole == part or normalise(text) == normalise(quote):
        return 1.0
    if len(part) < 4 or part not in whole:
        return 0.0
    at = whole.find(part)
    before, after = whole[at - 1 : at], whole[at + len(part) : at + len(part) + 1]
    cut = (before.isalnum() and part[0].isalnum()) or (after.isalnum() and part[-1].isalnum())
    return 0.9 if not (cut and part.isascii()) else 0.0


def _rows(clause: Clause, row: Row, title: Layer) -> Iterator[tuple[float, str]]:
    name_at = _asked_column(clause, row)
    name_header = Layer(bag(row.header[name_at]), 0.95)
    context = [name_header, Layer(bag(row.caption), 0.95), Layer(bag(row.section), 0.9), title]
    for at, (header, cell) in enumerate(zip(row.header, row.cells, strict=True)):
        if at != name_at and cell and (score := _value_score(clause, cell, header, context)):
            yield score, row.cells[name_at]


def _asked_column(clause: Clause, row: Row) -> int:
    """The column that is called what the question asks for ("which year …"), else the one that holds names."""
    if clause.hints:
        for at, header in enumerate(row.header):
            if all(likeness(word, bag(header)) for word in clause.hints):
                return at
    return row.name_at


def _value_score(clause: Clause, value: str, header: str, context: list[Layer]) -> float:
    """How well "the HEADER is VALUE" is what the clause describes."""
    if clause.quotes:
        held = min(max(holds(value, quote), holds(_with_unit(value, header), quote)) for quote in clause.quotes)
        match = explain(clause, [Layer(bag(header), 1.0), *context]) if held else None
        return held * match.score if match else 0.0
    own = words(value)
    if not own or not clause.needed or not _all_asked(own, clause):
        return 0.0
    if not touches(clause, bag(header)):
        return 0.0
    match = explain(clause, [Layer(bag(value), 1.0), Layer(bag(header), 1.0), *context])
    return match.score if match else 0.0


def _all_asked(own: tuple[Word, ...], clause: Clause) -> bool:
    asked = {word.surface for word in (*clause.needed, *clause.hints)}
    return all(word.surface in asked for word in own)


def _with_unit(value: str, header: str) -> str:
    unit = _UNIT_IN_HEADER.search(header)
    return f"{value} {unit[1]}" if unit else value


def _pairs(clause: Clause, pair: Pair, title: Layer) -> Iterator[tuple[float, str]]:
    held = min((holds(pair.value, quote) for quote in clause.quotes), default=0.0)
    if clause.quotes and not held:
        return
    context = [Layer(bag(pair.caption), 0.95), Layer(bag(pair.section), 0.9), title]
    factor = _KIND_FACTOR[pair.kind]
    if clause.quotes:
        match = explain(clause, [Layer(bag(pair.value), 1.0), Layer(bag(pair.key), 0.9), *context])
        if match or len(clause.quotes[0]) >= TELLING:
            yield held * factor * (match.score if match else 0.8), pair.key
        return
    match = explain(clause, [Layer(bag(pair.value), 1.0), *context]) if clause.needed else None
    if match and 0 in match.layers:
        yield 0.9 * factor * match.score - 0.02 * _unasked(clause, pair.value), pair.key


def _named_after(clause: Clause, pair: Pair, seen: Observation) -> Iterator[tuple[float, str]]:
    """An item that gives the description first and the name, as a link, after it."""
    if pair.kind == "item" and clause.quotes and all(holds(pair.key, quote) for quote in clause.quotes):
        yield from ((0.9, link) for link, _ in seen.links if _plain(link) == _plain(pair.value))


def _unasked(clause: Clause, text: str) -> int:
    asked = frozenset(f"~{word.root}" for word in (*clause.needed, *clause.hints))
    return min(10, sum(f"~{word.root}" not in asked for word in words(text)))


def _sentences(clause: Clause, sentence: Sentence, seen: Observation) -> Iterator[tuple[float, str]]:
    text = sentence.text
    if clause.quotes:
        if not all(_plain(quote) in _plain(text) for quote in clause.quotes):
            return
        outside = text.replace(clause.quotes[0], " ")
        linked = [link for link, _ in seen.links if len(link) > 1 and link in outside]
        yield from ((0.9 if _opens(outside, link) else 0.86, link) for link in linked)
        if not linked and (name := _subject(text)):
            yield 0.8, name
        return
    if not clause.needed or not all(likeness(word, bag(text)) for word in clause.needed):
        return
    match = _COPULA.match(text)
    name = _subject(text)
    if match and name and explain(clause, [Layer(bag(match["rest"]), 1.0)]):
        verbatim = _plain(clause.text).split(" the ", 1)[-1] in _plain(text)
        yield (0.95 if verbatim else 0.85) - 0.005 * _unasked(clause, match["rest"]), name


def _opens(text: str, name: str) -> bool:
    """Whether a sentence begins with a name, an article apart."""
    return re.match(rf"(?:The |An? )?{re.escape(name)}(?!\w)", text.strip(), re.I) is not None


def _subject(text: str) -> str:
    match = _COPULA.match(text)
    if not match or _PRONOUN.fullmatch(match["name"].strip()):
        return ""
    return match["name"].strip()


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".。").casefold()
