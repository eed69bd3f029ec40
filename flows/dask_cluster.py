"""The build on a Dask cluster: its workers are told what they need, and compute the shards. Needs the extra `dask`.

There are as many shards in flight as there are worker processes, so never more processes at work than have a share of
the calls that may be in flight.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from distributed import Future
from distributed.client import ClosedClientError, FutureCancelledError
from distributed.scheduler import KilledWorker
from prefect import Task
from prefect.client.schemas.objects import State
from prefect.utilities.callables import get_call_parameters
from prefect_dask.task_runners import DaskTaskRunner

from flows.dask_settings import PublicSettings
from flows.leftovers import bury_shard
from taskcraft_core.config import Settings
from taskcraft_core.errors import ConfigError, ProviderUnavailable, TaskCraftError
from taskcraft_core.models import content_hash
from tasks import residence
from tasks.counts import Counts
from tasks.dask_worker import ComputesShards
from tasks.spending import costs_of
from tasks.terms import TRAVELLING, Limit, Terms

T = TypeVar("T")

RESULT_SECONDS = 30.0
ANSWER_SECONDS = 60.0
LOOK_SECONDS = 15.0
"""Between two looks at whether a cluster still has workers."""
WORKERS_SECONDS = 10.0
"""How long a cluster may take to have a worker."""
GONE_SECONDS = 60.0
"""How long a cluster may be without one."""


class Cluster:
    """A cluster that computes the shards of one build. Made by `cluster_at`.

    Args:
        runner: Prefect's task runner, started.
        address: Where the scheduler is.
        terms: What the workers are told, but for the limits.
        settings: Those of the build.
    """

    def __init__(self, runner: DaskTaskRunner, address: str, terms: Terms, settings: Settings) -> None:
        self.spent = Counts()
        self._runner = runner
        self._address = address
        self._terms = terms
        self._settings = settings
        self._plugin = f"taskcraft-{content_hash(terms.out)[:16]}"
        self._workers = 0
        self._looked_at = -math.inf

    async def places(self) -> int:
        """How many shards may be in flight; every worker is told its share, if their number has changed.

        Raises:
            ProviderUnavailable: There are no workers.
            ConfigError: One of them cannot compute shards of this build.
        """
        workers = await self._count()
        if workers != self._workers:
            await self._tell(workers)
        return self._processes(workers)

    async def compute(self, compute: Task[..., Any], arguments: Mapping[str, Any]) -> Any:
        """What a task gives or raises, run by one of the workers.

        Raises:
            ProviderUnavailable: The cluster is gone, or has been without workers for long.
        """
        parameters = get_call_parameters(compute.fn, (), dict(arguments))
        with PublicSettings.of_this_process():
            handed_out = self._runner.submit(compute, parameters=parameters)
        future: Future[Any] = handed_out.wrapped_future
        try:
            await self._ended(future)
            state = await asyncio.to_thread(self._state_of, future)
        except TaskCraftError as error:  # whoever could tell the server what became of it is gone
            await bury_shard(handed_out.task_run_id, str(error))
            raise
        finally:
            future.release()  # one that waits for a worker is not computed any more
        return await state.aresult()

    async def look(self, stale: float = 0.0) -> None:
        """Reads in the journal what was spent in all, unless that was done within so many seconds."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at < stale:
            return
        self._looked_at = now
        lines = [one for one in await costs_of(Path(self._terms.out), self._settings) if one.kind != "page"]
        searches = sum(one.calls for one in lines if one.kind == "search")
        self.spent = Counts(
            made=sum(one.calls for one in lines) - searches,
            searches=searches,
            tokens=sum(one.prompt_tokens + one.completion_tokens for one in lines),
            usd=sum(one.usd for one in lines),
            unpriced=sum(one.unpriced for one in lines),
        )

    async def dismiss(self) -> None:
        """The workers compute no more shards of this build, and put away what they have for it."""
        with suppress(TaskCraftError, ValueError):  # it was never registered, or is gone
            await self._asked(self._runner.client.unregister_worker_plugin, self._plugin)

    async def _tell(self, workers: int) -> None:
        terms = replace(self._terms, limits=self._limits(workers))
        client = self._runner.client
        try:
            await self._asked(client.register_plugin, ComputesShards(terms), self._plugin)
            faults = await self._asked(client.run, residence.fault_of, terms.out)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"The workers of the Dask cluster at {self._address} lack what a build needs ({error}): install the "
                "same version of TaskCraft there, with the extra dask."
            ) from error
        if (fault := next(filter(None, faults.values()), None)) is not None:
            raise ConfigError(fault)
        self._workers = workers

    def _processes(self, workers: int) -> int:
        """How many of them may be at work at a time: each needs a call of its own."""
        return workers if self._terms.endpoint is None else min(workers, self._settings.calls_at_once)

    def _limits(self, workers: int) -> dict[str, Limit]:
        processes = self._processes(workers)
        limits: dict[str, Limit] = {name: getattr(self._settings, name) for name in TRAVELLING}
        for name in ("requests_per_minute", "tokens_per_minute"):
            # Whoever comes next starts anew: where not all are at work at a time, all of them have a share.
            if (limit := limits[name]) is not None:
                limits[name] = max(1, int(limit * processes / workers))
        if self._terms.owned:
            limits["parse_workers"] = 1  # there is a worker for each core
        return limits | {"processes": processes}

    async def _count(self) -> int:
        """The worker processes of the cluster, when there are any.

        Raises:
            ProviderUnavailable: There are none.
        """
        until = asyncio.get_running_loop().time() + WORKERS_SECONDS
        while not (workers := await self._asked(self._runner.client.nthreads)):
            if asyncio.get_running_loop().time() > until:
                raise ProviderUnavailable(
                    f"The Dask cluster at {self._address} has no workers; start some: dask worker {self._address}."
                )
            await asyncio.sleep(0.2)
        return len(workers)

    async def _ended(self, future: Future[Any]) -> None:
        """Waits for a future, and for workers while there are none."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        future.add_done_callback(lambda _: loop.is_closed() or loop.call_soon_threadsafe(done.set))
        manned_at = loop.time()
        while not done.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await done.wait()
                return
            if await self._asked(self._runner.client.nthreads):
                manned_at = loop.time()
            elif loop.time() - manned_at > GONE_SECONDS:
                raise ProviderUnavailable(
                    f"The Dask cluster at {self._address} has lost all its workers; start some, and give the same "
                    "command again, or retry: it goes on from there."
                )

    def _state_of(self, future: Future[Any]) -> State[Any]:
        """What became of a task."""
        try:
            state: State[Any] = future.result(timeout=RESULT_SECONDS)
        except KilledWorker:
            raise TaskCraftError(
                "The Dask worker that computed it ended, several times over; it may lack memory: see its log."
            ) from None
        except (FutureCancelledError, OSError, TimeoutError) as error:
            raise self._gone(error) from None
        return state

    async def _asked(self, ask: Callable[..., T], *arguments: Any) -> T:
        """What the cluster answers.

        Raises:
            ProviderUnavailable: It does not.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.to_thread(ask, *arguments)
        except (OSError, TimeoutError, ClosedClientError) as error:
            raise self._gone(error) from None

    def _gone(self, error: Exception) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"The Dask scheduler at {self._address} does not answer any more ({type(error).__name__}); start it, and "
            "give the same command again, or retry: it goes on from there."
        )
