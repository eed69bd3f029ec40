"""Looks for texts in everything that lies under a folder: in the bytes, and in what the bytes hold."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq

_SQLITE = b"SQLite format 3\x00"


def holding(folder: Path, texts: Iterable[str]) -> list[tuple[str, str]]:
    """The files under a folder that hold one of the texts, each with the text."""
    wanted = tuple(texts)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [(str(path.relative_to(folder)), text) for path in files for text in _found(path, wanted)]


def _found(path: Path, texts: tuple[str, ...]) -> list[str]:
    data = path.read_bytes()
    inside = "\n".join(_rows(path, data))
    return [text for text in texts if text.encode() in data or text in inside]


def _rows(path: Path, data: bytes) -> Iterator[str]:
    """What a file shows only to who opens it: Parquet is compressed, and SQLite cuts long values into pages."""
    if path.suffix == ".parquet":
        yield from map(repr, pq.ParquetFile(path).read().to_pylist())
    if data.startswith(_SQLITE):
        with closing(sqlite3.connect(path)) as database:
            database.text_factory = bytes  # not all of it needs to be UTF-8
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in tables:
                yield from map(repr, database.execute(f'SELECT * FROM "{name.decode()}"'))
