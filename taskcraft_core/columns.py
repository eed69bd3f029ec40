"""How records lie in columns: an explicit schema for each record type that goes to disk, and the way back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import pyarrow as pa

from taskcraft_core.models import AtomicTask, Document, Record, Rejection, Task, content_hash

R = TypeVar("R", bound=Record)

EVIDENCE = pa.struct(
    [(name, pa.string()) for name in ("document_id", "uri", "media_type", "quote", "answer_span", "place")]
)
TOOL_CALL = pa.struct([("id", pa.string()), ("name", pa.string()), ("arguments", pa.string())])
MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("tool_calls", pa.list_(TOOL_CALL)),
        ("tool_call_id", pa.string()),
        ("name", pa.string()),
    ]
)
SELECTOR = pa.struct([(name, pa.string()) for name in ("document_id", "kind", "field", "value")])

DOCUMENT_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "uri", "title", "media_type", "language", "blocks", "links")]
)
ATOMIC_SCHEMA = pa.schema(
    [
        ("question", pa.string()),
        ("answer", pa.string()),
        ("identifier", pa.string()),
        ("relation", pa.string()),
        ("language", pa.string()),
        ("tool", pa.string()),
        ("evidence", EVIDENCE),
    ]
)
TASK_SCHEMA = pa.schema(
    [
        ("task_id", pa.string()),
        ("kind", pa.string()),
        ("question", pa.string()),
        ("answer", pa.string()),
        ("answers", pa.list_(pa.string())),
        ("hops", pa.int32()),
        ("width", pa.int32()),
        ("tools", pa.list_(pa.string())),
        ("identifier", pa.string()),
        ("relation", pa.string()),
        ("selector", SELECTOR),
        ("language", pa.string()),
        ("parent_ids", pa.list_(pa.string())),
        ("evidence", pa.list_(EVIDENCE)),
        ("trajectory", pa.list_(MESSAGE)),
        ("trajectory_kind", pa.string()),
        ("agent_score", pa.int32()),
        ("no_tools_score", pa.int32()),
        ("agent_steps", pa.int32()),
        ("judge_votes", pa.list_(pa.int32())),
        ("checks", pa.list_(pa.string())),
    ]
)
REJECTION_SCHEMA = pa.schema([(name, pa.string()) for name in ("stage", "reason", "item", "detail", "document_id")])


@dataclass(frozen=True)
class Layout:
    """How a record type lies on disk: its columns, what its rows are sorted by, and what is JSON text."""

    schema: pa.Schema
    order: Callable[[Any], list[str]]
    as_json: tuple[str, ...] = ()


LAYOUTS: Mapping[type[Record], Layout] = {
    Document: Layout(DOCUMENT_SCHEMA, lambda document: [document.id], as_json=("blocks", "links")),
    AtomicTask: Layout(ATOMIC_SCHEMA, lambda task: [task.evidence.document_id, task.question]),
    Task: Layout(TASK_SCHEMA, lambda task: [task.task_id]),
    Rejection: Layout(REJECTION_SCHEMA, lambda rejection: [rejection.document_id or "", rejection.item]),
}


ROWS_AT_ONCE = 256
"""Rows that are plain objects at a time: so they take a multiple of the room."""


def to_rows(records: Sequence[Record], kind: type[Record]) -> list[dict[str, Any]]:
    """Records as rows of their schema, in the order in which they are stored (ties broken by content)."""
    return [_row(record, kind) for record in _in_order(records, kind)]


def to_table(records: Sequence[Record], kind: type[Record]) -> pa.Table:
    """The same rows as an Arrow table."""
    ordered = _in_order(records, kind)
    return tabled(ordered, lambda record: _row(record, kind), LAYOUTS[kind].schema)


def tabled(records: Sequence[R], row_of: Callable[[R], dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Records as an Arrow table, in their order: in one piece, as equal tables have to be for equal files.

    Args:
        records: Any number.
        row_of: Makes a row of one.
        schema: What the rows fit.
    """
    parts = [
        pa.Table.from_pylist([row_of(record) for record in records[start : start + ROWS_AT_ONCE]], schema=schema)
        for start in range(0, len(records) or 1, ROWS_AT_ONCE)
    ]
    return pa.concat_tables(parts).combine_chunks() if len(parts) > 1 else parts[0]


def _in_order(records: Sequence[R], kind: type[R]) -> list[R]:
    order = LAYOUTS[kind].order
    tied = (list(some) for _, some in groupby(sorted(records, key=order), key=order))
    return [record for some in tied for record in (sorted(some, key=_content) if len(some) > 1 else some)]


def _content(record: Record) -> str:
    return content_hash(record.model_dump(mode="json"))


def _row(record: Record, kind: type[Record]) -> dict[str, Any]:
    row = record.model_dump(mode="json")
    return row | {column: _json(row[column]) for column in LAYOUTS[kind].as_json}


def from_rows(rows: Sequence[dict[str, Any]], kind: type[R]) -> list[R]:
    """The records that `to_rows` made the rows from.

    Raises:
        pydantic.ValidationError: A row is no record of this kind.
    """
    as_json = LAYOUTS[kind].as_json
    return [kind.model_validate(row | {column: json.loads(row[column]) for column in as_json}) for row in rows]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
