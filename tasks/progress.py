"""How far a stage is, for whoever wants to watch. Shards report here; without a listener nothing happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Watches a build; the command line draws it."""

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None:
        """A stage is planned: so many shards, of which so many are there already, and so many items to go."""

    def items_done(self, stage: str, count: int) -> None:
        """So many more items of the stage are done."""

    def shard_done(self, stage: str) -> None:
        """One more shard of the stage is done."""

    def stage_ends(self, stage: str) -> None:
        """The stage is over, well or not."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def watched_by(listener: Listener) -> Iterator[None]:
    """While this lasts, the listener hears of every step."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def stage_begins(stage: str, shards: int, reused: int, items: int | None = None) -> None:
    """Reports the plan of a stage."""
    if (listener := _listener.get()) is not None:
        listener.stage_begins(stage, shards, reused, items)


def items_done(stage: str, count: int = 1) -> None:
    """Reports finished items."""
    if (listener := _listener.get()) is not None:
        listener.items_done(stage, count)


def shard_done(stage: str) -> None:
    """Reports a finished shard."""
    if (listener := _listener.get()) is not None:
        listener.shard_done(stage)


def stage_ends(stage: str) -> None:
    """Reports the end of a stage."""
    if (listener := _listener.get()) is not None:
        listener.stage_ends(stage)
