"""How far the running stage is, for whoever wants to watch. Without a listener nothing happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Watches a build, one stage after the other; the command line draws it."""

    def waits(self, sentence: str) -> None:
        """The build waits before its first stage; the sentence says for what."""

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None:
        """A stage is planned: so many shards, of which so many are there already, and so many items to go."""

    def items_done(self, count: int) -> None:
        """So many more items are done."""

    def shard_done(self) -> None:
        """One more shard is done."""

    def stage_ends(self) -> None:
        """The stage is over, well or not."""


class _Silence:
    """Listens to nothing."""

    def waits(self, sentence: str) -> None: ...  # noqa: D102

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None: ...  # noqa: D102

    def items_done(self, count: int) -> None: ...  # noqa: D102

    def shard_done(self) -> None: ...  # noqa: D102

    def stage_ends(self) -> None: ...  # noqa: D102


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def watched_by(listener: Listener) -> Iterator[None]:
    """While this lasts, the listener hears of every step."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def watcher() -> Listener:
    """Who is to be told."""
    return _listener.get() or _Silence()


def items_done(count: int = 1) -> None:
    """Tells of finished items."""
    watcher().items_done(count)
