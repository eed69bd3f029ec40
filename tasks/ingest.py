"""Ingestion as Prefect tasks: what the sources hold, and one shard of documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.documents.ingest import ingest
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.documents.sources import Listed, list_sources
from taskcraft_core.models import Document, Rejection
from taskcraft_core.shards import Reference, write_result
from tasks.caching import kept, plain_task, shard_task
from tasks.progress import items_done
from tasks.residence import is_home, keep
from tasks.terms import own_settings, settings

_sandbox: ContextVar[Sandbox | None] = ContextVar("sandbox", default=None)


@asynccontextmanager
async def sandboxed() -> AsyncIterator[Sandbox]:
    """The sandbox that the shards of this process share; its processes end with the outermost use."""
    shared = await keep(_made) if is_home() else _sandbox.get()
    if shared is not None:
        yield shared
        return
    async with _made() as sandbox:
        token = _sandbox.set(sandbox)
        try:
            yield sandbox
        finally:
            _sandbox.reset(token)


def _made() -> Sandbox:
    return Sandbox(settings())


@plain_task
async def list_documents(sources: list[str], out: str, config: BuildConfig) -> tuple[list[Listed], list[Rejection]]:
    """What the sources hold now; see `taskcraft_core.documents.sources.list_sources`."""
    return await list_sources(sources, Path(out), config, own_settings())


@shard_task
async def ingest_shard(
    out: str, stage: str, fingerprint: str, listed: Sequence[Listed], config: BuildConfig
) -> Reference:
    """Parses the documents of one bucket."""
    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    async with sandboxed() as sandbox:
        documents, rejections = await ingest(listed, folder, config, sandbox, lambda _: items_done())
    return write_result(folder, stage, fingerprint, documents, Document, rejections)
