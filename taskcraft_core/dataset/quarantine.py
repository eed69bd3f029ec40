"""Rows that failed the audit, kept with the rule that they broke: a Delta table that only grows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from taskcraft_core.columns import TASK_SCHEMA, to_rows
from taskcraft_core.dataset.orphans import sole_writer, sweep_orphans
from taskcraft_core.dataset.quality import Quarantined
from taskcraft_core.dataset.reading import read_rows
from taskcraft_core.dataset.rows import row_hash
from taskcraft_core.dataset.store import CONFIGURATION, ZSTD
from taskcraft_core.disk import writing_table
from taskcraft_core.models import Rejection, Task, content_hash

QUARANTINE_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("quarantine_id", "reason", "rule", "detail", "row_hash")],
        *TASK_SCHEMA,
    ]
)


def quarantine(failed: Sequence[Quarantined], out: Path) -> int:
    """Appends the failed rows that are not there yet (same row, same rule); returns how many those were.

    Raises:
        StorageError: The disk is full, or may not be written to.
    """
    folder = out / "quarantine"
    with sole_writer(folder), writing_table(folder, DeltaError):
        DeltaTable.create(folder, QUARANTINE_SCHEMA, mode="ignore", configuration=CONFIGURATION)
        sweep_orphans(folder)
        table = DeltaTable(folder)
        known = set(read_rows(table, ["quarantine_id"])["quarantine_id"].to_pylist())
        rows = {row["quarantine_id"]: row for row in map(_row, failed) if row["quarantine_id"] not in known}
        if rows:
            ordered = [rows[key] for key in sorted(rows)]
            data = pa.Table.from_pylist(ordered, schema=QUARANTINE_SCHEMA)
            write_deltalake(table, data, mode="append", writer_properties=ZSTD)
        return len(rows)


def holds(out: Path, rejections: Iterable[Rejection]) -> bool:
    """Whether the rows are in quarantine that the audit rejected."""
    rejected = {(one.item, one.reason.value) for one in rejections}
    if not rejected:
        return True
    folder = out / "quarantine"
    if not DeltaTable.is_deltatable(str(folder)):
        return False
    there = read_rows(DeltaTable(folder), ["task_id", "reason"])
    return rejected <= {*zip(*(there[name].to_pylist() for name in ("task_id", "reason")), strict=True)}


def _row(failed: Quarantined) -> dict[str, Any]:
    (row,) = to_rows([failed.task], Task)
    content = row_hash(failed.task)
    return row | {
        "quarantine_id": content_hash([failed.task.task_id, content, failed.reason, failed.rule]),
        "reason": failed.reason.value,
        "rule": failed.rule,
        "detail": failed.detail,
        "row_hash": content,
    }


def read_quarantine(out: Path) -> pa.Table:
    """The quarantined rows, sorted by id; no rows when there is no quarantine."""
    folder = out / "quarantine"
    if not DeltaTable.is_deltatable(str(folder)):
        return QUARANTINE_SCHEMA.empty_table()
    table = read_rows(DeltaTable(folder))
    return table.select(QUARANTINE_SCHEMA.names).cast(QUARANTINE_SCHEMA).sort_by("quarantine_id")
