"""Users' own tasks as a Prefect task: given evidence in the documents, they go on like authored ones."""

from __future__ import annotations

from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.models import AtomicTask
from taskcraft_core.own_tasks import adopt, read_own_tasks
from taskcraft_core.shards import Reference, write_result
from tasks.aside import aside
from tasks.caching import kept, shard_task
from tasks.progress import items_done
from tasks.workbench import bench_for


@shard_task
async def adopt_own_tasks(
    out: str, stage: str, fingerprint: str, tasks: str, documents: str, config: BuildConfig
) -> Reference:
    """Finds in the documents what the tasks of a file are answered by."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    own, unusable = await aside(read_own_tasks, Path(tasks))
    bench = await bench_for(folder, documents, config)
    adopted, rejected = await aside(adopt, own, bench.corpus, bench.search)
    items_done(len(own))
    return write_result(folder, stage, fingerprint, adopted, AtomicTask, [*unusable, *rejected])
