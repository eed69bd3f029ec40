"""What processes that share the caps of a journal have set aside for their next calls, kept beside it.

A process that dies without giving back what it set aside keeps it from the others for as long as a lease lasts.
"""

from __future__ import annotations

from dataclasses import dataclass

LEASE = 60.0
"""Seconds for which an amount stays set aside, unless it is set aside anew."""

_MAKE = (
    "CREATE TABLE IF NOT EXISTS {table} (holder TEXT PRIMARY KEY, calls BIGINT, tokens BIGINT,"
    " usd DOUBLE PRECISION, held_at DOUBLE PRECISION)"
)
_OTHERS = (
    "SELECT CAST(coalesce(sum(calls), 0) AS BIGINT), CAST(coalesce(sum(tokens), 0) AS BIGINT),"
    " CAST(coalesce(sum(usd), 0) AS DOUBLE PRECISION) FROM {table}"
    " WHERE holder <> $1 AND held_at > {now} - CAST($2 AS DOUBLE PRECISION)"
)
_HOLD = (
    "INSERT INTO {table} VALUES ($1, $2, $3, $4, {now}) ON CONFLICT (holder) DO UPDATE SET calls = excluded.calls,"
    " tokens = excluded.tokens, usd = excluded.usd, held_at = excluded.held_at"
)
_FREE = "DELETE FROM {table} WHERE holder = $1"


@dataclass(frozen=True, slots=True)
class Statements:
    """The SQL of the holdings: it is the same in both databases but for the table's name and the clock."""

    make: str
    others: str
    hold: str
    free: str

    @classmethod
    def of(cls, table: str, now: str) -> Statements:
        """The statements for a table, by the clock of its database (an expression in seconds)."""
        return cls(*(one.format(table=table, now=now) for one in (_MAKE, _OTHERS, _HOLD, _FREE)))
