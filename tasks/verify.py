"""Verification as a Prefect task: the authored tasks of a shard are tried, and kept or rejected."""

from __future__ import annotations

from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.models import AtomicTask, Rejection, Task, task_id_of
from taskcraft_core.shards import Reference, read_result, write_result
from taskcraft_core.verification import verify
from tasks.caching import kept, shard_task
from tasks.items import Item, each
from tasks.workbench import bench_for, items_at_once


@shard_task
async def verify_atomic_shard(
    out: str, stage: str, fingerprint: str, authored: Reference, documents: str, config: BuildConfig
) -> Reference:
    """Verifies one shard of authored tasks against the corpus."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    bench = await bench_for(folder, documents, config)

    async def work(atomic: AtomicTask) -> Task | Rejection:
        return await verify(atomic, bench, config)

    atomics = read_result(folder, authored, AtomicTask)[0]
    items = [_item(one) for one in atomics]
    results = await each("verify", items, work, items_at_once(config.solver, config.judge))
    verified = [result for result in results if isinstance(result, Task)]
    rejections = [result for result in results if isinstance(result, Rejection)]
    return write_result(folder, stage, fingerprint, verified, Task, rejections)


def _item(one: AtomicTask) -> Item[AtomicTask]:
    """A task to try, under the id that it has if it passes."""
    evidence = one.evidence
    task_id = task_id_of(one.question, (one.answer,), one.identifier, one.relation, (), (evidence,))
    return Item(one.question, evidence.document_id, one, task_id, evidence.uri)
