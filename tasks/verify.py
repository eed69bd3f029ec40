"""Verification as a Prefect task: the authored tasks of a shard are tried, and kept or rejected."""

from __future__ import annotations

import asyncio
from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.models import AtomicTask, Rejection, Task
from taskcraft_core.shards import Reference, read_result, write_result
from taskcraft_core.verification import verify
from tasks.caching import kept, shard_task
from tasks.progress import items_done
from tasks.workbench import bench_for


@shard_task
async def verify_atomic_shard(
    out: str, stage: str, fingerprint: str, authored: Reference, documents: str, config: BuildConfig
) -> Reference:
    """Verifies one shard of authored tasks against the corpus."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    bench = bench_for(folder, documents, config)
    verified: list[Task] = []
    rejections: list[Rejection] = []
    for atomic in read_result(folder, authored, AtomicTask)[0]:
        result = await verify(atomic, bench, config)
        if isinstance(result, Rejection):
            rejections.append(result)
        else:
            verified.append(result)
        items_done()
        await asyncio.sleep(0)
    return write_result(folder, stage, fingerprint, verified, Task, rejections)
