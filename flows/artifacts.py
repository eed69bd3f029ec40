"""What the Prefect UI shows beside a run: artifacts, all of them on the root run's page, each brought up to date.

They are for reading only: one that cannot be written is told of once in the log, and the build goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from prefect.artifacts import Artifact, MarkdownArtifact, ProgressArtifact, TableArtifact
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectHTTPStatusError

from flows.naming import escaped, slug
from tasks.logs import run_logger

CALL_SECONDS = 10.0
BUSY_SECONDS = 0.5
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

    def has(self, key: str) -> bool:
        """Whether there is such an artifact, of this attempt of the run or of an earlier one."""
        return f"taskcraft-{key}" in self._known

    async def progress(self, stage: str, percent: float, description: str) -> None:
        """A bar for a stage."""
        await self._put(f"{slug(stage)}-progress", ProgressArtifact(progress=percent, description=description))

    async def table(self, key: str, description: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """A table; its texts may come from outside, and are cut; of many rows the first are shown."""
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
                while True:
                    try:
                        return await self._write(client, key, artifact)
                    except PrefectHTTPStatusError as error:
                        if error.response.status_code < 500:
                            raise
                    await asyncio.sleep(BUSY_SECONDS)  # a server on SQLite refuses when its database is busy
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


def _cell(value: Any) -> Any:
    return escaped(value, LONGEST_CELL) if isinstance(value, str) else value
