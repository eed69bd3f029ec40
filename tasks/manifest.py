"""A manifest: the shards of a stage in one small file, for flow parameters must stay small (512 KiB)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from taskcraft_core.columns import R
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Rejection, content_hash
from taskcraft_core.shards import Reference, read_shard, write_aside


def write_manifest(out: Path, stage: str, shards: Iterable[Reference]) -> str:
    """Writes the manifest of some shards; the same shards give the same file.

    Returns:
        Its path, relative to `out`.
    """
    listed = [shard.model_dump() for shard in sorted(shards, key=lambda shard: shard.path)]
    name = f"work/{stage}/{content_hash(listed)[:32]}.shards.json"
    write_aside(out / name, f"{json.dumps(listed, indent=1)}\n".encode())
    return name


def read_manifest(out: Path, name: str) -> list[Reference]:
    """The shards of a manifest, sorted by path.

    Raises:
        TaskCraftError: The file is missing or damaged.
    """
    try:
        return [Reference.model_validate(shard) for shard in json.loads((out / name).read_text(encoding="utf-8"))]
    except (OSError, ValueError) as error:
        raise TaskCraftError(f"{out / name}: cannot be read ({error}); build again.") from None


def digest(shards: Sequence[Reference]) -> str:
    """One hash for the content of several shards, whatever their order."""
    return content_hash(sorted(shard.sha256 for shard in shards))


def read_all(out: Path, shards: Iterable[Reference], kind: type[R], without: Sequence[str] = ()) -> Iterator[R]:
    """The records of several shards, one after the other, some columns left empty; one shard in memory at a time."""
    for shard in shards:
        yield from read_shard(out / shard.path, kind, without)


def read_pairs(out: Path, shards: Iterable[Reference], one: str, other: str) -> Iterator[tuple[str, str]]:
    """Two columns of several shards, without reading the rest."""
    for shard in shards:
        columns = pq.ParquetFile(out / shard.path).read(columns=[one, other])
        yield from zip(columns[one].to_pylist(), columns[other].to_pylist(), strict=True)


def read_rejections(out: Path, shards: Iterable[Reference]) -> list[Rejection]:
    """The rejections of several shards, one after the other."""
    files = [(out / shard.path).with_suffix(".rejected.parquet") for shard in shards]
    return [rejection for file in files for rejection in read_shard(file, Rejection)]
