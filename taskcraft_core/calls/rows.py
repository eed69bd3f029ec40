"""A call record as a row, and the questions that both databases answer in the same SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any

from taskcraft_core.calls.journal import CostLine, Spent
from taskcraft_core.calls.record import CallRecord

Row = tuple[Any, ...]
"""The values of a record in the order of `COLUMNS`; what a driver takes."""

COLUMNS = tuple(field.name for field in fields(CallRecord) if field.name != "response") + ("response",)
"""The key comes first; the response, which is long, comes last: a scan of the others need not read it."""

SPENT = """
SELECT CAST(coalesce(sum(CASE WHEN kind IN ('chat', 'search') THEN 1 ELSE 0 END), 0) AS BIGINT),
       CAST(coalesce(sum(coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0)), 0) AS BIGINT),
       CAST(coalesce(sum(usd), 0) AS DOUBLE PRECISION),
       CAST(coalesce(sum(CASE WHEN kind IN ('chat', 'search') AND usd IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT)
FROM {table}
"""
COSTS = """
SELECT stage, role, model, kind, count(*),
       CAST(coalesce(sum(prompt_tokens), 0) AS BIGINT),
       CAST(coalesce(sum(completion_tokens), 0) AS BIGINT),
       CAST(coalesce(sum(usd), 0) AS DOUBLE PRECISION),
       CAST(sum(CASE WHEN kind IN ('chat', 'search') AND usd IS NULL THEN 1 ELSE 0 END) AS BIGINT),
       CAST(sum(seconds) AS DOUBLE PRECISION)
FROM {table} WHERE kind <> 'run' GROUP BY stage, role, model, kind
"""

_LARGEST = 2**48
"""A number of tokens that no call has; thousands of them can still be added up."""

_values = attrgetter(*COLUMNS[:-1])


def row_of(record: CallRecord) -> Row:
    """The record's values; its texts fit any database, and its response comes back exactly as it was."""
    values = [_storable(value) for value in _values(record)]
    return (*values, record.response.encode("utf-8", "surrogatepass"))


def response_of(stored: bytes) -> str:
    """The response as it was put."""
    return stored.decode("utf-8", "surrogatepass")


def spent_of(row: Iterable[Any]) -> Spent:
    """What `SPENT` selected."""
    return Spent(*row)


def costs_of(rows: Iterable[Iterable[Any]]) -> list[CostLine]:
    """What `COSTS` selected; sorted here, because databases sort text each in its own way."""
    lines = [CostLine(*row) for row in rows]
    return sorted(lines, key=lambda line: (line.stage, line.role, line.model, line.kind))


def _storable(value: Any) -> Any:
    """What no database refuses: one odd value must not fail the whole batch that it is in."""
    if isinstance(value, int):
        return max(-_LARGEST, min(value, _LARGEST))
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    # PostgreSQL stores no NUL and nobody stores half a surrogate pair; in labels they may be replaced.
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
