"""Generation as a Prefect task: the documents of a shard become atomic tasks."""

from __future__ import annotations

from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.generation import generate
from taskcraft_core.models import AtomicTask, Document, Rejection
from taskcraft_core.shards import Reference, read_result, write_result
from tasks.caching import kept, shard_task
from tasks.items import Item, each, parted
from tasks.workbench import author_for, items_at_once


@shard_task
async def generate_atomic_shard(
    out: str, stage: str, fingerprint: str, documents: Reference, config: BuildConfig
) -> Reference:
    """Authors the atomic tasks of one shard of documents."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    author = await author_for(folder, config)

    async def work(document: Document) -> tuple[list[AtomicTask], list[Rejection]]:
        return await generate(document, author, config)

    items = [Item(one.uri, one.id, one, uri=one.uri) for one in read_result(folder, documents, Document)[0]]
    results = await each("generate", items, work, items_at_once(config.author))
    authored, rejections = parted(results)
    return write_result(folder, stage, fingerprint, authored, AtomicTask, rejections)
