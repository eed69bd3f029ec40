"""Extension as Prefect tasks: verified tasks grow in depth and in width."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.extension.balance import balance
from taskcraft_core.extension.depth import extend_depth
from taskcraft_core.extension.related import groups
from taskcraft_core.extension.width import extend_width
from taskcraft_core.fingerprint import bucket_of
from taskcraft_core.models import Rejection, Task, content_hash
from taskcraft_core.shards import Reference, read_shard, write_result
from tasks.aside import aside
from tasks.caching import kept, shard_task
from tasks.items import Item, each, parted
from tasks.manifest import read_all, read_manifest
from tasks.progress import items_done
from tasks.workbench import bench_for, items_at_once

WITHOUT = ("trajectory",)
"""How a task was solved takes most of its room, and no extension of it asks for that."""

_grouping = threading.Lock()


@shard_task
async def extend_depth_shard(
    out: str, stage: str, fingerprint: str, cores: Reference, hops: int, documents: str, config: BuildConfig
) -> Reference:
    """Extends the tasks of one shard that have one hop less than `hops`; writes the new tasks only."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    bench = await bench_for(folder, documents, config)

    async def work(core: Task) -> tuple[list[Task], list[Rejection]]:
        return await extend_depth(core, bench, config) if core.hops == hops - 1 else ([], [])

    # those of one document together: it is unpacked once
    ordered = sorted(read_shard(folder / cores.path, Task, WITHOUT), key=lambda one: one.evidence[0].document_id)
    items = [_core(one) for one in ordered]
    results = await each("depth", items, work, items_at_once(config.author, config.solver, config.judge))
    extended, rejections = parted(results)
    return write_result(folder, stage, fingerprint, extended, Task, rejections)


@shard_task
async def balance_depth(out: str, stage: str, fingerprint: str, extended: list[str], config: BuildConfig) -> Reference:
    """Caps the share of any superset over all depth tasks of the build; one shard of what stays."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    tasks = [one for name in extended for one in read_all(folder, read_manifest(folder, name), Task)]
    stay, rejections = await aside(balance, tasks, config)
    items_done(len(stay) + len(rejections))
    return write_result(folder, stage, fingerprint, stay, Task, rejections)


@shard_task
async def extend_width_shard(
    out: str, stage: str, fingerprint: str, verified: str, bucket: int, documents: str, config: BuildConfig
) -> Reference:
    """Merges the groups of related tasks that fall into one bucket."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    bench = await bench_for(folder, documents, config)

    async def work(parts: tuple[Task, ...]) -> Task | Rejection:
        return await extend_width(parts, bench, config)

    ours = [
        parts
        for parts in await aside(_groups_once, folder, verified, config)
        if bucket_of(content_hash([part.task_id for part in parts]), config.buckets) == bucket
    ]
    items = [_group(parts) for parts in ours]
    results = await each("width", items, work, items_at_once(config.author, config.solver, config.judge))
    merged = [result for result in results if isinstance(result, Task)]
    rejections = [result for result in results if isinstance(result, Rejection)]
    return write_result(folder, stage, fingerprint, merged, Task, rejections)


def _core(one: Task) -> Item[Task]:
    evidence = one.evidence[0]
    return Item(one.task_id, evidence.document_id, one, uri=evidence.uri)


def _group(parts: tuple[Task, ...]) -> Item[tuple[Task, ...]]:
    """Parts to be merged; what comes of them has no id yet, so their own stand for it."""
    name, ids = (" + ".join(found) for found in ([one.question for one in parts], [one.task_id for one in parts]))
    evidence = parts[0].evidence[0]
    return Item(name, evidence.document_id, parts, ids, evidence.uri)


def _groups_once(out: Path, verified: str, config: BuildConfig) -> list[tuple[Task, ...]]:
    """The groups of the whole build; of the shards that ask for them at the same time one works them out."""
    with _grouping:
        return _groups(out, verified, config)


@lru_cache(maxsize=1)
def _groups(out: Path, verified: str, config: BuildConfig) -> list[tuple[Task, ...]]:
    """Kept for all shards: a manifest's name is its content."""
    tasks = read_all(out, read_manifest(out, verified), Task, WITHOUT)
    return groups(list(tasks), config)
