"""What a build tells of itself in the Prefect UI while it runs: the artifacts on its board, and an event."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.logging.loggers import LoggingAdapter

from flows.artifacts import Board, board_of, shown_on
from flows.environment import read_settings
from flows.funnel import cost_rows, cost_told, funnel_told, left_out_rows, passage, quality_rows, quality_told, spent
from flows.mirror import folder_of
from flows.naming import DEGRADED
from flows.outcome import FailedShard, StageFailed, StageRun, listed
from flows.summary import BuildSummary
from flows.verdict import told_build, told_published, where_it_lies
from taskcraft_core.calls.budget import counted
from taskcraft_core.calls.journal import CostLine
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Rejection
from taskcraft_core.roles.llm.spec import pays
from tasks.aside import aside
from tasks.logs import run_logger
from tasks.spending import costs_of

TAG = "taskcraft"


@dataclass
class Report:
    """What a build tells of itself while it runs.

    Attributes:
        board: Where its artifacts are.
        log: The log of the root run.
        out: The output folder on this machine.
        pays: Whether it may make calls that cost.
        before: What the journal's calls had cost when its turn came; None until then.
        message: What became of it, once it is built.
        passages: The rows of the funnel so far.
        failed: The shards that it goes on without.
    """

    board: Board
    log: logging.Logger | LoggingAdapter
    out: Path
    pays: bool
    before: Sequence[CostLine] | None = None
    message: str = ""
    passages: list[dict[str, Any]] = field(default_factory=list)
    failed: list[FailedShard] = field(default_factory=list)

    async def stage_ended(self, runs: Sequence[StageRun], reasons: Sequence[dict[str, int]]) -> None:
        """Brings the funnel and the costs up to date; after the audit, the quality too."""
        self.passages += map(passage, runs, reasons)
        if failed := [one for run in runs for one in run.failed]:
            self.failed += failed
            await self.shards_failed(self.failed)
        await self.board.table("funnel", funnel_told(self.passages), self.passages)
        await self.costs()
        if runs[-1].stage == "audit":
            with _harmless(self.log):
                rows = await aside(quality_rows, self.out, runs[-1])
                await self.board.table("quality", quality_told(rows), rows)

    async def costs(self) -> Sequence[CostLine]:
        """Brings the table of costs up to date; what the journal's calls have cost by now."""
        lines: Sequence[CostLine] = []
        if self.pays:
            with _harmless(self.log):
                lines = await costs_of(self.out, read_settings())
        if self.before is None:
            self.before = lines
        if lines:
            await self.board.table("cost", cost_told(lines, self.before), cost_rows(lines, self.before))
        return lines

    async def built(self, summary: BuildSummary) -> None:
        """Shows where everything lies, and finds the sentence for what became of the build."""
        paid = spent(await self.costs(), self.before or [])
        self.message, degraded = told_build(summary, self.out, paid)
        await self.board.markdown("outputs", told_published(summary.published), where_it_lies(summary, self.out))
        if self.board.has("failed-shards") and not self.failed:
            await self.board.table("failed-shards", "None: what failed in an earlier attempt is computed by now.", [])
        if degraded:
            _emit_degraded(self.message)

    async def failing(self, error: TaskCraftError) -> None:
        """Shows which shards failed, if that is what it is."""
        if isinstance(error, StageFailed):
            await self.shards_failed(error.failed)
        await self.costs()

    async def shards_failed(self, failed: Sequence[FailedShard]) -> None:
        """Shows which shards failed, and why."""
        about = f"{counted(len(failed), 'shard')} failed; all others are kept, and a retry computes these only."
        await self.board.table("failed-shards", about, listed(failed))


_report: ContextVar[Report | None] = ContextVar("report", default=None)


def report() -> Report | None:
    """The report of the build that is under way; None outside of one."""
    return _report.get()


@asynccontextmanager
async def reporting() -> AsyncIterator[Report]:
    """While this lasts, the build of the run that is under way is reported on."""
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None and context.parameters is not None
    config: BuildConfig = context.parameters["config"]
    out = folder_of(context.parameters["out"])
    made = Report(await board_of(context), run_logger(), out, pays(config))
    if TAG not in context.flow_run.tags:
        with _harmless(made.log):
            async with get_client() as client:
                await client.update_flow_run(context.flow_run.id, tags={*context.flow_run.tags, TAG})
    token = _report.set(made)
    try:
        with shown_on(made.board):
            yield made
    finally:
        _report.reset(token)


async def accounted(work: Awaitable[BuildSummary]) -> BuildSummary:
    """What a build comes to, shown with what it cost; to be called in the turn of the run, and to its end."""
    on = report()
    assert on is not None, "a build is reported on"
    try:
        summary = await work
    except TaskCraftError as error:
        await on.failing(error)
        raise
    await on.built(summary)
    return summary


async def count_from_here() -> None:
    """What is spent from here on is this run's; to be called when every turn that it waits for is its own."""
    on = report()
    assert on is not None, "a build is reported on"
    await on.costs()


async def show_left_out(left_out: Sequence[Rejection]) -> None:
    """Shows what could not be listed."""
    on = report()
    if on is not None and left_out:
        await on.board.table(
            "left-out", f"{len(left_out):,} left out when the sources were listed.", left_out_rows(left_out)
        )


@contextmanager
def _harmless(log: logging.Logger | LoggingAdapter) -> Iterator[None]:
    """What is only shown stops no build."""
    try:
        yield
    except Exception as error:
        log.warning(f"Something cannot be shown: {type(error).__name__}: {error}")


def _emit_degraded(message: str) -> None:
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    run = context.flow_run
    resource = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
    emit_event(DEGRADED, resource, payload={"message": message})
