"""The largest and the smallest in a column: rows that a comparison tells apart and no word does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from taskcraft_core.models import Document, Table
from taskcraft_core.roles.extractive.normalise import answer_type, normalise
from taskcraft_core.roles.extractive.writing.phrasing import is_noun_phrase, lower_name, without_unit

FEWEST_ROWS = 3
_NUMBER = re.compile(r"(?P<number>[-−]?[\d,]+(?:\.\d+)?) ?(?P<unit>\D*)")
_UPRIGHT = re.compile(
    r"\b(?:point|temperature|altitude|height|elevation|density|speed|score|summit|rate|age)$|°C|%", re.I
)

End = Literal["highest", "lowest"]


class Extreme(NamedTuple):
    """The row of a table that has the highest or lowest value in a column."""

    table: Table
    row: int
    column: int
    end: End


def extremes(document: Document) -> Iterator[Extreme]:
    """Every extreme of a document's tables that exactly one row holds."""
    for table in document.blocks:
        if isinstance(table, Table) and len(table.rows) >= FEWEST_ROWS:
            for column in range(1, len(table.header)):
                yield from _of_column(table, column)


def _of_column(table: Table, column: int) -> Iterator[Extreme]:
    if not is_noun_phrase(without_unit(table.header[column])[0]):
        return
    cells = [magnitude(row[column]) for row in table.rows]
    sizes = [cell[1] for cell in cells if cell is not None]
    if len(sizes) < len(cells) or len({cell[0] for cell in cells if cell}) != 1:
        return
    for end, best in (("highest", max(sizes)), ("lowest", min(sizes))):
        if sizes.count(best) == 1:
            yield Extreme(table, sizes.index(best), column, "highest" if end == "highest" else "lowest")


def magnitude(value: str) -> tuple[str, float] | None:
    """What a value is measured in, and its size; a date counts its days, roughly. None for anything else."""
    form = normalise(value)
    kind = answer_type(form)
    if kind in {"date", "year"}:
        year, month, day = (int(part) for part in f"{form}-0-0".split("-")[:3])
        return f"date{form.count('-')}", year * 10_000 + month * 100 + day
    match = _NUMBER.fullmatch(form) if kind in {"number", "measure"} else None
    if match is None:
        return None
    return match["unit"].strip(), float(match["number"].replace(",", "").replace("−", "-"))


def extreme_trait(header: str, value: str, end: End) -> str:
    """How an extreme is told apart, in English: "with the largest mean radius"."""
    name = lower_name(without_unit(header)[0])
    if answer_type(value) in {"date", "year"}:
        word = "latest" if end == "highest" else "earliest"
    elif _UPRIGHT.search(name) or _UPRIGHT.search(value):
        word = end
    else:
        word = "largest" if end == "highest" else "smallest"
    return f"with the {word} {name}"
