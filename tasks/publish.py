"""Publishing as a Prefect task: the audited rows are merged in one commit, and the version is released."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq

from taskcraft_core.config import BuildConfig
from taskcraft_core.corpus import Corpus
from taskcraft_core.dataset.failed import publishable
from taskcraft_core.dataset.releases import release, release_path, release_sound
from taskcraft_core.dataset.retirement import COLUMNS, Listing, Stored, retirements
from taskcraft_core.dataset.rows import Lineage, row_of
from taskcraft_core.dataset.store import Published, ancestry, open_dataset, publish, rows_without
from taskcraft_core.errors import ConfigError
from taskcraft_core.models import Document, Rejection, Task, content_hash
from taskcraft_core.shards import Reference, iter_shard, write_aside, write_result
from tasks.aside import aside
from tasks.caching import plain_task
from tasks.manifest import read_all, read_manifest, read_pairs, read_rejections
from tasks.memory import give_back
from tasks.terms import own_settings


def note_failed(out: Path, failed: Sequence[Mapping[str, str]]) -> str | None:
    """Writes down which shards a build goes on without, as a release may tell it.

    Args:
        out: The output folder.
        failed: Stage, shard and reason of each; in a file, for parameters of a flow must stay small (512 KiB).

    Returns:
        The file's path, relative to `out`; None where no shard failed.
    """
    if not failed:
        return None
    told = publishable(failed, out, _secrets())
    name = f"work/publish/{content_hash(told)[:32]}.failed.json"
    write_aside(out / name, f"{json.dumps(told, ensure_ascii=False, indent=1)}\n".encode())
    return name


@plain_task
async def publish_dataset(
    out: str,
    audited: Reference,
    documents: str,
    lineage: Lineage,
    config: BuildConfig,
    prune: bool = False,
    failed: str | None = None,
) -> Published:
    """Brings the dataset up to date; with nothing new, and nothing to retire, it makes no version.

    Looks at the dataset each time instead of trusting a memory, for other builds publish into it too.

    Args:
        out: The output folder.
        audited: The rows of this build.
        documents: The manifest of its documents.
        lineage: What the rows were made by.
        config: What they were made with.
        prune: Whether rows of earlier builds leave whose documents are gone; every source was listed completely.
        failed: What `note_failed` wrote, for the release.
    """
    return await aside(_publish, Path(out), audited, documents, lineage, config, prune, failed)


def _publish(
    out: Path,
    audited: Reference,
    documents: str,
    lineage: Lineage,
    config: BuildConfig,
    prune: bool,
    failed: str | None,
) -> Published:
    due = _due(out, audited, documents) if prune else []
    version = _published_as(out, audited)
    if version is not None and not due:
        return Published(version=version, unchanged=audited.rows)
    metadata = {"config_hash": lineage.config_hash, "code_version": lineage.code_version, "audited": audited.sha256}
    reasons = _write_down(out, audited, due) if due else None
    if reasons is not None:
        metadata["retired"] = reasons.path
    rows = (row_of(one, lineage) for one in iter_shard(out / audited.path, Task))
    published = publish(rows, out, metadata, retire=[one.item for one in due])
    give_back()
    if published.version > 0:
        uris = dict(read_pairs(out, read_manifest(out, documents), "id", "uri"))
        without = json.loads((out / failed).read_text(encoding="utf-8")) if failed else []
        release(out, published.version, config, lineage.code_version, uris, without)
    return published.model_copy(update={"reasons": reasons})


def _published_as(out: Path, audited: Reference) -> int | None:
    """The newest version, if it was made from these very rows and its release is whole: nothing is left to add."""
    try:
        newest = open_dataset(out).history(1)[0]
    except ConfigError:
        return None
    version = int(newest["version"])
    made_from_these = newest.get("audited") == audited.sha256
    return version if made_from_these and release_sound(release_path(out, version)) else None


def _due(out: Path, audited: Reference, documents: str) -> list[Rejection]:
    """The rows of earlier builds that must not stay."""
    try:
        table = open_dataset(out)
    except ConfigError:
        return []
    ours = pq.ParquetFile(out / audited.path).read(columns=["task_id"])["task_id"].to_pylist()
    stored = map(Stored.of, rows_without(table, ours, COLUMNS))
    return retirements(stored, *ancestry(table), _listing(out, documents))


def _listing(out: Path, documents: str) -> Listing:
    shards = read_manifest(out, documents)
    parsed = dict(read_pairs(out, shards, "id", "uri"))
    corpus = cache(lambda: Corpus(read_all(out, shards, Document)))
    return Listing.of(parsed, read_rejections(out, shards), corpus)


def _write_down(out: Path, audited: Reference, due: Sequence[Rejection]) -> Reference:
    """Says why rows leave before they do, so that it is known whatever happens then; the commit names the file."""
    name = content_hash(["publish", audited.sha256, [one.model_dump(mode="json") for one in due]])[:32]
    return write_result(out, "publish", name, [], Task, due)


def _secrets() -> list[str]:
    from taskcraft_core.roles.llm.endpoint import secrets_of  # a second to import, and most builds lack no shard

    settings = own_settings()
    address = settings.journal_address or ""
    written = (urlsplit(address).password if "://" in address else None) or ""
    return [one for one in (address, written, unquote(written), *secrets_of(settings)) if one]
