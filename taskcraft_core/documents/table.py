"""Reads tables that are files: CSV, TSV, JSON and JSON lines."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any, Final

from taskcraft_core.documents.draft import Draft, Hints
from taskcraft_core.documents.hygiene import clean, decode, fold, readable_name
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Box, Reason, Table

MAX_ROWS: Final = 20_000
_COMMENT = re.compile(r"^\s*(?:#|//)\s*(.*)$")


def read_csv(data: bytes, uri: str, hints: Hints) -> Draft:
    """Reads a CSV or TSV file; leading `# …` lines are its title and notes, the next line its header.

    Raises:
        DocumentError: NOT_TEXT, PARSE_FAILED (quotes that do not match), TOO_LARGE (too many rows).
    """
    lines = clean(decode(data, uri)).split("\n")
    notes: list[str] = []
    while lines and (not lines[0].strip() or _COMMENT.match(lines[0])):
        match = _COMMENT.match(lines.pop(0))
        notes += [match.group(1)] if match and match.group(1).strip() else []
    draft = Draft(title=fold(hints.title) or fold(notes[0] if notes else "") or readable_name(uri))
    for note in notes[1:]:
        draft.passage(note)
    rows = _csv_rows("\n".join(lines), uri, hints.media_type == "text/tab-separated-values")
    add_rows(draft, rows, uri)
    return draft


def _csv_rows(text: str, uri: str, tabs: bool) -> list[tuple[str, ...]]:
    first = text.split("\n", 1)[0]
    delimiter = "\t" if tabs else max(",;\t|", key=first.count)
    try:
        rows = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        return [tuple(map(fold, row)) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        reason = Reason.TRUNCATED if "unexpected end" in str(error) else Reason.PARSE_FAILED
        raise DocumentError(reason, f"{uri}: cannot be read as a table: {error}.") from None


def add_rows(draft: Draft, rows: list[tuple[str, ...]], uri: str) -> None:
    """Adds rows, the first of them the header, as a table if it is regular, else as lines."""
    if len(rows) > MAX_ROWS:
        raise DocumentError(Reason.TOO_LARGE, f"{uri}: the table has more than {MAX_ROWS} rows; split it.")
    if not rows:
        return
    header, *body = rows
    regular = len(header) > 1 and all(header) and all(len(row) == len(header) for row in body)
    if regular and body:
        draft.add(Table, header=header, rows=tuple(body))
    else:
        draft.lines(" | ".join(cell for cell in row if cell) for row in rows)


def read_json(data: bytes, uri: str, hints: Hints) -> Draft:
    """Reads JSON or JSON lines: a list of flat objects is a table, a flat object a box, the rest lines.

    Raises:
        DocumentError: NOT_TEXT, TRUNCATED, PARSE_FAILED, TOO_LARGE.
    """
    value = _parse(clean(decode(data, uri)), uri)
    title = value.get("title") if isinstance(value, dict) else ""
    draft = Draft(title=fold(hints.title) or fold(title if isinstance(title, str) else "") or readable_name(uri))
    if isinstance(value, dict):
        _add_object(draft, value, uri)
    elif isinstance(value, list):
        _add_list(draft, value, uri)
    else:
        draft.passage(_scalar(value))
    return draft


def _parse(text: str, uri: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise DocumentError(Reason.TOO_DEEP, f"{uri}: its values are nested too deeply; flatten it.") from None
    except ValueError as whole:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            return [json.loads(line) for line in lines] if len(lines) > 1 else _no_json(text, uri, whole)
        except (ValueError, RecursionError):
            return _no_json(text, uri, whole)


def _no_json(text: str, uri: str, error: ValueError) -> Any:
    at_end = getattr(error, "pos", 0) >= len(text.rstrip()) - 1 or "Unterminated" in str(error)
    reason = Reason.TRUNCATED if at_end else Reason.PARSE_FAILED
    raise DocumentError(reason, f"{uri}: cannot be read as JSON: {error}.")


def _add_object(draft: Draft, value: dict[str, Any], uri: str) -> None:
    flat = tuple((fold(k), _scalar(v)) for k, v in value.items() if _is_scalar(v) and _scalar(v))
    if flat:
        draft.add(Box, entries=flat)
    for key, inner in value.items():
        draft.section = readable_name(key)
        if isinstance(inner, dict):
            _add_object(draft, inner, uri)
        elif isinstance(inner, list):
            _add_list(draft, inner, uri)


def _add_list(draft: Draft, value: list[Any], uri: str) -> None:
    if value and all(isinstance(row, dict) and row and all(map(_is_scalar, row.values())) for row in value):
        names = list(value[0])
        if all(list(row) == names for row in value):
            rows = [tuple(_scalar(row[name]) for name in names) for row in value]
            add_rows(draft, [tuple(map(fold, names)), *rows], uri)
            return
    if all(map(_is_scalar, value)):
        draft.items(map(_scalar, value))
        return
    draft.lines(fold(json.dumps(row, ensure_ascii=False)) for row in value)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    return ("yes" if value else "no") if isinstance(value, bool) else fold(str(value))
