"""The call journal in a PostgreSQL database that machines share."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import asyncpg

from taskcraft_core.calls.amount import Amount
from taskcraft_core.calls.batches import Batches
from taskcraft_core.calls.claims import Claims
from taskcraft_core.calls.holdings import LEASE, Statements
from taskcraft_core.calls.journal import CostLine, Decide, Spent
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.calls.rows import COLUMNS, COSTS, SPENT, Row, costs_of, response_of, row_of, spent_of
from taskcraft_core.errors import ConfigError, ProviderUnavailable, TaskCraftError

T = TypeVar("T")

_TABLE = "taskcraft_calls"
_LOCK = 0x5443434A
"""The advisory lock under which tables are made: CREATE TABLE IF NOT EXISTS fails when two do it at once."""

_TYPES = {"sample": "BIGINT", "prompt_tokens": "BIGINT", "completion_tokens": "BIGINT"} | {
    "usd": "DOUBLE PRECISION", "seconds": "DOUBLE PRECISION", "made_at": "DOUBLE PRECISION", "response": "BYTEA",
}  # fmt: skip
"""What is not TEXT. A response may hold NUL characters, which TEXT cannot."""

_SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS {_TABLE} ("
    + ", ".join(f"{column} {_TYPES.get(column, 'TEXT')}" for column in COLUMNS)
    + ", PRIMARY KEY (key))"
)
_INSERT = f"INSERT INTO {_TABLE} ({', '.join(COLUMNS)}) SELECT * FROM unnest(" + (
    ", ".join(f"${number}::{_TYPES.get(column, 'TEXT')}[]" for number, column in enumerate(COLUMNS, 1))
    + ") ON CONFLICT (key) DO NOTHING"
)
_HELD = "taskcraft_holdings"
_HOLDINGS = Statements.of(_HELD, "CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)")
_LOOK_UP = f"SELECT key, response FROM {_TABLE} WHERE key = ANY($1::TEXT[])"

LOOK = 0.2
"""Seconds between two looks at whether another process has the answer by now."""

_NAME = "The PostgreSQL journal (TASKCRAFT_JOURNAL_URL)"
_FORM = "its address is not of the form postgresql://user:password@host:port/database."
_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try: a server that starts anew must not cost answers that were paid for."""

_LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server's last word has come, and the end of the connection not yet
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


class PostgresJournal:
    """A `CallJournal` in a database. Made by `open`; belongs to one event loop.

    Everything that it does may be done twice, so it is simply tried again on a new connection when one is lost.
    """

    def __init__(self, pool: asyncpg.Pool, url: str, pauses: Sequence[float]) -> None:
        self._pool = pool
        self._pauses = pauses
        self._claims = Claims(partial(asyncpg.connect, url, timeout=15, command_timeout=60), self._tried)
        self._gets: Batches[str, str | None] = Batches(self._look_up)
        self._puts: Batches[Row, None] = Batches(self._insert, linger=0.002)

    @classmethod
    async def open(cls, url: str, pauses: Sequence[float] = _PAUSES) -> PostgresJournal:
        """Connects, and makes the tables that are missing.

        Args:
            url: postgresql://user:password@host/database; the database is the journal of one output folder.
            pauses: Seconds to wait before each further try when the connection is lost.

        Raises:
            ConfigError: There is no such database, or it does not let us in.
        """
        pool: asyncpg.Pool | None = None
        try:
            pool = await asyncpg.create_pool(url, min_size=1, max_size=4, timeout=15, command_timeout=60)
            async with pool.acquire() as connection:
                await _make_tables(connection)
        except Exception as error:  # a malformed address raises whatever the parser of addresses raises
            if pool is not None:
                pool.terminate()
            raise _at_opening(error) from None
        return cls(pool, url, pauses)

    async def get(self, key: str) -> str | None:
        """The response kept under a key.

        Raises:
            ProviderUnavailable: The database cannot be reached.
        """
        return await self._gets.ask(key)

    async def put(self, record: CallRecord) -> None:
        """Keeps a record, unless there is one under its key; it is committed when this returns.

        Raises:
            ProviderUnavailable: The database cannot be reached.
        """
        await self._puts.ask(row_of(record))

    @asynccontextmanager
    async def claim(self, key: str) -> AsyncIterator[str | None]:
        """Holds the claim to a key, when no other process does; gives the response if one has come meanwhile.

        Raises:
            ProviderUnavailable: The database cannot be reached.
        """
        while not await self._claims.take(key):
            if (known := await self.get(key)) is not None:
                yield known
                return
            await asyncio.sleep(LOOK)
        try:
            yield await self.get(key)
        finally:
            await self._claims.free(key)

    async def spent(self) -> Spent:
        """What everything in the journal took."""
        rows = await self._tried(lambda: self._pool.fetch(SPENT.format(table=_TABLE)))
        return spent_of(rows[0])

    async def costs(self) -> list[CostLine]:
        """The same by stage, role, model and kind; sorted."""
        return costs_of(await self._tried(lambda: self._pool.fetch(COSTS.format(table=_TABLE))))

    async def set_aside(self, holder: str, decide: Decide) -> None:
        """Sets aside what a process may still spend, in one step that no other process comes between.

        Raises:
            ProviderUnavailable: The database cannot be reached.
        """
        await self._tried(lambda: self._set_aside(holder, decide))

    async def close(self) -> None:
        """Finishes what is queued, then disconnects; closing twice is fine."""
        await self._gets.close()
        await self._puts.close()
        await self._claims.close()
        try:
            async with asyncio.timeout(10):
                await self._pool.close()
        except _LOST:
            self._pool.terminate()

    async def _look_up(self, keys: list[str]) -> list[str | None]:
        found = dict(await self._tried(lambda: self._pool.fetch(_LOOK_UP, keys)))
        return [response_of(found[key]) if key in found else None for key in keys]

    async def _insert(self, rows: list[Row]) -> list[None]:
        first: dict[str, Row] = {}
        for row in rows:
            first.setdefault(row[0], row)
        # In one order everywhere: two processes with the same keys would otherwise wait for each other.
        columns = [list(column) for column in zip(*(first[key] for key in sorted(first)), strict=True)]
        await self._tried(lambda: self._pool.execute(_INSERT, *columns))
        return [None] * len(rows)

    async def _set_aside(self, holder: str, decide: Decide) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            spent = spent_of(await connection.fetchrow(SPENT.format(table=_TABLE)))
            mine = decide(spent, Amount(*await connection.fetchrow(_HOLDINGS.others, holder, LEASE)))
            if mine == Amount():
                await connection.execute(_HOLDINGS.free, holder)
            else:
                await connection.execute(_HOLDINGS.hold, holder, mine.calls, mine.tokens, mine.usd)

    async def _tried(self, work: Callable[[], Awaitable[T]]) -> T:
        """Does the work, again and again while the connection is lost.

        Raises:
            ProviderUnavailable: It stayed lost.
            ConfigError: The database will not do it: a right is missing, or the table is not ours any more.
        """
        pauses = iter(self._pauses)
        while True:
            try:
                return await work()
            except _LOST as error:
                pause = next(pauses, None)
                if pause is None:
                    raise ProviderUnavailable(f"{_NAME} does not answer any more ({_kind(error)}).") from None
            except asyncpg.PostgresError as error:
                raise ConfigError(f"{_NAME} cannot be used: {error.args[0]}.") from None
            await asyncio.sleep(pause)


async def _make_tables(connection: Any) -> None:
    """Makes what is missing; where nothing is, no right to make tables is asked for."""
    for table, make in {_TABLE: _SCHEMA, _HELD: _HOLDINGS.make}.items():
        if await connection.fetchval("SELECT to_regclass($1)", table) is None:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                await connection.execute(make)
    await connection.execute(f"SELECT {', '.join(COLUMNS)} FROM {_TABLE} LIMIT 0")


def _at_opening(error: Exception) -> TaskCraftError:
    """One sentence; never with the driver's own words where these may quote a part of the address."""
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return ConfigError(f"{_NAME} refuses the user or the password.")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return ConfigError(f"{_NAME} has no database of that name.")
    if isinstance(error, asyncpg.ClientConfigurationError):
        return ConfigError(f"{_NAME}: {_FORM}")
    if isinstance(error, _LOST):
        return ConfigError(f"{_NAME} cannot be reached ({_kind(error)}); check its address and that it runs.")
    if isinstance(error, asyncpg.PostgresError):
        return ConfigError(f"{_NAME} cannot be used: {error.args[0]}.")
    return ConfigError(f"{_NAME}: {_FORM}")


def _kind(error: BaseException) -> str:
    """What went wrong, in words that hold nothing of the address."""
    if isinstance(error, TimeoutError):
        return "time-out"
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, ConnectionError | FileNotFoundError | PermissionError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__
