"""The solution journal: what a solver found is kept on disk, so that a later build can carry it over."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from taskcraft_core.errors import ConfigError
from taskcraft_core.models import Solution

_APPLICATION = 0x54435346
"""Stands in the head of the file ("TCSF"), so that a foreign database is never written to."""

_WAIT_SECONDS = 60.0
_SCHEMA = "CREATE TABLE IF NOT EXISTS solutions (key TEXT PRIMARY KEY, solution TEXT NOT NULL) WITHOUT ROWID"


class SolutionJournal:
    """Solutions by key, in an SQLite file that threads and processes may share.

    Args:
        path: The file; it and its folder are made if missing.

    Raises:
        ConfigError: The file cannot be opened, is damaged, or is something else.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file."""
        self._path = path
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def get(self, key: str) -> Solution | None:
        """The solution kept under a key; None if there is none, or one that another version wrote in another form.

        Raises:
            ConfigError: The file is damaged.
        """
        with self._lock, self._explained():
            row = self._connection.execute("SELECT solution FROM solutions WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            return Solution.model_validate_json(row[0])
        except ValidationError:
            return None

    def put(self, key: str, solution: Solution) -> None:
        """Keeps a solution, in place of what was under the key; it is on disk when this returns.

        Raises:
            ConfigError: The file is damaged or cannot be written.
        """
        with self._lock, self._explained():
            self._connection.execute(
                "INSERT INTO solutions VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET solution = excluded.solution",
                (key, solution.model_dump_json()),
            )

    def close(self) -> None:
        """Closes the file; closing twice is fine."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self.close()

    def _prepare(self) -> None:
        """Makes a new file ours, or checks that an old one is; one process at a time."""
        execute = self._connection.execute
        # The lock comes before the switch to WAL: SQLite would not wait for another process that switches too.
        execute("BEGIN EXCLUSIVE")
        try:
            mark = execute("PRAGMA application_id").fetchone()[0]
            tables = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if mark != _APPLICATION and (mark or tables):
                raise ConfigError(f"{self._path}: is no journal of TaskCraft; move it away or choose another folder.")
            execute(f"PRAGMA application_id = {_APPLICATION}")
            execute(_SCHEMA)
        except BaseException:
            execute("ROLLBACK")
            raise
        execute("COMMIT")
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what SQLite and the file system raise into one sentence."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise ConfigError(f"{self._path}: cannot be used as the journal: {error}; check its folder.") from None
        except sqlite3.DatabaseError as error:
            raise ConfigError(
                f"{self._path}: is damaged or no journal ({error}); delete it, and what it held is solved again."
            ) from None
        except OSError as error:
            raise ConfigError(f"{self._path}: cannot be used as the journal: {error.strerror}.") from None
