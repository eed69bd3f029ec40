"""When a shard is computed again, where its result is remembered, and what is tried again: the only policy there is.

A result is remembered under the shard's fingerprint and its output folder. Whether the remembered file is still
there and whole is asked before every run (`result_sound`); if not, the memory is refreshed. A key function that
gives no key for a missing file would not do: Prefect would then store the new result under no key at all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import httpx
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.runtime import task_run

from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import content_hash
from taskcraft_core.shards import Reference, result_reference, result_sound
from tasks.faults import fail_if_told
from tasks.logs import keep_short
from tasks.residence import at_home

RETRIES = 2
RETRY_DELAYS = [2.0, 10.0]

P = ParamSpec("P")
T = TypeVar("T")
ShardWork = Callable[..., Awaitable[Reference]]


async def is_retryable(_: Task[..., Any], __: TaskRun, state: State[Any]) -> bool:
    """Whether trying again may help: an outage of a service or of the network, never a fault in the input."""
    failure = await state.aresult(raise_on_failure=False)
    return isinstance(failure, httpx.TransportError) or (isinstance(failure, TaskCraftError) and failure.retryable)


def shard_key(_: TaskRunContext, arguments: dict[str, Any]) -> str:
    """The name under which Prefect remembers a shard: two output folders never share one."""
    folder = content_hash(Path(arguments["out"]).absolute().as_posix())
    return f"{arguments['stage']}-{arguments['fingerprint']}-{folder[:16]}"


def shard_task(work: ShardWork) -> Task[..., Any]:
    """Makes a function that computes a shard a Prefect task, remembered by content.

    The function takes `out`, `stage` and `fingerprint` by name, among others, and returns the reference.
    """

    @wraps(work)
    async def worked(*arguments: Any, **named: Any) -> Reference:
        fail_if_told(task_run.name)
        return await work(*arguments, **named)

    @wraps(work)
    async def computed(*arguments: Any, **named: Any) -> Reference:
        keep_short()
        return await at_home(worked, *arguments, **named)

    return task(
        cache_key_fn=shard_key,
        persist_result=True,
        result_serializer="json",
        retries=RETRIES,
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=is_retryable,
        task_run_name="{stage}-{fingerprint}",
    )(computed)


def plain_task(work: Callable[P, T]) -> Task[P, T]:
    """Makes a function a task that looks at the world each time: what the sources hold, or the dataset, now."""
    name = work.__name__.replace("_", " ")
    return task(task_run_name=name, cache_policy=NO_CACHE, persist_result=False)(work)


def kept(out: Path, stage: str, fingerprint: str) -> Reference | None:
    """The reference to a shard that is there and whole, whoever computed it; None if it has to be computed."""
    return result_reference(out, stage, fingerprint) if result_sound(out, stage, fingerprint) else None
