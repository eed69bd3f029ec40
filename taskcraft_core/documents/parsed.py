"""What parsing gave, kept by content in `work/ingest/parsed/`: a document that did not change is not parsed again.

A shard of ingest changes with any of its documents, and parsing a PDF or reading a scan takes seconds.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from pydantic import ValidationError

from taskcraft_core.disk import write_whole
from taskcraft_core.documents.sources import Listed
from taskcraft_core.fingerprint import STAGE_VERSIONS
from taskcraft_core.models import Document, Reason, Record, content_hash

OF_CONTENT = frozenset({
    Reason.EMPTY, Reason.TRUNCATED, Reason.TYPE_MISMATCH, Reason.TYPE_UNKNOWN, Reason.PASSWORD, Reason.TOO_DEEP,
    Reason.NOT_TEXT, Reason.NO_CONTENT,
})  # fmt: skip
"""Reasons that follow from a document's bytes alone; others may be those of a busy machine or a small memory."""
_DIGEST = 32


class Parsed(Record):
    """What became of a document.

    Attributes:
        documents: The document and the figures embedded in it that could be read; none if it cannot be used.
        reason: Why it cannot be used.
        detail: The same in a sentence.
        unread: Why embedded figures could not be read.
    """

    documents: tuple[Document, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    unread: tuple[Reason, ...] = ()

    @property
    def lasting(self) -> bool:
        """Whether parsing the same bytes gives the same, on any machine and any day."""
        reasons = {*self.unread, *([self.reason] if self.reason else [])}
        return reasons <= OF_CONTENT


def kept(out: Path, listed: Listed, max_figures: int) -> Parsed | None:
    """What an earlier build parsed from the same bytes in the same way; None if that is not there, or not whole."""
    try:
        data = _path(out, listed, max_figures).read_bytes()
        if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
            return None
        parsed = Parsed.model_validate_json(zlib.decompress(data[_DIGEST:]))
    except (OSError, zlib.error, ValidationError):
        return None
    return parsed if all((out / "documents" / one.id).is_file() for one in parsed.documents) else None


def keep(out: Path, listed: Listed, max_figures: int, parsed: Parsed) -> None:
    """Keeps what was parsed, if it would be the same again; it is there whole, or is parsed again next time.

    Raises:
        StorageError: It cannot be written.
    """
    if not parsed.lasting:
        return
    data = zlib.compress(parsed.model_dump_json().encode())
    write_whole(_path(out, listed, max_figures), hashlib.sha256(data).digest() + data)


def _path(out: Path, listed: Listed, max_figures: int) -> Path:
    key = content_hash([STAGE_VERSIONS["ingest"], listed.model_dump(), max_figures])
    return out / "work" / "ingest" / "parsed" / key[:2] / key
