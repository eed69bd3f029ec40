"""Sums of money and the tables that they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table


def dollars(usd: float, calls: int, unpriced: int, decimals: int | None = None) -> str:
    """What calls cost, in words: a price that is not known is never nothing.

    Args:
        usd: What is known of it.
        calls: How many calls.
        unpriced: Those of unknown price.
        decimals: As in the rest of a column; None for as many as this sum needs.
    """
    if unpriced == 0:
        return f"${usd:,.{decimals_of([usd]) if decimals is None else decimals}f}"
    return "unknown" if unpriced >= calls else f"at least {dollars(usd, calls, 0, decimals)}"


def decimals_of(sums: Iterable[float]) -> int:
    """How many decimals the sums of a column need: cents, or hundredths of them where one is small."""
    return 4 if any(0 < usd < 0.1 for usd in sums) else 2


def table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table: columns of words on the left, of numbers on the right."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in words:
        made.add_column(name, overflow="fold")
    for name in numbers:
        made.add_column(name, justify="right", no_wrap=True)
    return made
