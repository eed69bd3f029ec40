"""Reads the answer to a comparison off a table: "which moon is listed with the largest mean radius of all"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.roles.extractive.reading.clause import Clause
from taskcraft_core.roles.extractive.reading.matching import bag, likeness
from taskcraft_core.roles.extractive.reading.observation import Observation, Row
from taskcraft_core.roles.extractive.reading.stems import words

_MOST = "highest|largest|greatest|longest|biggest|latest|most recent|most"
_LEAST = "lowest|smallest|least|shortest|earliest|oldest|fewest"
_COMPARISON = re.compile(
    rf"with the (?:(?P<most>{_MOST})|(?:{_LEAST})) (?P<field>.+?)(?: of all(?: those listed)?)?", re.I | re.S
)
_FIRST_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?")
_ISO = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")


def compared(clause: Clause, seen: Observation) -> Iterator[tuple[float, str]]:
    """The names of the rows that come first in the comparison, each with its score; all of them on a tie."""
    asked = _found(clause)
    if asked is None:
        return
    sizes = [(size, row.cells[row.name_at]) for row in seen.rows if (size := _size(asked["field"], row)) is not None]
    if len(sizes) < 2:
        return
    best = (max if asked["most"] else min)(size for size, _ in sizes)
    yield from ((0.95, name) for size, name in sizes if size == best)


def _found(clause: Clause) -> re.Match[str] | None:
    at = clause.text.find("with the ") if clause.reverse and not clause.quotes else -1
    return _COMPARISON.fullmatch(clause.text[at:]) if at >= 0 else None


def _size(field: str, row: Row) -> float | None:
    """The row's value in the column that the comparison is about."""
    asked = words(field)
    for at, header in enumerate(row.header):
        named = bag(header)
        if at != row.name_at and asked and all(likeness(word, named) == 1.0 for word in asked):
            return _number(row.cells[at])
    return None


def _number(cell: str) -> float | None:
    form = normalise(cell)
    if date := _ISO.fullmatch(form):
        year, month, day = (int(part or 0) for part in date.groups())
        return year * 400.0 + month * 32 + day
    number = _FIRST_NUMBER.match(form)
    return float(number[0].replace(",", "").replace("−", "-")) if number else None
