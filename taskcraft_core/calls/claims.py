"""Claims: which of the processes with one PostgreSQL journal asks for an answer, while the others wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256
from typing import Protocol, TypeVar

import asyncpg

from taskcraft_core.calls.batches import Batches
from taskcraft_core.errors import TaskCraftError

T = TypeVar("T")

_ASK = """
SELECT CASE WHEN take THEN pg_try_advisory_lock(number) ELSE pg_advisory_unlock(number) END
FROM unnest($1::BIGINT[], $2::BOOLEAN[]) AS asked (number, take)
"""
_HEED = "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
"""Has the server notice within half a minute that a machine is gone, whose claims are free then."""
_CLOSING_SECONDS = 10.0


class Tried(Protocol):
    """Does something, again and again while the connection is lost."""

    def __call__(self, work: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        """What the work gives."""
        ...


class Claims:
    """The claims of one process, held by a session of their own: whatever ends it, they end with it.

    Belongs to one event loop; to be closed.

    Args:
        connect: Opens a session.
        tried: Asks it again where it is lost.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], tried: Tried) -> None:
        self._connect = connect
        self._session: asyncpg.Connection | None = None
        self._held: set[int] = set()
        self._batches: Batches[tuple[int, bool], bool] = Batches(lambda asked: tried(lambda: self._settle(asked)))

    async def take(self, key: str) -> bool:
        """Takes the claim to a key, if no other process has it.

        Raises:
            ProviderUnavailable: The database cannot be reached.
        """
        try:
            return await self._batches.ask((_number(key), True))
        except asyncio.CancelledError:
            await self.free(key)  # it may be taken all the same
            raise

    async def free(self, key: str) -> None:
        """Gives the claim to a key back."""
        with suppress(TaskCraftError):  # the database is away, and the session with all its claims has ended
            await self._batches.ask((_number(key), False))

    async def close(self) -> None:
        """Finishes what is queued, then ends the session."""
        await self._batches.close()
        if self._session is not None:
            with suppress(Exception):  # it is gone already
                await self._session.close(timeout=_CLOSING_SECONDS)
            self._drop()

    async def _settle(self, asked: list[tuple[int, bool]]) -> list[bool]:
        """Takes and gives back, in this order; whether each was free, or held."""
        numbers, takes = [number for number, _ in asked], [take for _, take in asked]
        if self._session is not None and self._session.is_closed():
            self._session = None
        if self._session is None and not any(takes):
            self._held.difference_update(numbers)
            return [False] * len(asked)
        try:
            if self._session is None:
                self._session = await self._connect()
                await self._session.execute(_HEED)
                # what was lost with another session is taken again, if nobody else was as quick
                await self._session.fetch(_ASK, list(self._held), [True] * len(self._held))
            done = [row[0] for row in await self._session.fetch(_ASK, numbers, takes)]
        except BaseException:
            self._drop()
            raise
        for number, take, held in zip(numbers, takes, done, strict=True):
            if not take:
                self._held.discard(number)
            elif held:
                self._held.add(number)
        return done

    def _drop(self) -> None:
        """Ends the session at once: what was asked of it last may be done or not, and ends with it."""
        if self._session is not None:
            self._session.terminate()
            self._session = None


def _number(key: str) -> int:
    """The number that stands for a key: 64 bits, so that two keys have the same as good as never."""
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big", signed=True)
