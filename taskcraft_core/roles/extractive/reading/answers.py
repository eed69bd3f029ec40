"""Reads the answer to a clause off an observation: every unit is scored, the best ones answer.

A unit (box line, table cell, definition, item, sentence) answers when it accounts for every word that the clause
needs: by its own key or header and row name, or more weakly by the caption, section or title it stands under.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from taskcraft_core.roles.extractive.normalise import fold, normalise
from taskcraft_core.roles.extractive.reading.clause import Clause
from taskcraft_core.roles.extractive.reading.comparing import compared
from taskcraft_core.roles.extractive.reading.describing import described
from taskcraft_core.roles.extractive.reading.matching import Layer, bag, explain, extras, touches, verbatim
from taskcraft_core.roles.extractive.reading.observation import Observation, Pair, Row
from taskcraft_core.roles.extractive.reading.prose import told
from taskcraft_core.roles.extractive.reading.values import fitting

THRESHOLD = 0.5
TIE = 0.021
_KIND_FACTOR = {"box": 1.0, "label": 0.97, "item": 0.9, "definition": 0.85}
_UNASKED_HEADER = 0.85
"""A table of two columns may be known by its caption ("Melting points") while its header says only "Value"."""

_PLACES = bag("location place country city region address coordinates 位置 地点 所在 地址 坐落")


class Candidate(NamedTuple):
    """An answer with the score of the unit that it was read from."""

    score: float
    text: str


def read(clause: Clause, seen: Observation) -> list[Candidate]:
    """Every answer that fits the clause as well as the best one, best first.

    Args:
        clause: What is asked.
        seen: One part of a document.

    Returns:
        Candidates in canonical form, distinct; none when no unit accounts for the clause.
    """
    if clause.wants == "title":
        return [Candidate(1.0, normalise(seen.title))] if seen.title else []
    found = _backward(clause, seen) if clause.reverse else _forward(clause, seen)
    return best(Candidate(score, normalise(text)) for score, text in found)


def best(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates that tie for the best score, distinct, in a stable order."""
    ranked = sorted((c for c in candidates if c.text and c.score >= THRESHOLD), key=lambda c: (-c.score, c.text))
    kept: dict[str, Candidate] = {}
    for candidate in ranked:
        if candidate.score >= ranked[0].score - TIE:
            kept.setdefault(fold(candidate.text), candidate)
    return list(kept.values())


def _backward(clause: Clause, seen: Observation) -> Iterable[tuple[float, str]]:
    """The words "with the highest known cliff" may compare or only describe: the headers of the tables tell."""
    return list(compared(clause, seen)) or described(clause, seen)


def _forward(clause: Clause, seen: Observation) -> Iterator[tuple[float, str]]:
    title = Layer(bag(seen.title), 0.85)
    for pair in seen.pairs:
        if score := _pair_score(clause, pair, title):
            yield from ((score, text) for text in fitting(pair.value, clause.wants))
    for row in seen.rows:
        for label_at in {row.name_at, 0}:
            yield from _row(clause, row, label_at, title)
    yield from told(clause, seen, title)


def _pair_score(clause: Clause, pair: Pair, title: Layer) -> float:
    key = bag(pair.key)
    context = [Layer(bag(pair.caption), 0.95), Layer(bag(pair.section), 0.9), title]
    match = explain(clause, [Layer(key, 1.0), *context])
    if match is None or not (touches(clause, key) or (clause.wants == "place" and key & _PLACES)):
        return 0.0
    return match.score * _KIND_FACTOR[pair.kind] + verbatim(clause, pair.key) - extras(clause, pair.key, 0.06)


def _row(clause: Clause, row: Row, label_at: int, title: Layer) -> Iterator[tuple[float, str]]:
    label = row.cells[label_at]
    name = bag(label)
    if not touches(clause, name):
        return
    named = verbatim(clause, label) - extras(clause, label, 0.15)
    context = [Layer(bag(row.caption), 0.95), Layer(bag(row.section), 0.9), title]
    for at, (header, cell) in enumerate(zip(row.header, row.cells, strict=True)):
        if at == label_at or not cell:
            continue
        match = explain(clause, [Layer(bag(header), 1.0), Layer(name, 1.0), *context])
        asked = touches(clause, bag(header))
        if match is None or not (asked or len(row.header) == 2):
            continue
        score = match.score * (1.0 if asked else _UNASKED_HEADER) + named
        score += verbatim(clause, header) - extras(clause, header, 0.06)
        yield from ((score, text) for text in fitting(cell, clause.wants))
