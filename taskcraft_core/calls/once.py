"""Once: an answer that the journal has, or that is on its way, is not asked for again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from taskcraft_core.calls.journal import CallJournal
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.errors import TaskCraftError

GRACE = 5.0
"""Seconds that calls under way get when a run is cancelled."""


class Once:
    """Looks answers up before they are asked for, and asks for each at most once at a time.

    A call is a task of its own: an asker that is cancelled leaves it under way, for it may have been paid for, and its
    answer is kept. Belongs to one event loop; `settle` before the journal is closed.

    Args:
        journal: Where answers are kept.
        grace: Seconds that calls under way get when the run is cancelled.

    Attributes:
        found: Answers that needed no call: they were in the journal, or in flight for somebody else.
        made: Answers that were asked for.
    """

    def __init__(self, journal: CallJournal, grace: float = GRACE) -> None:
        self._grace = grace
        self.found = 0
        self.made = 0
        self._journal = journal
        self._answers: dict[str, asyncio.Future[str | None]] = {}
        self._calls: set[asyncio.Task[str]] = set()
        self._lost: TaskCraftError | None = None

    async def get(self, key: str, make: Callable[[], Awaitable[str]]) -> str:
        """The answer under a key.

        Args:
            key: The sha256 of everything that could change the answer.
            make: Asks for the answer and puts it into the journal before it returns it; in the context of whoever
                asks first.

        Raises:
            Exception: What `make` raised, here or for whoever asked first.
        """
        # most of what a second build asks is there, and needs no task of its own
        if key not in self._answers and (known := await self._journal.get(key)) is not None:
            self.found += 1
            return known
        while (first := self._answers.get(key)) is not None:
            response = await asyncio.shield(first)  # a plain await would let one cancelled caller cancel all
            if response is not None:
                self.found += 1
                return response
        response = await asyncio.shield(self._start(key, make))
        if response is None:
            raise asyncio.CancelledError
        return response

    async def keep(self, record: CallRecord) -> None:
        """Puts an answer into the journal.

        Raises:
            TaskCraftError: The journal cannot be written.
        """
        try:
            await self._journal.put(record)
        except TaskCraftError as error:
            self._lost = error
            raise

    async def room_for(self, key: str) -> None:
        """To be asked before an answer is paid for: after one was lost, whether the journal could keep the next.

        Raises:
            TaskCraftError: It could not.
        """
        if self._lost is None:
            return
        if not self._lost.retryable:
            raise self._lost
        await self._journal.get(key)  # fails while the journal is away
        self._lost = None

    async def settle(self) -> None:
        """Waits until the calls under way have ended, bounded by nothing but their own time-outs.

        What they raise reaches their askers. On the way out of a run that was cancelled they get a few seconds, for
        they are paid for, and whoever presses Ctrl-C does not want to wait for long.
        """
        calls = tuple(self._calls)
        if not calls:
            return
        try:
            await asyncio.wait(calls, timeout=self._grace if leaving() else None)
        finally:
            for call in calls:
                call.cancel()
        await asyncio.wait(calls)

    def _start(self, key: str, make: Callable[[], Awaitable[str]]) -> asyncio.Future[str | None]:
        """Begins a call; its answer is there for all when it ends, None if it was cancelled."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()
        self._answers[key] = answer
        call = loop.create_task(self._ask(key, make))
        self._calls.add(call)

        def ended(_: asyncio.Task[str]) -> None:
            self._calls.discard(call)
            del self._answers[key]
            if call.cancelled():
                answer.set_result(None)  # those who wait ask for themselves
            elif (error := call.exception()) is not None:
                answer.set_exception(error)
                answer.exception()  # seen: nobody may be waiting any more
            else:
                answer.set_result(call.result())

        call.add_done_callback(ended)
        return answer

    async def _ask(self, key: str, make: Callable[[], Awaitable[str]]) -> str:
        """Looks up, then asks; the lookup is a part of it, so that nobody else starts between the two."""
        async with self._journal.claim(key) as known:
            if known is not None:
                self.found += 1
                return known
            response = await make()
            self.made += 1
            return response


def leaving() -> bool:
    """Whether this is on the way out of a run that was cancelled, or that a signal ends.

    Task.cancelling() would not tell: before Python 3.13 it stays above 0 when a TaskGroup has failed.
    """
    error = sys.exc_info()[1]
    return error is not None and not isinstance(error, Exception)
