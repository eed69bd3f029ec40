"""What the calls of an output folder have cost, read from its journal without making one."""

from __future__ import annotations

import os
from pathlib import Path

from taskcraft_core.calls.journal import JOURNAL, CostLine, open_journal
from taskcraft_core.calls.sqlite import read_costs
from taskcraft_core.config import Settings


async def costs_of(out: Path, settings: Settings) -> list[CostLine]:
    """The costs by stage, role, model and kind; none where there is no journal.

    Raises:
        ConfigError: The journal cannot be read.
    """
    if settings.journal_address is None and not (out / JOURNAL).exists():
        return []
    if settings.journal_address is None and not (os.access(out / JOURNAL, os.W_OK) and os.access(out, os.W_OK)):
        return await read_costs(out / JOURNAL)
    journal = await open_journal(out, settings.journal_address)
    try:
        return await journal.costs()
    finally:
        await journal.close()
