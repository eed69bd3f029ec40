"""The call journal as an SQLite file: lookups on the event loop, commits of many records in a thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Literal

from taskcraft_core.calls.amount import Amount
from taskcraft_core.calls.batches import Batches
from taskcraft_core.calls.holdings import LEASE, Statements
from taskcraft_core.calls.journal import CostLine, Decide, Spent
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.calls.rows import COLUMNS, COSTS, SPENT, Row, costs_of, response_of, row_of, spent_of
from taskcraft_core.errors import ConfigError
from taskcraft_core.sqlite_files import connect, explained, open_marked

_APPLICATION = 0x5443434A
"""Stands in the head of the file ("TCCJ"): calls, not solutions."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT NOT NULL PRIMARY KEY, kind TEXT, endpoint TEXT, model TEXT, role TEXT, stage TEXT, item TEXT,
    sample INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER, usd REAL, seconds REAL, made_at REAL,
    response BLOB NOT NULL
)
"""
_INSERT = (
    f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT (key) DO NOTHING"
)
_HOLDINGS = Statements.of("holdings", "(julianday('now') * 86400.0)")
_LOOK_UP = "SELECT response FROM calls WHERE key = ?"


class SqliteJournal:
    """A `CallJournal` in a file that processes may share. Made by `open`; belongs to one event loop.

    A lookup takes microseconds, so it is done where it is asked for; a commit waits for the disk, so it is done in a
    thread, for all records that came while the one before was under way.
    """

    def __init__(self, path: Path, writing: sqlite3.Connection, reading: sqlite3.Connection) -> None:
        self._path = path
        self._writing = writing
        self._reading = reading
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._puts: Batches[Row, None] = Batches(self._commit, linger=0.002)
        self._closed = False

    @classmethod
    async def open(cls, path: Path, synchronous: Literal["NORMAL", "FULL"] = "FULL") -> SqliteJournal:
        """Opens the file, making it and its folder if they are missing.

        Raises:
            ConfigError: The file cannot be opened, is damaged, or is something else.
        """
        return await asyncio.to_thread(cls._open, path, synchronous)

    @classmethod
    def _open(cls, path: Path, synchronous: Literal["NORMAL", "FULL"]) -> SqliteJournal:
        with _explained(path):
            writing = open_marked(path, _APPLICATION, _SCHEMA, synchronous)
            try:
                reading = connect(path)
                reading.execute("PRAGMA query_only = ON")
                reading.execute(_LOOK_UP, ("",)).fetchone()  # a damaged file is noticed now, not in the middle
            except BaseException:
                writing.close()
                raise
        return cls(path, writing, reading)

    async def get(self, key: str) -> str | None:
        """The response kept under a key.

        Raises:
            ConfigError: The file is damaged.
        """
        with _explained(self._path):
            row = self._reading.execute(_LOOK_UP, (key,)).fetchone()
        return None if row is None else response_of(row[0])

    async def put(self, record: CallRecord) -> None:
        """Keeps a record, unless there is one under its key; it is on disk when this returns.

        Raises:
            ConfigError: The file is damaged or cannot be written.
        """
        await self._puts.ask(row_of(record))

    @asynccontextmanager
    async def claim(self, key: str) -> AsyncIterator[str | None]:
        """The response kept under a key. Nobody is kept out: one process at a time builds in a folder.

        Raises:
            ConfigError: The file is damaged.
        """
        yield await self.get(key)

    async def spent(self) -> Spent:
        """What everything in the journal took."""
        return spent_of((await self._select(SPENT))[0])

    async def costs(self) -> list[CostLine]:
        """The same by stage, role, model and kind; sorted."""
        return costs_of(await self._select(COSTS))

    async def set_aside(self, holder: str, decide: Decide) -> None:
        """Sets aside what a process may still spend, in one step that no other process comes between.

        Raises:
            ConfigError: The file is damaged or cannot be written.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._set_aside_here, holder, decide)

    async def close(self) -> None:
        """Finishes what is queued, then closes the file; closing twice is fine."""
        await self._puts.close()
        if not self._closed:
            self._closed = True
            self._reading.close()
            await asyncio.get_running_loop().run_in_executor(self._thread, self._writing.close)
            self._thread.shutdown()

    async def _commit(self, rows: list[Row]) -> list[None]:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._commit_here, rows)
        return [None] * len(rows)

    def _commit_here(self, rows: list[Row]) -> None:
        with _explained(self._path), self._transaction():
            self._writing.executemany(_INSERT, rows)

    def _set_aside_here(self, holder: str, decide: Decide) -> None:
        execute = self._writing.execute
        with _explained(self._path), self._transaction():
            execute(_HOLDINGS.make)
            spent = spent_of(execute(SPENT.format(table="calls")).fetchone())
            others = Amount(*execute(_HOLDINGS.others, {"1": holder, "2": LEASE}).fetchone())
            mine = decide(spent, others)
            if mine == Amount():
                execute(_HOLDINGS.free, {"1": holder})
            else:
                execute(_HOLDINGS.hold, {"1": holder, "2": mine.calls, "3": mine.tokens, "4": mine.usd})

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        execute = self._writing.execute
        execute("BEGIN IMMEDIATE")
        try:
            yield
            execute("COMMIT")
        finally:
            if self._writing.in_transaction:  # something went wrong, and SQLite has not rolled back by itself
                execute("ROLLBACK")

    async def _select(self, query: str) -> list[Row]:
        def here() -> list[Row]:
            with _explained(self._path):
                return self._writing.execute(query.format(table="calls")).fetchall()

        return await asyncio.get_running_loop().run_in_executor(self._thread, here)


async def read_costs(path: Path) -> list[CostLine]:
    """The costs in a file that may be read and not written, as `CallJournal.costs` gives them.

    Args:
        path: The journal; nothing is written there, nor beside it.

    Raises:
        ConfigError: It cannot be read, is damaged, or is something else.
    """
    return await asyncio.to_thread(_read_costs, path)


def _read_costs(path: Path) -> list[CostLine]:
    # SQLite reads what is not checkpointed yet only together with the files beside it; without them, nothing changes
    mode = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    with _explained(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as reading:
        if reading.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise ConfigError(f"{path}: is no journal of TaskCraft; move it away or choose another folder.")
        return costs_of(reading.execute(COSTS.format(table="calls")).fetchall())


def _explained(path: Path) -> AbstractContextManager[None]:
    beside = f"{path.name}-wal and {path.name}-shm"
    return explained(
        path, f"move it away, with {beside} if they are there, and what it held is asked and paid for again"
    )
