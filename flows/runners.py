"""Where the shards of a build are computed: in this process, or by the workers of a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taskcraft_core.calls.budget import CapReached
from taskcraft_core.calls.journal import Spent
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import BudgetExceeded, ConfigError
from tasks.counts import Counts
from tasks.workbench import counts

if TYPE_CHECKING:
    from prefect import Task

    from flows.dask_cluster import Cluster

LOCAL, DASK = "local", "dask"
_ADDRESS = re.compile(r"dask:((?:tcp|tls)://[^\s/:]+:\d+|(?:tcp|tls)://\[[0-9a-fA-F:]+\]:\d+)/?")

_cluster: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


def check_runner(spec: str) -> None:
    """Checks what needs no network.

    Raises:
        ConfigError: There is no such runner, or what it needs is not installed.
    """
    if spec == LOCAL:
        return
    if spec != DASK and _ADDRESS.fullmatch(spec) is None:
        raise ConfigError(
            f"{spec!r} is no runner: write local, dask (a cluster on this machine) or dask:tcp://HOST:PORT (the "
            "scheduler of a cluster)."
        )
    if find_spec("prefect_dask") is None or find_spec("distributed") is None:
        raise ConfigError(f'--runner {spec} needs Dask, which is not installed: pip install "taskcraft[dask]".')


@asynccontextmanager
async def computing(spec: str, out: Path, config: BuildConfig) -> AsyncIterator[None]:
    """While this lasts, shards are computed where the runner says.

    Args:
        spec: The runner.
        out: The output folder.
        config: Names the roles.

    Raises:
        ConfigError: There is no such runner, or its workers cannot compute shards of this build.
        ProviderUnavailable: The cluster cannot be reached.
    """
    check_runner(spec)
    if spec == LOCAL:
        yield
        return
    from flows.dask_starting import cluster_at  # an extra, and a second to import

    address = None if spec == DASK else spec.removeprefix("dask:").rstrip("/")
    async with cluster_at(address, out, config) as cluster:
        token = _cluster.set(cluster)
        try:
            yield
        finally:
            _cluster.reset(token)


async def compute_shard(compute: Task[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Computes one shard.

    Args:
        compute: The Prefect task that does it.
        arguments: What it is given.

    Raises:
        Exception: What the task raised, wherever it ran.
        ProviderUnavailable: The cluster is gone.
    """
    if (cluster := _cluster.get()) is None:
        return await compute(**arguments)
    return await cluster.compute(compute, arguments)


async def places(at_once: int) -> int:
    """How many shards may be in flight.

    Args:
        at_once: In this process.

    Raises:
        ProviderUnavailable: The cluster has no workers, or is gone.
    """
    return at_once if (cluster := _cluster.get()) is None else await cluster.places()


def elsewhere() -> bool:
    """Whether shards are computed in other processes, whose items and calls this one does not hear of."""
    return _cluster.get() is not None


async def look(stale: float = 0.0) -> None:
    """Has `spent` up to date: what other processes spend is read in the journal, unless it was so many seconds ago."""
    if (cluster := _cluster.get()) is not None:
        await cluster.look(stale)


def spent() -> Counts:
    """What was done and spent since this process began; by other processes, as far as it was seen at the last look."""
    return counts() if (cluster := _cluster.get()) is None else cluster.spent


def in_all(error: BudgetExceeded) -> BudgetExceeded:
    """The same error, with what all processes have spent; from a worker it comes with what that one knew."""
    if (cluster := _cluster.get()) is None or not isinstance(error, CapReached):
        return error
    seen = cluster.spent
    return error.as_of(Spent(seen.made + seen.searches, seen.tokens, seen.usd, seen.unpriced))
