"""Bytes to documents: picks the reader, checks what it found, names the language. Runs inside the sandbox."""

from __future__ import annotations

from typing import Final

from taskcraft_core.documents import READERS
from taskcraft_core.documents.draft import Draft, Embedded, Hints
from taskcraft_core.documents.language import language_of
from taskcraft_core.documents.media import media_type_of
from taskcraft_core.documents.render import render_block
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Document, MediaType, Reason

MAX_TEXT_BYTES: Final = 5_000_000
"""Sentences are looked at one by one, some seconds a megabyte."""


def parse_document(
    data: bytes,
    document_id: str,
    uri: str,
    media_hint: MediaType | None = None,
    title_hint: str = "",
    max_figures: int = 5,
) -> tuple[Document, list[Embedded]]:
    """Reads one document.

    Args:
        data: Its bytes.
        document_id: Their sha256.
        uri: What to call it in errors, and its title if it has none.
        media_hint: The type that its name or its server promises.
        title_hint: Its title, if the source gives one.
        max_figures: How many embedded figures to take out.

    Returns:
        The document, and the figures embedded in it, to be read as documents of their own.

    Raises:
        DocumentError: It cannot be used; nothing else is raised for bad bytes.
    """
    media_type = media_type_of(data, uri, media_hint)
    if len(data) > MAX_TEXT_BYTES and not media_type.startswith(("image/", "application/pdf")):
        raise DocumentError(Reason.TOO_LARGE, f"{uri}: the text is over {MAX_TEXT_BYTES // 10**6} MB; split it.")
    try:
        draft = READERS[media_type](data, uri, Hints(media_type, title_hint, max_figures))
        if not draft.has_content():
            raise DocumentError(Reason.NO_CONTENT, f"{uri}: nothing can be read in it.")
        return _document(draft, document_id, uri, media_type), draft.figures
    except (DocumentError, MemoryError):
        raise
    except RecursionError:
        raise DocumentError(Reason.TOO_DEEP, f"{uri}: it is nested too deeply to be read.") from None
    except Exception as error:  # a reader must not take the run down, whatever a library throws at odd bytes
        detail = f"{uri}: it cannot be parsed ({type(error).__name__})."
        raise DocumentError(Reason.PARSE_FAILED, detail) from error


def _document(draft: Draft, document_id: str, uri: str, media_type: MediaType) -> Document:
    beginning, size = [draft.title], 0
    for block in draft.blocks:
        if block.kind == "lines" and len(draft.blocks) > 3:
            continue
        beginning.append(render_block(block))
        size += len(beginning[-1])
        if size > 6000:
            break
    return Document(
        id=document_id,
        uri=uri,
        title=draft.title or uri,
        media_type=media_type,
        language=language_of("\n".join(beginning), draft.language),
        blocks=tuple(draft.blocks),
        links=tuple(draft.links),
    )
