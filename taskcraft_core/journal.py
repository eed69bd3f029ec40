"""The solution journal: what a solver found is kept on disk, so that a later build can carry it over."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from taskcraft_core.models import Solution
from taskcraft_core.sqlite_files import explained, open_marked

_APPLICATION = 0x54435346
"""Stands in the head of the file ("TCSF"), so that a foreign database is never written to."""

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
            # What a power failure takes is solved again, for nothing but time: no waiting for the disk.
            self._connection = open_marked(path, _APPLICATION, _SCHEMA, "NORMAL")

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

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self._path, "delete it, and what it held is solved again")
