"""The call journal: what was asked and paid once is looked up, never asked again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from taskcraft_core.calls.amount import Amount
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.errors import ConfigError

JOURNAL = "journal.sqlite"
"""The journal's name under the output folder, if no database is named."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of a journal took.

    Attributes:
        calls: Chat completions and web searches; a fetched page costs nothing and is none.
        tokens: Read and written; what the service did not say counts as none.
        usd: What was paid, for calls of every kind whose price is known.
        unpriced: Those of them whose price is not known; `usd` is without them.
    """

    calls: int
    tokens: int
    usd: float
    unpriced: int


@dataclass(frozen=True, slots=True)
class CostLine:
    """The calls of one stage, role, model and kind, added up; `unpriced` of them have no known price.

    A fetched page costs nothing.
    """

    stage: str
    role: str
    model: str
    kind: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    unpriced: int
    seconds: float


Decide = Callable[[Spent, Amount], Amount]
"""Told what was spent and what others have set aside, gives what is to be set aside."""


class CallJournal(Protocol):
    """Answered calls by key, kept for good. It belongs to one event loop; processes may share what is behind it."""

    async def get(self, key: str) -> str | None:
        """The response kept under a key.

        Raises:
            ConfigError: The journal is damaged.
            ProviderUnavailable: Its database cannot be reached.
        """
        ...

    async def put(self, record: CallRecord) -> None:
        """Keeps a record; it is on disk when this returns. The first record under a key stays.

        A caller that is cancelled meanwhile does not take the record back: it was paid for.

        Raises:
            ConfigError: The journal is damaged, or its disk is full.
            ProviderUnavailable: Its database cannot be reached.
        """
        ...

    def claim(self, key: str) -> AbstractAsyncContextManager[str | None]:
        """To be entered before an answer is asked for: while it lasts, no other process asks for the same.

        Gives:
            The response kept under the key, where it has come meanwhile; None if it is to be asked for.

        Raises:
            ConfigError: The journal is damaged.
            ProviderUnavailable: Its database cannot be reached.
        """
        ...

    async def spent(self) -> Spent:
        """What everything in the journal took."""
        ...

    async def costs(self) -> list[CostLine]:
        """The same by stage, role, model and kind; sorted."""
        ...

    async def set_aside(self, holder: str, decide: Decide) -> None:
        """Sets aside what a process may still spend, in one step that no other process comes between.

        Args:
            holder: The process; what it had set aside before is replaced.
            decide: Decides how much; may be asked again where a connection is lost, and on another thread.

        Raises:
            ConfigError: The journal is damaged or cannot be written.
            ProviderUnavailable: Its database cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Finishes what is queued, then closes; closing twice is fine."""
        ...


async def open_journal(out: Path, url: str | None) -> CallJournal:
    """Opens the journal of an output folder, making it if it is missing.

    Args:
        out: The output folder; its SQLite file is used if there is no url.
        url: A PostgreSQL database that machines share, as postgresql://user:password@host/database.

    Raises:
        ConfigError: It cannot be opened; the sentence holds no password.
    """
    # Imported here: they import this module, and asyncpg is needed by few.
    if url is None:
        from taskcraft_core.calls.sqlite import SqliteJournal

        return await SqliteJournal.open(out / JOURNAL)
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigError("TASKCRAFT_JOURNAL_URL has to begin with postgresql://, or be left out for a file.")
    from taskcraft_core.calls.postgres import PostgresJournal

    return await PostgresJournal.open(url)
