"""Text hygiene: bytes to text, and text to the one form in which it is stored and quoted."""

from __future__ import annotations

import re
import unicodedata

from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Reason

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffe\uffff]")
_SPACES = re.compile(r"\s+")
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{2,30})""", re.I)


def clean(text: str) -> str:
    """NFC, without control, bidirectional and zero-width characters; spaces are left where they are."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "ignore").decode()
    return unicodedata.normalize("NFC", _CONTROL.sub("", text))


def fold(text: str) -> str:
    """One line: clean, every run of white space (non-breaking included) one plain space, none at the ends."""
    return _SPACES.sub(" ", clean(text)).strip()


def fold_code(line: str) -> str:
    """One line of preformatted text: its indentation stays, trailing space goes."""
    return clean(line).replace("\n", " ").expandtabs(4).replace("\u00a0", " ").rstrip()


def readable_name(uri: str) -> str:
    """A title made of the last part of a uri: `data/Rainfall_by-station.csv` gives `Rainfall by station`."""
    name = re.split(r"[?#]", uri.rstrip("/"))[0].rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0] if "." in name[1:] else name
    words = fold(re.sub(r"[_\-+]+|%20", " ", stem))
    return words[:1].upper() + words[1:] if words else fold(uri)


def decode(data: bytes, uri: str) -> str:
    """Bytes as text: UTF-8 or UTF-16 with a mark, UTF-8, the charset that the page declares, or a detected one.

    Raises:
        DocumentError: NOT_TEXT when the bytes are no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode_as(data, "utf-16", uri)
    if b"\x00" in data[:65536]:
        raise _not_text(uri)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    declared = _META_CHARSET.search(data[:4096])
    if declared:
        return _decode_as(data, declared.group(1).decode("ascii"), uri)
    return _detect(data, uri)


def _decode_as(data: bytes, charset: str, uri: str) -> str:
    try:
        return data.decode(charset, errors="replace")
    except (LookupError, UnicodeError):  # no charset of text ("hex"), or one that takes no replacement ("idna")
        return _detect(data, uri)


def _detect(data: bytes, uri: str) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:200_000], threshold=0.15).best()
    if best is None or not _looks_like_text(str(best)):
        raise _not_text(uri)
    return data.decode(best.encoding, errors="replace")


def _looks_like_text(text: str) -> bool:
    """Letters, digits and spaces make up most of a text; control characters make up almost none."""
    sample = text[:20_000]
    plain = sum(c.isalnum() or c.isspace() or c in ".,;:!?()-'\"/" for c in sample)
    control = sum(unicodedata.category(c) in ("Cc", "Cn", "Co") and not c.isspace() for c in sample)
    return plain >= 0.7 * len(sample) and control <= 0.01 * len(sample)


def _not_text(uri: str) -> DocumentError:
    return DocumentError(Reason.NOT_TEXT, f"{uri}: its bytes are no text; convert it or leave it out.")
