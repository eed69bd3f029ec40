"""What a killed run leaves on the Prefect server: stages and shards that are said to run still, and never will."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from tasks.logs import run_logger

UNDER_WAY = (StateType.RUNNING, StateType.CANCELLING)
NOT_OVER = (*UNDER_WAY, StateType.PENDING, StateType.SCHEDULED)
GONE = "Its process was killed. What was finished is kept; Retry, or the next run, goes on from there."


async def bury(run_id: UUID, attempt: int | None = None) -> None:
    """Tells the server that the stages and shards of a run are over, whose process was killed.

    Args:
        run_id: The run; one that the server does not know is another server's.
        attempt: Its run count when it was killed: the run itself is over too, unless it has been started again.
    """
    with _harmless(f"What the killed run {run_id} left on the server"):
        await _bury(run_id, attempt)


async def bury_shard(run_id: UUID, why: str) -> None:
    """Tells the server that a shard is over, whose process is gone.

    Args:
        run_id: Its task run; one that never began is not on the server.
        why: What is known of it, in a sentence.
    """
    with _harmless("A shard whose process is gone"):
        async with get_client() as client:
            with suppress(ObjectNotFound):
                await client.set_task_run_state(run_id, Crashed(message=why), force=True)


@contextmanager
def _harmless(what: str) -> Iterator[None]:
    """What the dead are said to do stops nothing that lives."""
    try:
        yield
    except Exception as error:
        run_logger().warning("%s may be said to run still: %s: %s", what, type(error).__name__, error)


async def _bury(run_id: UUID, attempt: int | None) -> None:
    async with get_client() as client:
        try:
            run = await client.read_flow_run(run_id)
        except ObjectNotFound:
            return
        stages = await _stages_of(client, run_id)
        await _bury_shards(client, [run, *stages])
        for stage in stages:
            if stage.state is not None and stage.state.type in NOT_OVER:
                await client.set_flow_run_state(stage.id, _over(stage.state), force=True)
        if run.state is not None and run.state.type in UNDER_WAY and run.run_count == attempt:
            await client.set_flow_run_state(run_id, _over(run.state), force=True)


async def bury_crashed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A flow's hook: the worker calls it where the process of a run was killed."""
    await bury(flow_run.id)


async def _stages_of(client: PrefectClient, run_id: UUID) -> list[FlowRun]:
    """The latest subflow runs; those that are not over are among them."""
    parent = FlowRunFilterParentFlowRunId(any_=[run_id])
    return await client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parent))


async def _bury_shards(client: PrefectClient, runs: list[FlowRun]) -> None:
    shards = await client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in runs])),
        task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=list(NOT_OVER)))),
    )
    for shard in shards:
        await client.set_task_run_state(shard.id, _over(shard.state), force=True)


def _over(state: State[Any] | None) -> State[Any]:
    """Cancelled where that was asked for, else crashed."""
    cancelled = state is not None and state.type is StateType.CANCELLING
    return Cancelled(message=GONE) if cancelled else Crashed(message=GONE)
