"""The published row: a task, where it comes from, and a hash of what it says. Column names are a contract."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from taskcraft_core.columns import TASK_SCHEMA, tabled
from taskcraft_core.models import Record, Task, content_hash


class Named(Record):
    """A name and its value (a list of these is read by every Parquet reader; a map type is not)."""

    name: str
    value: str


class Lineage(Record):
    """What a row was made by: everything that is needed to make it again.

    `prompt_hashes` are by prompt, `roles` by role (author, solver, judge), `stage_fingerprints` by stage.
    """

    config_hash: str
    code_version: str
    prompt_hashes: tuple[Named, ...] = ()
    roles: tuple[Named, ...] = ()
    stage_fingerprints: tuple[Named, ...] = ()


class Row(Task):
    """A row of the dataset."""

    lineage: Lineage
    row_hash: str


_NAMED = pa.list_(pa.struct([("name", pa.string()), ("value", pa.string())]))
_LINEAGE = pa.struct(
    [
        ("config_hash", pa.string()),
        ("code_version", pa.string()),
        ("prompt_hashes", _NAMED),
        ("roles", _NAMED),
        ("stage_fingerprints", _NAMED),
    ]
)
ROW_SCHEMA = pa.schema([*TASK_SCHEMA, ("lineage", _LINEAGE), ("row_hash", pa.string())])


def row_hash(task: Task) -> str:
    """The content hash of a task or row, its lineage left out: who made it does not change what it says."""
    return content_hash(task.model_dump(mode="json", include=set(Task.model_fields)))


def row_of(task: Task, lineage: Lineage) -> Row:
    """The row that publishes a task."""
    return Row(**{name: getattr(task, name) for name in Task.model_fields}, lineage=lineage, row_hash=row_hash(task))


def task_of(row: Row) -> Task:
    """The task that a row publishes."""
    return Task(**{name: getattr(row, name) for name in Task.model_fields})


def to_table(rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table of `ROW_SCHEMA`, sorted by task id."""
    ordered = sorted(rows, key=lambda row: row.task_id)
    return tabled(ordered, lambda row: row.model_dump(mode="json"), ROW_SCHEMA)


def from_table(table: pa.Table) -> list[Row]:
    """The rows of a table that `to_table` made, or that was read back from the dataset or a release.

    Raises:
        pydantic.ValidationError: A row does not have the published columns.
    """
    return [Row.model_validate(row) for row in table.to_pylist()]
