"""The versioned dataset: a Delta table, written in one commit a build and read by version or in full.

Version 0 is the empty table; version N is what the N-th change left, and the release of it is called v<N>.
Deleted rows and killed writers leave Parquet files behind that the version does not name, so nothing here
reads the folder: always the log.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, WriterProperties
from deltalake.exceptions import DeltaError

from taskcraft_core.dataset.cascade import drop_with_descendants
from taskcraft_core.dataset.orphans import sole_writer, sweep_orphans
from taskcraft_core.dataset.reading import read_rows
from taskcraft_core.dataset.rows import ROW_SCHEMA, Row, to_table
from taskcraft_core.disk import writing_table
from taskcraft_core.errors import ConfigError, TaskCraftError
from taskcraft_core.models import Record
from taskcraft_core.shards import Reference

ZSTD = WriterProperties(compression="ZSTD")
FOREVER = "interval 36500 days"
CONFIGURATION = {
    "delta.enableChangeDataFeed": "true",
    "delta.logRetentionDuration": FOREVER,
    "delta.deletedFileRetentionDuration": FOREVER,
}
"""Changes are recorded row by row, and no version is forgotten."""

ROWS_AT_ONCE = 1_000
"""Rows that are Python objects at a time."""

CHANGES = pa.schema([*ROW_SCHEMA, ("retired", pa.bool_())])


class Published(Record):
    """What a publication did: the version that holds the rows now, and how many rows changed how.

    Attributes:
        version: The version that holds the rows.
        added: Rows that were not there.
        updated: Rows that were there with another content.
        unchanged: Rows that were there.
        retired: Rows that left.
        new_version: Whether any of that made a version.
        reasons: The work shard whose rejections say why rows left; None where none did.
    """

    version: int
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    retired: int = 0
    new_version: bool = False
    reasons: Reference | None = None


def dataset_path(out: Path) -> Path:
    """Where the dataset lies."""
    return out / "dataset"


def publish(rows: Iterable[Row], out: Path, metadata: Mapping[str, str], retire: Collection[str] = ()) -> Published:
    """Merges rows into the dataset in one commit, or does nothing when they are all there already.

    Args:
        rows: Audited rows, parents included; they are asked for a few at a time. Rows of earlier builds stay.
        out: The output folder.
        metadata: What is recorded with the commit.
        retire: Ids of rows that must not stay (unless they are among `rows`); what was built on them leaves
            too.

    Raises:
        TaskCraftError: A row is built on a row that would not be there, or the table cannot be written.
        StorageError: The disk is full, or may not be written to.
    """
    folder = dataset_path(out)
    with sole_writer(folder), writing_table(folder, DeltaError):
        table = _opened(folder)
        sweep_orphans(folder)
        old = {row["task_id"]: row for row in _columns(table, "task_id", "row_hash", "parent_ids")}
        new = _taken(rows, old)
        leaving = _leaving(old, new.parents, retire)
        if new.fresh.num_rows or leaving:
            _merge(table, _changes(new.fresh, leaving), metadata, folder)
        return Published(
            version=table.version(),
            added=new.added,
            updated=new.fresh.num_rows - new.added,
            unchanged=len(new.parents) - new.fresh.num_rows,
            retired=len(leaving),
            new_version=bool(new.fresh.num_rows or leaving),
        )


@dataclass(frozen=True)
class _Taken:
    """The rows of a build: the parents of each, and as a table those that are new or changed."""

    parents: dict[str, tuple[str, ...]]
    fresh: pa.Table
    added: int


def _taken(rows: Iterable[Row], old: Mapping[str, Mapping[str, Any]]) -> _Taken:
    """Goes through the rows a few at a time: as Python objects they take a multiple of the room."""
    parents: dict[str, tuple[str, ...]] = {}
    parts, added, coming = [to_table([])], 0, iter(rows)
    while some := {row.task_id: row for row in islice(coming, ROWS_AT_ONCE)}:
        new = [row for task_id, row in some.items() if task_id not in parents]
        fresh = [row for row in new if row.task_id not in old or row.row_hash != old[row.task_id]["row_hash"]]
        parents |= {row.task_id: row.parent_ids for row in new}
        added += sum(row.task_id not in old for row in fresh)
        parts.append(to_table(fresh))
    return _Taken(parents, pa.concat_tables(parts).combine_chunks(), added)


def _leaving(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Sequence[str]], retire: Collection[str]
) -> list[str]:
    """The stored rows that leave: the retired ones, and those built on a row that will not be there."""
    parents = {task_id: row["parent_ids"] for task_id, row in old.items()}
    parents |= new
    retired = {task_id for task_id in retire if task_id in old and task_id not in new}
    lost = drop_with_descendants(parents, retired)
    for task_id in new:
        if task_id in lost:
            raise TaskCraftError(f"Task {task_id} cannot be published without its parent {lost[task_id]}.")
    return sorted(retired | lost.keys())


def _opened(folder: Path) -> DeltaTable:
    DeltaTable.create(folder, ROW_SCHEMA, mode="ignore", configuration=CONFIGURATION)
    return DeltaTable(folder)


def _changes(fresh: pa.Table, leaving: Sequence[str]) -> pa.Table:
    """The rows to write and, with nothing but their id, those to delete: one table, so one commit."""
    kept = fresh.append_column("retired", pa.repeat(pa.scalar(False), fresh.num_rows))
    gone = pa.Table.from_pylist([{"task_id": i, "retired": True} for i in leaving], schema=CHANGES)
    return pa.concat_tables([kept, gone])


def _merge(table: DeltaTable, changes: pa.Table, metadata: Mapping[str, str], folder: Path) -> None:
    columns = {name: f"new.{name}" for name in ROW_SCHEMA.names}
    merger = table.merge(
        changes,
        predicate="old.task_id = new.task_id",
        source_alias="new",
        target_alias="old",
        writer_properties=ZSTD,
        commit_properties=CommitProperties(custom_metadata=dict(metadata)),
    )
    merger = merger.when_matched_delete(predicate="new.retired")
    merger = merger.when_matched_update(columns, predicate="not new.retired")
    try:
        with writing_table(folder, DeltaError):
            merger.when_not_matched_insert(columns, predicate="not new.retired").execute()
    except DeltaError as error:
        raise TaskCraftError(f"{table.table_uri}: the dataset could not be written: {error}.") from error


# --- reading -----------------------------------------------------------------------------------------------


def open_dataset(out: Path, version: int | None = None) -> DeltaTable:
    """The dataset's table, at its newest version or the given one.

    Raises:
        ConfigError: There is no dataset, or no such version.
    """
    folder = dataset_path(out)
    if not DeltaTable.is_deltatable(str(folder)):
        raise ConfigError(f"{out}: holds no dataset; run `taskcraft build SOURCE --out {out}` first.")
    table = DeltaTable(folder)
    newest = table.version()
    if version is None or version == newest:
        return table
    if not 0 <= version < newest:
        raise ConfigError(f"{out}: the dataset has no version {version}; the newest is {newest}.")
    table.load_as_version(version)
    return table


def read_dataset(out: Path, version: int | None = None) -> pa.Table:
    """The rows of the dataset, sorted by id, with the published columns.

    Raises:
        ConfigError: There is no dataset, or no such version.
    """
    table = read_rows(open_dataset(out, version))
    return table.select(ROW_SCHEMA.names).cast(ROW_SCHEMA).sort_by("task_id")


def find_task(out: Path, id_prefix: str) -> dict[str, Any]:
    """The newest row whose id begins with `id_prefix`.

    Raises:
        ConfigError: There is no dataset, or not exactly one such row.
    """
    prefix = id_prefix.strip().lower()
    if not re.fullmatch(r"[0-9a-f]+", prefix):
        raise ConfigError(f"{id_prefix!r} is no task id; an id is made of the digits 0-9 and a-f.")
    table = open_dataset(out)
    ids = sorted(row["task_id"] for row in _columns(table, "task_id") if row["task_id"].startswith(prefix))
    if not ids:
        raise ConfigError(f"No task of the dataset in {out} has an id that begins with {prefix!r}.")
    if len(ids) > 1:
        raise ConfigError(f"{len(ids)} tasks have an id that begins with {prefix!r}; give more of its digits.")
    only = pc.field("task_id").cast(pa.string()) == ids[0]
    rows = read_rows(table, filters=only).cast(ROW_SCHEMA)
    row: dict[str, Any] = rows.to_pylist()[0]
    return row


def ancestry(table: DeltaTable) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The parents, and the identifier, of every row by its id."""
    rows = _columns(table, "task_id", "parent_ids", "identifier")
    return {row["task_id"]: row["parent_ids"] for row in rows}, {row["task_id"]: row["identifier"] for row in rows}


def rows_without(table: DeltaTable, ids: Collection[str], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Some columns of the rows whose id is not among `ids`, few of them in memory as Python objects at a time.

    Args:
        table: At the version that is meant.
        ids: Task ids.
        columns: Among them `selector`: rows with a relation to the same document come one after the other.
    """
    among = pc.field("task_id").cast(pa.string()).isin(pa.array(ids, pa.string()))
    rows = read_rows(table, [*columns], filters=~among)
    superset = pc.struct_field(rows["selector"], "document_id")
    ordered = rows.take(pc.sort_indices(pa.table({"superset": superset}), [("superset", "ascending")]))
    for batch in ordered.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from batch.to_pylist()


def _columns(table: DeltaTable, *names: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_rows(table, [*names]).to_pylist()
    return rows
