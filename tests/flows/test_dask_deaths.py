"""What a Dask worker that dies leaves on the Prefect server."""

import asyncio
import os
from pathlib import Path
from uuid import UUID

import dask
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect_dask.task_runners import DaskTaskRunner

from flows.dask_cluster import Cluster
from taskcraft_core.config import Settings
from taskcraft_core.errors import TaskCraftError
from tasks.caching import shard_task
from tasks.terms import Terms

ONE_WORKER = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0"}


@shard_task
async def dies(out: str, stage: str, fingerprint: str) -> None:
    """Takes its worker with it, as soon as the server knows that it runs."""
    context = TaskRunContext.get()
    assert context is not None
    async with get_client() as client:
        while True:
            try:
                if (await client.read_task_run(context.task_run.id)).state_name == "Running":
                    os._exit(1)
            except ObjectNotFound:
                await asyncio.sleep(0.1)


@flow(persist_result=False)
async def stage(out: Path) -> tuple[UUID, str]:
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    terms = Terms(str(out), "mark", {}, "1", str(PREFECT_API_URL.value()), None, True, "here", False)
    shard = {"out": str(out), "stage": "verify", "fingerprint": "aaaa"}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        DaskTaskRunner(cluster_kwargs=ONE_WORKER) as runner,
        pytest.raises(TaskCraftError, match="The Dask worker that computed it ended") as caught,
    ):
        await Cluster(runner, "here", terms, Settings()).compute(dies, shard)
    return context.flow_run.id, str(caught.value)


@pytest.mark.soak
async def test_a_shard_whose_worker_died_is_not_said_to_run_still(prefect: None, tmp_path: Path) -> None:
    run, why = await stage(tmp_path)
    async with get_client() as client:
        of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
        (shard,) = await client.read_task_runs(flow_run_filter=of_run)
    assert shard.state is not None and (shard.state.name, shard.state.message) == ("Crashed", why)
