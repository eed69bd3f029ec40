"""Sums of money and the tables that they stand in."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table


def dollars(usd: float, calls: int, unpriced: int) -> str:
    """What calls cost, in words: a price that is not known is never nothing."""
    if unpriced == 0:
        return f"${usd:,.4f}" if 0 < usd < 0.1 else f"${usd:,.2f}"
    return "unknown" if unpriced >= calls else f"at least {dollars(usd, calls, 0)}"


def table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table: columns of words on the left, of numbers on the right."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in words:
        made.add_column(name, overflow="fold")
    for name in numbers:
        made.add_column(name, justify="right", no_wrap=True)
    return made
