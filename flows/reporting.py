"""How runs tell what they do in the Prefect UI: names, states whose messages are sentences, logs, artifacts."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Flow, flow
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.logging.loggers import LoggingAdapter
from prefect.states import Completed, Failed

from flows.artifacts import Board, board_of, shown_on
from flows.environment import read_settings
from flows.funnel import cost_rows, left_out_rows, passage, quality_rows, spent
from flows.mirror import folder_of
from flows.outcome import FailedShard, StageFailed, StageRun, listed, reasons_of, told
from flows.summary import BuildSummary
from flows.verdict import told_build, told_published, where_it_lies
from taskcraft_core.calls.journal import CostLine
from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.store import Published
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Rejection
from taskcraft_core.roles.llm.spec import is_model
from tasks.aside import aside
from tasks.logs import keep_short, run_logger
from tasks.spending import costs_of
from tasks.workbench import ROLES

P = ParamSpec("P")
T = TypeVar("T")
TAG = "taskcraft"
DEGRADED = "taskcraft.build.degraded"
"""The event of a build that published although something was left out; its payload has a `message`."""


@dataclass
class Report:
    """What a build tells of itself while it runs.

    Attributes:
        board: Where its artifacts are.
        log: The log of the root run.
        out: The output folder on this machine.
        pays: Whether it may make calls that cost.
        before: What the journal's calls had cost when it began.
        passages: The rows of the funnel so far.
        failed: The shards that it goes on without.
    """

    board: Board
    log: logging.Logger | LoggingAdapter
    out: Path
    pays: bool
    before: Sequence[CostLine]
    passages: list[dict[str, Any]] = field(default_factory=list)
    failed: list[FailedShard] = field(default_factory=list)

    async def stage_ended(self, runs: Sequence[StageRun], reasons: Sequence[dict[str, int]]) -> None:
        """Brings the funnel and the costs up to date; after the audit, the quality too."""
        self.passages += map(passage, runs, reasons)
        if failed := [one for run in runs for one in run.failed]:
            self.failed += failed
            await self.shards_failed(self.failed)
        await self.board.table("funnel", "What went into each stage and what came out.", self.passages)
        await self.costs()
        if runs[-1].stage == "audit":
            with _harmless(self.log):
                rows = await aside(quality_rows, self.out, runs[-1])
                await self.board.table("quality", "What the audit found.", rows)

    async def costs(self) -> Sequence[CostLine]:
        """Brings the table of costs up to date; what the journal's calls have cost by now."""
        lines: Sequence[CostLine] = []
        if self.pays:
            with _harmless(self.log):
                lines = await costs_of(self.out, read_settings())
        if lines:
            about = "What the calls have cost, by stage, role and model; from the journal, whoever made them."
            await self.board.table("cost", about, cost_rows(lines, self.before))
        return lines

    async def built(self, summary: BuildSummary) -> str:
        """Shows where everything lies; what became of the build, in a sentence."""
        paid = spent(await self.costs(), self.before)
        message, degraded = told_build(summary, self.out, paid)
        await self.board.markdown("outputs", "Where everything lies.", where_it_lies(summary, self.out))
        if degraded:
            _emit_degraded(message)
        return message

    async def failing(self, error: TaskCraftError) -> None:
        """Shows which shards failed, if that is what it is."""
        if isinstance(error, StageFailed):
            await self.shards_failed(error.failed)
        await self.costs()

    async def shards_failed(self, failed: Sequence[FailedShard]) -> None:
        """Shows which shards failed, and why."""
        about = "Shards that failed; all others are kept, and a retry computes these only."
        await self.board.table("failed-shards", about, listed(failed))


_report: ContextVar[Report | None] = ContextVar("report", default=None)


def stage(name: str) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Flow[P, Coroutine[Any, Any, T]]]:
    """Makes a function a stage of the build: a subflow that is called by its name and ends with a sentence.

    It does not keep its result: Prefect would match it by call order, and a deleted file would make a retry fail. It
    is not tried again on its own either: the whole build is, and what is there is not computed again.
    """

    def made(work: Callable[P, Coroutine[Any, Any, T]]) -> Flow[P, Coroutine[Any, Any, T]]:
        @wraps(work)
        async def run(*arguments: P.args, **named: P.kwargs) -> T:
            keep_short()
            return await _ended(work(*arguments, **named), _stage_told)

        return flow(flow_run_name=name, retries=0, persist_result=False)(_signed(run, work))

    return made


def reported(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Makes the function of the root flow tell what it does; it has to give the summary of the build."""

    @wraps(work)
    async def run(*arguments: P.args, **named: P.kwargs) -> T:
        keep_short()
        async with _reporting() as report:
            return await _ended(work(*arguments, **named), report.built, report.failing)

    return _signed(run, work)


def _signed(run: Callable[P, T], work: Callable[P, Any]) -> Callable[P, T]:
    """With the parameters of the work, their types looked up where it is written: Prefect would look here."""
    run.__dict__["__signature__"] = inspect.signature(work, eval_str=True)
    run.__annotations__ = inspect.get_annotations(work, eval_str=True)
    return run


async def show_left_out(left_out: Sequence[Rejection]) -> None:
    """Shows what could not be listed."""
    report = _report.get()
    if report is not None and left_out:
        await report.board.table("left-out", "Sources that could not be listed or used.", left_out_rows(left_out))


@asynccontextmanager
async def _reporting() -> AsyncIterator[Report]:
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None and context.parameters is not None
    config: BuildConfig = context.parameters["config"]
    out = folder_of(context.parameters["out"])
    pays = config.search == "tavily" or any(is_model(getattr(config, role)) for role in ROLES)
    report = Report(await board_of(context), run_logger(), out, pays, [])
    report.before = await report.costs()
    if TAG not in context.flow_run.tags:
        with _harmless(report.log):
            async with get_client() as client:
                await client.update_flow_run(context.flow_run.id, tags={*context.flow_run.tags, TAG})
    token = _report.set(report)
    try:
        with shown_on(report.board):
            yield report
    finally:
        _report.reset(token)


async def _ended(
    work: Awaitable[T],
    tell: Callable[[Any], Awaitable[str]],
    failing: Callable[[TaskCraftError], Awaitable[None]] | None = None,
) -> T:
    """The result of some work, or the error that it ends with, as a state that says it in a sentence.

    Prefect hands the caller what the state holds: the result is returned, the error is raised.
    """
    try:
        result = await work
    except TaskCraftError as error:
        if failing is not None:
            await failing(error)
        if _is_tried_again():
            raise  # Prefect tries again only what is raised
        run_logger().error(str(error))
        return cast(T, Failed(message=str(error), data=error))
    return cast(T, Completed(message=await tell(result), data=result))


@contextmanager
def _harmless(log: logging.Logger | LoggingAdapter) -> Iterator[None]:
    """What is only shown stops no build."""
    try:
        yield
    except Exception as error:
        log.warning(f"Something cannot be shown: {type(error).__name__}: {error}")


def _is_tried_again() -> bool:
    """Whether the server lets the run that fails now begin anew, as it counts."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return False
    return context.flow_run.run_count <= (context.flow_run.empirical_policy.retries or 0)


async def _stage_told(result: StageRun | list[StageRun] | Published) -> str:
    """What became of a stage, in a sentence, which the root run's log gets as well."""
    report = _report.get()
    if isinstance(result, Published):
        sentence = told_published(result)
    else:
        context = FlowRunContext.get()
        assert context is not None and context.parameters is not None
        runs = result if isinstance(result, list) else [result]
        out = Path(context.parameters["out"])
        reasons = [await aside(reasons_of, out, run) for run in runs]
        sentence = " ".join(told(run, sum(counts.values())) for run, counts in zip(runs, reasons, strict=True))
        if report is not None:
            await report.stage_ended(runs, reasons)
    if report is not None:
        report.log.info(sentence)
    return sentence


def _emit_degraded(message: str) -> None:
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    run = context.flow_run
    resource = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
    emit_event(DEGRADED, resource, payload={"message": message})
