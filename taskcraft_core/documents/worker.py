"""The process that parses: `python -m taskcraft_core.documents.worker MEMORY_MB`, started by the sandbox."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from taskcraft_core.documents import wire
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.documents.store import store
from taskcraft_core.errors import DocumentError, StorageError
from taskcraft_core.models import Reason

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Limits itself, then answers requests until its input closes."""
    _die_with_parent()
    limit = int(sys.argv[1]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, replies = _private_pipes()
    replies.write(wire.frame(b"ready"))
    replies.flush()
    while head := requests.read(wire.HEAD_BYTES):
        request = wire.Request.model_validate_json(requests.read(wire.frame_length(head)))
        reply = _answer(request)
        replies.write(wire.frame(reply.model_dump_json().encode()))
        replies.flush()
        if not reply.reusable:
            return


def _die_with_parent() -> None:
    """Linux ends this process with its parent; elsewhere the closed input does, after the document at hand."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the sandbox, out of reach of libraries that print."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0)
    os.dup2(quiet, 1)
    return requests, replies


def _answer(request: wire.Request) -> wire.Reply:
    """Parses one document and stores its figures beside it."""
    path = Path(request.path)
    try:
        document, figures = parse_document(
            path.read_bytes(), request.document_id, request.uri, request.media_hint, request.title_hint,
            request.max_figures,
        )  # fmt: skip
    except DocumentError as error:
        return wire.Reply(reason=error.reason, detail=error.detail)
    except MemoryError:
        detail = f"{request.uri}: parsing needs more memory than a parser may use; split it or scale it down."
        return wire.Reply(reason=Reason.TOO_LARGE, detail=detail, reusable=False)
    try:
        for figure in figures:
            store(figure.png, path.parent)
    except StorageError as error:
        return wire.Reply(not_stored=str(error))
    embedded = tuple(wire.EmbeddedFigure(id=figure.id, uri=figure.uri) for figure in figures)
    return wire.Reply(document=document, embedded=embedded)


if __name__ == "__main__":
    main()
