"""Lists what the sources hold, and keeps its bytes: every input ends as a `Listed` or as a `Rejection`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.documents import fetch
from taskcraft_core.documents.files import files_of, unreadable, well_formed
from taskcraft_core.documents.media import type_of_name
from taskcraft_core.documents.records import records_of
from taskcraft_core.documents.store import store
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import MediaType, Reason, Record, Rejection

MAX_FILE_BYTES: Final = 64_000_000


class Listed(Record):
    """A document to be parsed: its bytes are in `documents/<id>`.

    `uri` does not depend on the machine: "<folder>/<path in it>", a file's name, a URL, or what a record gives.
    """

    uri: str
    id: str
    media_hint: MediaType | None = None
    title_hint: str = ""


@dataclass(frozen=True)
class Found:
    """The bytes of a document before they are stored."""

    uri: str
    data: bytes
    media_hint: MediaType | None
    title: str = ""


async def list_sources(
    sources: Sequence[str], out: Path, config: BuildConfig, settings: Settings
) -> tuple[list[Listed], list[Rejection]]:
    """Lists the documents of all sources, sorted by uri, and stores their bytes under `out/documents/`.

    Args:
        sources: Files, folders, globs, http(s) URLs, JSONL or CSV files of documents.
        out: The output folder.
        config: `limit` is applied to the sorted list.
        settings: Limits of fetching.

    Returns:
        What there is to parse, and what was left out: duplicates, dead URLs, files over the size limit, records
        without text, what is beyond the limit.

    Raises:
        ConfigError: A source does not exist or lies in the output folder, or a glob matches nothing.
    """
    files = [(uri, path) for source in sources if not fetch.is_url(source) for uri, path in files_of(source, out)]
    listed: list[Listed] = []
    rejected: list[Rejection] = []
    async for found in _found(files, [well_formed(s) for s in sources if fetch.is_url(s)], settings):
        if isinstance(found, Rejection):
            rejected.append(found)
        else:
            digest = store(found.data, out / "documents")
            listed.append(Listed(uri=found.uri, id=digest, media_hint=found.media_hint, title_hint=found.title))
    kept, left_out = _limited(_named_apart(_without_duplicates(listed, rejected)), config.limit)
    return kept, sorted(rejected + left_out, key=lambda r: (r.item, r.reason, r.detail))


async def _found(
    files: list[tuple[str, Path]], urls: list[str], settings: Settings
) -> AsyncIterator[Found | Rejection]:
    seen: set[str] = set()
    for uri, path in files:
        if (real := os.path.realpath(path)) not in seen:
            seen.add(real)
            for found in _from_file(uri, path):
                yield found
        await asyncio.sleep(0)
    async with fetch.client(settings) as client:
        for body in asyncio.as_completed([_from_url(client, url, settings) for url in dict.fromkeys(urls)]):
            yield await body


def _from_file(uri: str, path: Path) -> Iterator[Found | Rejection]:
    """The document that a file is, or those that it holds as records."""
    try:
        if (why := unreadable(path)) is not None:
            yield Rejection(stage="ingest", reason=Reason.PARSE_FAILED, item=uri, detail=f"{uri}: {why}.")
            return
        size = path.stat().st_size
        records = records_of(path, uri)
        if records is not None:
            for record in records:
                yield record if isinstance(record, Rejection) else Found(*record)
        elif size > MAX_FILE_BYTES:
            detail = f"{uri}: the file is over {MAX_FILE_BYTES // 10**6} MB; split it."
            yield Rejection(stage="ingest", reason=Reason.TOO_LARGE, item=uri, detail=detail)
        else:
            yield Found(uri, path.read_bytes(), type_of_name(quote(well_formed(path.name))))  # "C#.md" has no fragment
    except OSError as error:
        detail = f"{uri}: the file cannot be read: {error.strerror or type(error).__name__}."
        yield Rejection(stage="ingest", reason=Reason.PARSE_FAILED, item=uri, detail=detail)


async def _from_url(client: httpx.AsyncClient, url: str, settings: Settings) -> Found | Rejection:
    try:
        fetched = await fetch.fetch(client, url, settings)
    except DocumentError as error:
        return Rejection(stage="ingest", reason=error.reason, item=url, detail=error.detail)
    return Found(url, fetched.data, fetched.media_hint)


def _without_duplicates(listed: list[Listed], rejected: list[Rejection]) -> list[Listed]:
    """One document per content, the one with the smallest uri; the others become rejections."""
    first: dict[str, Listed] = {}
    for item in sorted(listed, key=lambda item: (item.uri, item.id, item.title_hint, item.media_hint or "")):
        kept = first.setdefault(item.id, item)
        if kept is not item:
            detail = f"{item.uri}: has the same bytes as {kept.uri}."
            reason = Reason.DUPLICATE_DOCUMENT
            rejected.append(Rejection(stage="ingest", reason=reason, item=item.uri, detail=detail, document_id=item.id))
    return list(first.values())


def _named_apart(listed: list[Listed]) -> list[Listed]:
    """Different documents of one uri (files of one name from two places) get a part of their hash added."""
    taken: set[str] = set()
    named = []
    for item in listed:
        uri = item.uri if item.uri not in taken else f"{item.uri}#{item.id[:8]}"
        taken.add(uri)
        named.append(item.model_copy(update={"uri": uri}))
    return named


def _limited(listed: list[Listed], limit: int | None) -> tuple[list[Listed], list[Rejection]]:
    ordered = sorted(listed, key=lambda item: item.uri)
    if limit is None:
        return ordered, []
    detail = f"Only the first {limit} documents by uri are used (limit)."
    left_out = [
        Rejection(stage="ingest", reason=Reason.LIMIT, item=item.uri, detail=detail, document_id=item.id)
        for item in ordered[limit:]
    ]
    return ordered[:limit], left_out
