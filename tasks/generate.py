"""Generation as a Prefect task: the documents of a shard become atomic tasks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.generation import generate
from taskcraft_core.models import AtomicTask, Document, Rejection
from taskcraft_core.roles.bench import make_role
from taskcraft_core.shards import Reference, read_result, write_result
from tasks.caching import kept, shard_task
from tasks.progress import items_done


@shard_task
async def generate_atomic_shard(
    out: str, stage: str, fingerprint: str, documents: Reference, config: BuildConfig
) -> Reference:
    """Authors the atomic tasks of one shard of documents."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    author = make_role("author", config.author)
    authored: list[AtomicTask] = []
    rejections: list[Rejection] = []
    for document in read_result(folder, documents, Document)[0]:
        found, left_out = await generate(document, author, config)
        authored += found
        rejections += left_out
        items_done()
        await asyncio.sleep(0)
    return write_result(folder, stage, fingerprint, authored, AtomicTask, rejections)
