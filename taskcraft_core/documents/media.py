"""What kind of document bytes are: the bytes decide first, the name only where they leave it open."""

from __future__ import annotations

import re
from typing import Final

from taskcraft_core.errors import DocumentError
from taskcraft_core.models import MediaType, Reason

EXTENSIONS: Final[dict[str, MediaType]] = {
    "html": "text/html", "htm": "text/html", "xhtml": "text/html",
    "pdf": "application/pdf",
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
    "tif": "image/tiff", "tiff": "image/tiff", "bmp": "image/bmp",
    "md": "text/markdown", "markdown": "text/markdown",
    "txt": "text/plain", "text": "text/plain",
    "csv": "text/csv", "tsv": "text/tab-separated-values",
    "json": "application/json", "jsonl": "application/json", "ndjson": "application/json",
}  # fmt: skip

_ALIASES: Final[dict[str, MediaType]] = {
    "application/xhtml+xml": "text/html",
    "text/x-markdown": "text/markdown",
    "image/jpg": "image/jpeg",
    "application/csv": "text/csv",
    "application/x-ndjson": "application/json",
}
_MAGIC: Final[tuple[tuple[bytes, MediaType], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
_ARCHIVES: Final = (
    b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"BZh", b"\x7fELF", b"\xd0\xcf\x11\xe0",
)  # fmt: skip
# "*+" keeps what it took: without it, a row of comments can be divided in more ways than can be tried.
_HTML_START = re.compile(
    rb"(?:\s|\xef\xbb\xbf|<!--.*?-->|<\?xml[^>]*\?>)*+<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)


def type_of_name(name: str) -> MediaType | None:
    """The media type that the end of a file name promises, or None."""
    extension = re.split(r"[?#]", name)[0].rsplit("/", 1)[-1].rpartition(".")[2].lower()
    return EXTENSIONS.get(extension)


def type_of_header(content_type: str) -> MediaType | None:
    """The media type that an HTTP Content-Type header states, or None if it is none of ours."""
    name = content_type.split(";")[0].strip().lower()
    known = {*EXTENSIONS.values()}
    return _ALIASES.get(name) or next((kind for kind in known if kind == name), None)


def sniff(data: bytes) -> MediaType | None:
    """The media type that the first bytes prove, or None where they leave it open (most text does)."""
    if b"%PDF-" in data[:1024]:
        return "application/pdf"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "image/bmp"
    return "text/html" if _HTML_START.match(data[:4096]) else None


def media_type_of(data: bytes, uri: str, hint: MediaType | None) -> MediaType:
    """The media type of a document.

    Raises:
        DocumentError: EMPTY, TYPE_MISMATCH (the name promises a PDF or an image, the bytes are something else)
            or TYPE_UNKNOWN.
    """
    if not data.strip():
        raise DocumentError(Reason.EMPTY, f"{uri}: the document is empty.")
    proved = sniff(data)
    if hint and _family(hint) != "text" and (proved is None or _family(proved) != _family(hint)):
        found = f"but its bytes are {proved}" if proved else "but its bytes do not begin like one"
        raise DocumentError(Reason.TYPE_MISMATCH, f"{uri}: its name says {hint}, {found}; fetch it again.")
    kind = proved or hint
    if kind is None or (proved is None and data.startswith(_ARCHIVES)):
        raise DocumentError(Reason.TYPE_UNKNOWN, f"{uri}: there is no reader for this type of file.")
    return kind


def _family(kind: MediaType) -> str:
    if kind == "application/pdf":
        return "pdf"
    return "image" if kind.startswith("image/") else "text"
