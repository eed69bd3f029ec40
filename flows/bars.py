"""The bars of the stages on the board of a build: how far each is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from flows.artifacts import Board, board
from flows.outlook import Meter
from tasks.progress import Listener

EVERY = 3.0
"""Seconds between two looks at a bar; a stage that is shorter has its last one only."""


class Bar:
    """Listens to a stage for a listener, and knows how far it is.

    Args:
        meter: Who hears of everything too, and knows how many items are still to go.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter: Listener = meter
        self.stage = ""
        self._shards = self._reused = self._shards_done = self._items_done = 0
        self._items = meter.items

    def waits(self, sentence: str) -> None:
        """Passed on."""
        self._meter.waits(sentence)

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None:
        """Noted and passed on."""
        self.stage, self._shards, self._reused = stage, shards, reused
        if not reused:
            self._items = self._items or items or 0
        self._meter.stage_begins(stage, shards, reused, items)

    def items_done(self, count: int) -> None:
        """Counted and passed on."""
        self._items_done += count
        self._meter.items_done(count)

    def shard_done(self) -> None:
        """Counted and passed on."""
        self._shards_done += 1
        self._meter.shard_done()

    def stage_ends(self) -> None:
        """Passed on."""
        self._meter.stage_ends()

    @property
    def percent(self) -> float:
        """Shards done, the unfinished ones counted by their items where those are known."""
        if not self._shards:
            return 100.0
        fresh = self._shards - self._reused
        by_items = fresh * min(self._items_done / self._items, 1.0) if self._items else 0.0
        done = self._reused + max(by_items, self._shards_done - self._reused)
        return round(100 * min(done / self._shards, 1.0), 1)

    @property
    def text(self) -> str:
        """The counts in words."""
        reused = f", {self._reused:,} of them reused" if self._reused else ""
        items = f"; {self._items_done:,} of {self._items:,} items" if self._items else ""
        return f"{self.stage}: {self._shards_done:,} of {self._shards:,} shards{reused}{items}."


@asynccontextmanager
async def drawn(meter: Meter) -> AsyncIterator[Listener]:
    """Who is to listen to a stage, so that its bar is on the board while it runs, and after it has ended."""
    on = board()
    if on is None:
        yield meter
        return
    bar, over = Bar(meter), asyncio.Event()
    drawing = asyncio.create_task(_redrawn(bar, on, over))
    try:
        yield bar
    except BaseException:
        drawing.cancel()
        raise
    over.set()
    await drawing


async def _redrawn(bar: Bar, on: Board, over: asyncio.Event) -> None:
    drawn, ended = "", False
    while not ended:
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await over.wait()
        ended = over.is_set()
        if bar.text != drawn:
            drawn = bar.text
            await on.progress(bar.stage, bar.percent, drawn)
