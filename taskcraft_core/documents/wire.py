"""What is said between the sandbox and its workers: frames of JSON, each with its length in front."""

from __future__ import annotations

import struct
from typing import Final

from taskcraft_core.models import Document, MediaType, Reason, Record

_HEAD: Final = struct.Struct(">Q")
HEAD_BYTES: Final = _HEAD.size


class Request(Record):
    """A document to parse; `path` holds its bytes."""

    path: str
    document_id: str
    uri: str
    media_hint: MediaType | None = None
    title_hint: str = ""
    max_figures: int = 5


class EmbeddedFigure(Record):
    """A figure that the worker took out and stored beside the document."""

    id: str
    uri: str


class Reply(Record):
    """The document, or why there is none; a worker that is not `reusable` (it ran out of memory) is replaced.

    `not_stored` says why its figures could not be written: that is no fault of the document.
    """

    document: Document | None = None
    embedded: tuple[EmbeddedFigure, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    not_stored: str = ""
    reusable: bool = True


def frame(payload: bytes) -> bytes:
    """A payload with its length in front."""
    return _HEAD.pack(len(payload)) + payload


def frame_length(head: bytes) -> int:
    """How long the payload after a head is."""
    return int(_HEAD.unpack(head)[0])
