"""What the tools of the live web share: settings, and the journal that makes a rerun see the same web."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from taskcraft_core.calls.purpose import purpose
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.config import Settings
from taskcraft_core.models import content_hash

if TYPE_CHECKING:
    from taskcraft_core.calls.budget import Budget
    from taskcraft_core.calls.journal import CallJournal
    from taskcraft_core.calls.once import Once

SEARCH_USD = 0.008
"""What Tavily asks for a basic search, paid as you go."""
SEARCHES_AT_ONCE = 8


@dataclass(frozen=True)
class Web:
    """What the live web needs. Belongs to one event loop; to be closed when the work is done.

    Attributes:
        settings: The search service's key and address, and the limits of fetching.
        journal: Where answers of the web are kept.
        once: Looks them up, and asks the same only once at a time.
        budget: Searches count as calls; fetching pages is free.
        folder: Where the bytes of fetched pages are kept, by their hash: `out/documents`.
        search_usd: The price of a search in US dollars; None if it is not known.
        searching: Has a place for each search that may be under way.
        closing: What is closed with it; whoever opens a connection enters it here.
    """

    settings: Settings
    journal: CallJournal
    once: Once
    budget: Budget
    folder: Path
    search_usd: float | None = SEARCH_USD
    searching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SEARCHES_AT_ONCE))
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def remembered(
        self,
        kind: Literal["search", "page"],
        endpoint: str,
        tool: str,
        asked: Sequence[str | int],
        ask: Callable[[], Awaitable[str]],
        usd: float | None = None,
    ) -> str:
        """What the web answered the first time that it was asked this.

        Args:
            kind: What kind of call it is.
            endpoint: The label of the service.
            tool: The tool that asks.
            asked: Everything that could change the answer.
            ask: Asks the web; what it raises is not remembered.
            usd: What asking costs, if it is a search; None if that is not known.

        Raises:
            BudgetExceeded: A search would pass a cap.
            ConfigError: The journal cannot keep it.
            ProviderUnavailable: The journal's database cannot be reached.
            Exception: What asking raised.
        """

        async def make() -> str:
            async with self._paid(usd) if kind == "search" else nullcontext():
                await self.once.room_for(key)
                started = time.monotonic()
                response = await ask()
                here = purpose()
                await self.once.keep(
                    CallRecord(
                        key=key, kind=kind, endpoint=endpoint, model="", role=tool, stage=here.stage, item=here.item,
                        sample=0, response=response, prompt_tokens=None, completion_tokens=None, usd=usd,
                        seconds=time.monotonic() - started, made_at=time.time(),
                    )
                )  # fmt: skip
                return response

        key = content_hash([kind, endpoint, *asked])
        return await self.once.get(key, make)

    @asynccontextmanager
    async def _paid(self, usd: float | None) -> AsyncIterator[None]:
        """While this lasts, one search is under way; it is spent when that went well, and nothing is when it failed."""
        async with self.searching:
            ticket = await self.budget.ask(0, usd)
            try:
                yield
            except BaseException:
                ticket.cancel()
                raise
            ticket.settle(0, usd)

    async def close(self) -> None:
        """Closes the connections that its tools opened, when the calls under way have ended."""
        await self.once.settle()
        await self.closing.aclose()
