"""What the Prefect UI shows beside a run: artifacts, all of them on the root run's page, each brought up to date.

They are for reading only: one that cannot be written is told of once in the log, and the build goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from prefect.artifacts import Artifact, MarkdownArtifact, ProgressArtifact, TableArtifact
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.context import FlowRunContext

from flows.naming import shortened, slug
from flows.outlook import Meter
from tasks.logs import run_logger
from tasks.progress import Listener

EVERY = 3.0
"""Seconds between two looks at a bar; a stage that is shorter has its last one only."""
CALL_SECONDS = 10.0
LONGEST_CELL = 300
MOST_ROWS = 50


class Board:
    """The artifacts of one run, by key.

    Args:
        run: The id of the run.
        known: Those that an earlier attempt of the run has made.
    """

    def __init__(self, run: UUID, known: Mapping[str, UUID]) -> None:
        self._run = run
        self._known = dict(known)
        self._failed = False

    async def progress(self, stage: str, percent: float, description: str) -> None:
        """A bar for a stage."""
        await self._put(f"{slug(stage)}-progress", ProgressArtifact(progress=percent, description=description))

    async def table(self, key: str, description: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """A table; texts are cut, and of many rows the first are shown."""
        cells = [{name: _cell(value) for name, value in row.items()} for row in rows[:MOST_ROWS]]
        if len(rows) > MOST_ROWS:
            description = f"{description} The first {MOST_ROWS} of {len(rows):,}."
        await self._put(key, TableArtifact(table=cells, description=description))

    async def markdown(self, key: str, description: str, text: str) -> None:
        """A text in Markdown; what comes from outside has to be escaped in it."""
        await self._put(key, MarkdownArtifact(markdown=text, description=description))

    async def _put(self, name: str, artifact: Artifact) -> None:
        key = f"taskcraft-{name}"
        try:
            async with asyncio.timeout(CALL_SECONDS), get_client() as client:
                await self._write(client, key, artifact)
        except Exception as error:
            if not self._failed:
                run_logger().warning(f"Artifacts are not up to date, as one could not be written: {error}")
            self._failed = True

    async def _write(self, client: PrefectClient, key: str, artifact: Artifact) -> None:
        data, description = await artifact.aformat(), artifact.description
        if key in self._known:
            await client.update_artifact(self._known[key], ArtifactUpdate(data=data, description=description))
            return
        request = ArtifactCreate(
            key=key, type=artifact.type, description=description, data=data, flow_run_id=self._run
        )  # fmt: skip
        self._known[key] = (await client.create_artifact(request)).id


_board: ContextVar[Board | None] = ContextVar("board", default=None)


def board() -> Board | None:
    """The board of the build that is under way; None outside of one."""
    return _board.get()


@contextmanager
def shown_on(board: Board) -> Iterator[None]:
    """While this lasts, the stages show what they do on this board."""
    token = _board.set(board)
    try:
        yield
    finally:
        _board.reset(token)


async def board_of(context: FlowRunContext) -> Board:
    """The board of a run, with what its earlier attempts have put there."""
    run = context.flow_run
    assert run is not None, "a flow that runs has a run"
    known: dict[str, UUID] = {}
    if run.run_count > 1:
        try:
            of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
            async with asyncio.timeout(CALL_SECONDS), get_client() as client:
                there = await client.read_artifacts(artifact_filter=of_run)
            known = {one.key: one.id for one in there if one.key}
        except Exception as error:
            run_logger().warning(f"The artifacts of the attempt before cannot be read, so there are new ones: {error}")
    return Board(run.id, known)


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
    drawn = ""
    while not over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await over.wait()
        if bar.text != drawn:
            drawn = bar.text
            await on.progress(bar.stage, bar.percent, drawn)


def _cell(value: Any) -> Any:
    return shortened(value, LONGEST_CELL) if isinstance(value, str) else value
