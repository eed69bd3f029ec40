"""Work files: a stage's records as Parquet, under a name that says what they were made from.

Equal records give equal bytes: rows are sorted, the schema is explicit, and nothing tells the time. A file is
written aside and renamed, so a file that has its name is whole; `sound` still reads it back before it is
trusted.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from taskcraft_core.columns import LAYOUTS, ROWS_AT_ONCE, R, from_rows, to_table
from taskcraft_core.disk import TEMPORARY, writing
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Record, Rejection

UNREADABLE = (OSError, ValueError, pa.ArrowException)
"""What pyarrow raises on a missing or damaged file, depending on where the damage is."""


class Reference(Record):
    """Where a shard lies, relative to the output folder, and what it must be."""

    path: str
    rows: int
    sha256: str


# --- one file ----------------------------------------------------------------------------------------------


def write_shard(path: Path, records: Sequence[R], kind: type[R], out: Path) -> Reference:
    """Writes records to a Parquet file: whole or not at all, and the same bytes for the same records.

    Args:
        path: The file, under `out`; its folder is made.
        records: In any order.
        kind: Their type, a key of `LAYOUTS`.
        out: The output folder, which the reference is relative to.
    """
    data = parquet_bytes(to_table(records, kind))
    write_aside(path, data)
    name = path.relative_to(out).as_posix()
    return Reference(path=name, rows=len(records), sha256=hashlib.sha256(data).hexdigest())


def read_shard(path: Path, kind: type[R], without: Sequence[str] = ()) -> list[R]:
    """The records of a shard, in the stored order.

    Args:
        path: The file.
        kind: The type of its records.
        without: Columns of lists that are not read; the records have empty ones.

    Raises:
        TaskCraftError: The file is missing or damaged.
    """
    return list(iter_shard(path, kind, without))


def iter_shard(path: Path, kind: type[R], without: Sequence[str] = ()) -> Iterator[R]:
    """The same records one after the other, few of them in memory at a time."""
    schema = pa.schema([field for field in LAYOUTS[kind].schema if field.name not in without])
    empty: dict[str, object] = {name: [] for name in without}
    try:
        # Not `pq.read_table`: it imports pandas, which takes 2 s and is not needed.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            columns = schema.names if without else None
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns):
                rows = pa.Table.from_batches([batch]).cast(schema).to_pylist()
                yield from from_rows([row | empty for row in rows], kind)
    except UNREADABLE as error:
        first = str(error).splitlines()[0]
        raise TaskCraftError(f"{path}: cannot be read ({first}); delete it and build again.") from None


def sound(path: Path) -> bool:
    """Whether the whole file reads back, checksums included, as a shard of a known layout."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            known = any(file.schema_arrow.equals(layout.schema) for layout in LAYOUTS.values())
            return known and sum(batch.num_rows for batch in file.iter_batches()) == file.metadata.num_rows
    except UNREADABLE:
        return False


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file, the same for the same rows."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    data: bytes = sink.getvalue().to_pybytes()
    return data


# --- the result of a stage ---------------------------------------------------------------------------------


def result_path(out: Path, stage: str, fingerprint: str) -> Path:
    """Where a stage's shard of this fingerprint lies."""
    return out / "work" / stage / f"{fingerprint}.parquet"


def rejected_path(out: Path, stage: str, fingerprint: str) -> Path:
    """Where the rejections of that shard lie: beside it."""
    return result_path(out, stage, fingerprint).with_suffix(".rejected.parquet")


def write_result(
    out: Path,
    stage: str,
    fingerprint: str,
    records: Sequence[R],
    kind: type[R],
    rejections: Sequence[Rejection],
) -> Reference:
    """Writes a shard and its rejections; the main file comes last, so where it is, both are."""
    write_shard(rejected_path(out, stage, fingerprint), rejections, Rejection, out)
    return write_shard(result_path(out, stage, fingerprint), records, kind, out)


def read_result(out: Path, reference: Reference, kind: type[R]) -> tuple[list[R], list[Rejection]]:
    """The records and the rejections of a shard.

    Raises:
        TaskCraftError: A file is missing or damaged.
    """
    path = out / reference.path
    return read_shard(path, kind), read_shard(path.with_suffix(".rejected.parquet"), Rejection)


def result_sound(out: Path, stage: str, fingerprint: str) -> bool:
    """Whether both files of a shard are there and read back."""
    return sound(rejected_path(out, stage, fingerprint)) and sound(result_path(out, stage, fingerprint))


def result_reference(out: Path, stage: str, fingerprint: str) -> Reference:
    """The reference to a sound shard, as `write_result` gave it."""
    path = result_path(out, stage, fingerprint)
    return Reference(
        path=path.relative_to(out).as_posix(),
        rows=pq.read_metadata(path).num_rows,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


# --- writing aside -----------------------------------------------------------------------------------------


def write_aside(path: Path, data: bytes) -> None:
    """Writes a file under another name, to the disk, and renames it: it is there whole or not at all.

    The temporary file stays locked while it is written, so that `sweep` can tell a live one from a leftover.

    Raises:
        StorageError: It cannot be written.
    """
    with writing(path):
        _write_aside(path, data)


def _write_aside(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=TEMPORARY, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def sweep(out: Path) -> int:
    """Removes the temporary files of killed runs under the output folder; returns how many.

    Raises:
        StorageError: They cannot be removed.
    """
    with writing(out):
        dead = [path for path in _temporary_files(out) if not _being_written(path)]
        for path in dead:
            path.unlink(missing_ok=True)
    return len(dead)


def _temporary_files(out: Path) -> Iterator[Path]:
    return (path for path in out.rglob(f".*{TEMPORARY}") if path.is_file() and not path.is_symlink())


def _being_written(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
