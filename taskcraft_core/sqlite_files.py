"""SQLite files that are ours: marked, shared by processes, and their errors said in one sentence."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from taskcraft_core.disk import no_room, storage_fault
from taskcraft_core.errors import ConfigError, StorageError

_WAIT_SECONDS = 60.0
_OF_A_FULL_DISK_TOO = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says when there is no room for a file that it puts beside the database."""


def open_marked(path: Path, mark: int, schema: str, synchronous: Literal["NORMAL", "FULL"]) -> sqlite3.Connection:
    """Opens a file in WAL mode and makes it ours if it is new; what SQLite raises is not translated here.

    Args:
        path: The file; it and its folder are made if missing.
        mark: The application id in the head of the file, so that a foreign database is never written to.
        schema: One statement that makes the table if it is missing.
        synchronous: FULL waits for the disk at every commit; NORMAL may lose the last commits when the power fails.

    Raises:
        ConfigError: The file is a database of something else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = connect(path)
    try:
        _prepare(connection, path, mark, schema)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """A connection that waits for other processes, leaves transactions to us and may move between threads."""
    return sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path, mark: int, schema: str) -> None:
    """Makes a new file ours, or checks that an old one is; one process at a time."""
    execute = connection.execute
    # The lock comes before the switch to WAL: SQLite would not wait for another process that switches too.
    execute("BEGIN EXCLUSIVE")
    try:
        found = execute("PRAGMA application_id").fetchone()[0]
        tables = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if found != mark and (found or tables):
            raise ConfigError(f"{path}: is no journal of TaskCraft; move it away or choose another folder.")
        execute(f"PRAGMA application_id = {mark}")
        execute(schema)
    except BaseException:
        execute("ROLLBACK")
        raise
    execute("COMMIT")


@contextmanager
def explained(path: Path, remedy: str) -> Iterator[None]:
    """Turns what SQLite and the file system raise into one sentence.

    Args:
        path: The file, named in the sentence.
        remedy: What to do with a damaged file, and what that costs.

    Raises:
        ConfigError: The file is damaged, or cannot be opened or written.
        StorageError: The disk is full, or may only be read.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind == sqlite3.SQLITE_FULL or (kind in _OF_A_FULL_DISK_TOO and no_room(path.parent)):
            raise StorageError(storage_fault(errno.ENOSPC, path)) from None
        if kind == sqlite3.SQLITE_READONLY:
            raise ConfigError(f"{path}: cannot be written; allow writing it and its folder.") from None
        raise ConfigError(f"{path}: cannot be used as the journal: {error}; check its folder.") from None
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path}: is damaged or no journal ({error}); {remedy}.") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise StorageError(storage_fault(error.errno, path)) from None
        raise ConfigError(f"{path}: cannot be used as the journal: {error.strerror}.") from None
