"""Parses what was listed: documents, and a rejection for whatever cannot be used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.documents.parsed import Parsed, keep, kept
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.documents.sources import Listed
from taskcraft_core.models import Document, Reason, Rejection

_AT_ONCE = 8
"""Documents in flight; the sandbox decides how many of them are parsed at once."""


async def ingest(
    listed: Sequence[Listed],
    out: Path,
    config: BuildConfig,
    sandbox: Sandbox,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[list[Document], list[Rejection]]:
    """Parses documents and the figures embedded in them; what an earlier build parsed is taken from there.

    Args:
        listed: What to parse; the bytes are in `out/documents/`.
        out: The output folder.
        config: `max_figures` bounds the figures taken from one document.
        sandbox: Where parsing happens.
        on_progress: Called with the number of documents done so far.

    Returns:
        Documents sorted by id, each id once (of a figure that several documents contain, the smallest uri stays),
        and rejections sorted by item. The same input gives the same output.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def parse(item: Listed) -> list[Document] | Rejection:
        nonlocal done
        async with gate:
            result = await _parse_one(item, out, config, sandbox)
        done += 1
        if on_progress:
            on_progress(done)
        return result

    results = await asyncio.gather(*(parse(item) for item in listed))
    documents: dict[str, Document] = {}
    for document in sorted((d for r in results if isinstance(r, list) for d in r), key=_by_id):
        documents.setdefault(document.id, document)
    rejected = [result for result in results if isinstance(result, Rejection)]
    return list(documents.values()), sorted(rejected, key=lambda r: (r.item, r.reason))


def _by_id(document: Document) -> tuple[str, bool, str]:
    """A document that was listed itself comes before the same picture embedded elsewhere."""
    return document.id, "#page=" in document.uri, document.uri


async def _parse_one(item: Listed, out: Path, config: BuildConfig, sandbox: Sandbox) -> list[Document] | Rejection:
    parsed = kept(out, item, config.max_figures)
    if parsed is None:
        try:
            parsed = await sandbox.read(item, out / "documents" / item.id, config.max_figures)
        except FileNotFoundError:
            gone = f"{item.uri}: its stored bytes are gone; run the build again."
            parsed = Parsed(reason=Reason.PARSE_FAILED, detail=gone)
        keep(out, item, config.max_figures, parsed)
    if parsed.reason is None:
        return list(parsed.documents)
    return Rejection(
        stage="ingest", reason=parsed.reason, item=item.uri, detail=parsed.detail, document_id=item.id
    )  # fmt: skip
