"""Once: an answer that the journal has, or that is on its way, is not asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from taskcraft_core.calls.journal import CallJournal


class Once:
    """Looks answers up before they are asked for, and asks for each at most once at a time.

    Args:
        journal: Where answers are kept.

    Attributes:
        found: Answers that needed no call: they were in the journal, or in flight for somebody else.
        made: Answers that were asked for.
    """

    def __init__(self, journal: CallJournal) -> None:
        self.found = 0
        self.made = 0
        self._journal = journal
        self._asking: dict[str, asyncio.Future[str | None]] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[str]]) -> str:
        """The answer under a key.

        Args:
            key: The sha256 of everything that could change the answer.
            make: Asks for the answer and puts it into the journal before it returns it.

        Raises:
            Exception: What `make` raised, here or for whoever asked first.
        """
        while (first := self._asking.get(key)) is not None:
            response = await asyncio.shield(first)  # a plain await would let one cancelled caller cancel all
            if response is not None:
                self.found += 1
                return response
        return await self._ask(key, make)

    async def _ask(self, key: str, make: Callable[[], Awaitable[str]]) -> str:
        """Looks up, then asks; the lookup is a part of it, so that nobody else starts between the two."""
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            response = await self._journal.get(key)
            if response is not None:
                self.found += 1
            else:
                response = await make()
                self.made += 1
            asking.set_result(response)
            return response
        except Exception as error:
            asking.set_exception(error)
            asking.exception()  # seen: nobody else may be waiting for it
            raise
        finally:
            del self._asking[key]
            if not asking.done():
                asking.set_result(None)  # cancelled: the others ask for themselves
