"""The audit as a stage: what fails is in quarantine, and what several candidates say alike is in memory once."""

import shutil
from pathlib import Path
from typing import Any

from prefect import flow

from flows.options import RunOptions
from flows.outcome import StageRun
from flows.stages import audit_stage
from taskcraft_core.columns import to_rows
from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.quarantine import read_quarantine
from taskcraft_core.models import Document, Task
from taskcraft_core.shards import write_result
from tasks.audit import shared
from tasks.manifest import write_manifest


def test_equal_messages_become_one_and_the_tasks_stay_the_same(world: Any) -> None:
    read = [Task.model_validate(one.model_dump()) for one in (*world.atomic[:3], world.atomic[0])]
    tasks = [*shared(iter(read))]
    assert tasks == read and to_rows(tasks, Task) == to_rows(read, Task)
    assert read[0].trajectory[0] is not read[3].trajectory[0]
    assert all(one is other for one, other in zip(tasks[0].trajectory, tasks[3].trajectory, strict=True))


async def test_rows_that_left_the_quarantine_with_a_version_that_never_was_go_back_into_it(
    prefect: None, tmp_path: Path, world: Any
) -> None:
    deep = world.depth[0]
    documents = write_result(tmp_path, "ingest", "0a", world.documents, Document, [])
    candidates = write_result(tmp_path, "depth", "0b", deep, Task, [])
    manifests = [write_manifest(tmp_path, *one) for one in (("ingest", [documents]), ("depth", [candidates]))]

    @flow(persist_result=False)
    async def audited() -> StageRun:
        config = BuildConfig(max_hops=1)
        return await audit_stage(manifests[1:], manifests[0], str(tmp_path), config, RunOptions())

    first = await audited()
    quarantined = read_quarantine(tmp_path)
    assert quarantined["task_id"].to_pylist() == [deep[0].task_id]
    shutil.rmtree(tmp_path / "quarantine")
    again = await audited()
    assert again.shards == first.shards and again.computed == 1
    assert read_quarantine(tmp_path).equals(quarantined)
    assert (await audited()).computed == 0
