"""Finds or starts a Dask cluster for a build, and leaves it in order. Needs the extra `dask`."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version as version_of
from pathlib import Path

from dask.system import CPU_COUNT
from distributed import LocalCluster
from prefect.settings import get_current_settings
from prefect_dask.task_runners import DaskTaskRunner

from flows.dask_cluster import Cluster
from flows.environment import read_settings
from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.errors import ConfigError, ProviderUnavailable
from taskcraft_core.roles.llm.spec import endpoint_label, pays
from tasks.terms import Terms, machine

CONNECT_SECONDS = 10.0


@asynccontextmanager
async def cluster_at(address: str | None, out: Path, config: BuildConfig) -> AsyncIterator[Cluster]:
    """A cluster that is ready to compute shards of a build.

    Args:
        address: Where its scheduler is; None for one of this machine's, which ends with the build.
        out: The output folder.
        config: Names the roles.

    Raises:
        ConfigError: It cannot compute shards of this build.
        ProviderUnavailable: It cannot be reached, or has no workers.
    """
    settings = read_settings()
    terms = _terms(address is None, out, config, settings)
    mark = out / terms.mark
    with ExitStack() as closing:
        runner = await asyncio.to_thread(_connected, address, closing)
        cluster = Cluster(runner, address or "this machine", terms, settings)
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
            await cluster.places()
            await cluster.look()
            yield cluster
        finally:
            await cluster.dismiss()
            mark.unlink(missing_ok=True)
            await asyncio.to_thread(closing.close)


def _terms(owned: bool, out: Path, config: BuildConfig, settings: Settings) -> Terms:
    """What the workers are told, but for the limits.

    Raises:
        ConfigError: The workers would have no journal in common, or could not reach the Prefect server.
    """
    paid = pays(config)
    if paid and not owned and settings.journal_url is None:
        raise ConfigError(
            "Calls of a Dask cluster are kept in a journal that all workers reach: set TASKCRAFT_JOURNAL_URL to a "
            "PostgreSQL database, here and for the workers."
        )
    api = get_current_settings().api.url
    if api is None:
        raise ConfigError("A Dask cluster needs a Prefect server that its workers reach: set PREFECT_API_URL.")
    return Terms(
        out=str(out), mark=f"work/.cluster-{uuid.uuid4().hex[:12]}", limits={},
        version=version_of("taskcraft"), api=api,
        endpoint=endpoint_label(settings) if paid else None, journal=settings.journal_url is not None,
        machine=machine(), owned=owned,
    )  # fmt: skip


def _connected(address: str | None, closing: ExitStack) -> DaskTaskRunner:
    """Prefect's task runner, with a client that has reached the scheduler.

    Raises:
        ProviderUnavailable: It cannot be reached.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in sentences
    logging.getLogger("prefect.task_runner.dask").setLevel(logging.WARNING)
    if address is None:
        local = LocalCluster(
            threads_per_worker=1, n_workers=CPU_COUNT, dashboard_address=None, memory_limit=0, security=True,
            silence_logs=logging.CRITICAL,
        )  # fmt: skip
        runner = DaskTaskRunner(cluster=closing.enter_context(local))
    else:
        runner = DaskTaskRunner(address=address, client_kwargs={"timeout": CONNECT_SECONDS})
    closing.enter_context(runner)
    try:
        runner.client  # noqa: B018 (connects)
    except (OSError, TimeoutError) as error:
        raise ProviderUnavailable(
            f"The Dask scheduler at {address} cannot be reached ({type(error).__name__}): start it, or correct the "
            "address."
        ) from None
    return runner
