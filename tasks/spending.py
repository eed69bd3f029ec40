"""What the calls of an output folder have cost, read from its journal without making one."""

from __future__ import annotations

from pathlib import Path

from taskcraft_core.calls.journal import JOURNAL, CostLine, open_journal
from taskcraft_core.config import Settings


async def costs_of(out: Path, settings: Settings) -> list[CostLine]:
    """The costs by stage, role, model and kind; none where there is no journal.

    Raises:
        ConfigError: The journal cannot be read.
    """
    if settings.journal_address is None and not (out / JOURNAL).exists():
        return []
    journal = await open_journal(out, settings.journal_address)
    try:
        return await journal.costs()
    finally:
        await journal.close()
