"""Files that hold many documents: JSON lines with `text` or `html`, CSV with such a column."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from taskcraft_core.documents.files import well_formed
from taskcraft_core.models import MediaType, Reason, Rejection

RecordDocument = tuple[str, bytes, MediaType, str]
"""uri, bytes, media type, title."""

_BODIES: Mapping[str, MediaType] = {"html": "text/html", "text": "text/plain"}
_MAX_FIELD = 16_000_000
"""Characters of a CSV field or of a line of JSON: a file of any size is never held as a whole."""


def records_of(path: Path, uri: str) -> Iterator[RecordDocument | Rejection] | None:
    """The documents that a file holds as records, or None if the file is a document itself.

    A .jsonl or .ndjson file holds documents if its first object has `text` or `html`; a .csv file, if its header
    has. A record's uri is its `uri` or `url`, else that of the file with the number of the record.
    """
    kind = path.suffix.lower()
    if kind in (".jsonl", ".ndjson") and _has_body(_first_object(path)):
        return _from_jsonl(path, uri)
    if kind == ".csv" and _has_body(dict.fromkeys(_csv_header(path), "")):
        return _from_csv(path, uri)
    return None


def _has_body(record: Mapping[str, Any]) -> bool:
    return any(name in record for name in _BODIES)


def _first_object(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = next((line for line in islice(_lines(file), 1000) if line.strip()), "")
    value = _object(line)
    return value if isinstance(value, dict) else {}


def _lines(file: TextIO) -> Iterator[str]:
    """The lines of a file; of one that is too long the beginning, which is no JSON object."""
    while line := file.readline(_MAX_FIELD):
        yield line
        while line and not line.endswith("\n"):
            line = file.readline(_MAX_FIELD)


def _object(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _csv_header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline(10_000)
    if "\x00" in first:
        return []
    return [name.strip().lower() for name in next(csv.reader([first]), [])]


def _from_jsonl(path: Path, uri: str) -> Iterator[RecordDocument | Rejection]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(_lines(file), start=1):
            if not line.strip():
                continue
            value = _object(line)
            if isinstance(value, dict):
                yield _record(value, f"{uri}#{number}")
            else:
                yield _bad(
                    f"{uri}#{number}", Reason.PARSE_FAILED, "the line is no JSON object, or too long; correct it"
                )


def _from_csv(path: Path, uri: str) -> Iterator[RecordDocument | Rejection]:
    csv.field_size_limit(_MAX_FIELD)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        number = 0
        try:
            names = [name.strip().lower() for name in next(reader)]
            for number, row in enumerate(filter(any, reader), start=1):
                yield _record(dict(zip(names, row, strict=False)), f"{uri}#{number}")
        except csv.Error as error:
            yield _bad(f"{uri}#{reader.line_num}", Reason.PARSE_FAILED, f"cannot be read as CSV: {error}")
            return
        if not number:
            yield _bad(uri, Reason.NO_CONTENT, "there is no record below its header, or a quote is never closed")


def _record(value: Mapping[str, Any], default_uri: str) -> RecordDocument | Rejection:
    named = (value.get(key) for key in ("uri", "url"))
    uri = well_formed(next((str(name) for name in named if name and isinstance(name, str | int)), default_uri))
    title = value.get("title")
    for name, media_type in _BODIES.items():
        body = value.get(name)
        if isinstance(body, str) and body.strip():
            data = body.encode("utf-8", "replace")
            return uri, data, media_type, well_formed(" ".join(title.split())) if isinstance(title, str) else ""
    return _bad(default_uri, Reason.NO_CONTENT, "the record has neither text nor html")


def _bad(uri: str, reason: Reason, why: str) -> Rejection:
    return Rejection(stage="ingest", reason=reason, item=uri, detail=f"{uri}: {why}.")
