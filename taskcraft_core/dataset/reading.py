"""Reads the rows of a Delta table through Arrow's own file system.

Deltalake's is written in Python, and Arrow's threads let go of its files when they please: one that does so while
the interpreter ends is killed by it, and takes the process along (SIGABRT, whatever the exit code was to be).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from pyarrow.fs import FileSystem, SubTreeFileSystem


def read_rows(table: DeltaTable, columns: list[str] | None = None, filters: pc.Expression | None = None) -> pa.Table:
    """The rows of a table's version.

    Args:
        table: At the version that is meant.
        columns: Which to read; None for all.
        filters: Which rows to read; None for all.
    """
    return table.to_pyarrow_table(columns=columns, filesystem=_files(table), filters=filters)


def count_rows(table: DeltaTable) -> int:
    """How many there are."""
    count: int = table.to_pyarrow_dataset(filesystem=_files(table)).count_rows()
    return count


def _files(table: DeltaTable) -> SubTreeFileSystem:
    files, root = FileSystem.from_uri(table.table_uri)
    return SubTreeFileSystem(root, files)
