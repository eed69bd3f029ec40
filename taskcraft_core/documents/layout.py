"""Structure from lines of text alone: `Label: value` lines, grids, captions. Shared by PDF, images and text."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LABEL = re.compile(r"^\s*([^\W\d_][^:：\n]{0,38}?)\s*[:：]\s*(\S.{0,118}?)\s*$")
_SENTENCE_END = re.compile(r"[.!?。]$")
_CAPTION = re.compile(r"^\s*(?:(?:figure|fig\.?|chart)\s*\d+|图\s*\d+)\s*[.:：、—–-]?\s*(.*)$", re.I)
_TABLE_CAPTION = re.compile(r"^\s*(?:table\s*\d+|表\s*\d+)\s*[.:：、—–-]\s*(.*)$", re.I)


def label_value(line: str) -> tuple[str, str] | None:
    """(label, value) of a `Label: value` line; None for anything else, a sentence with a colon included."""
    match = _LABEL.match(line)
    if not match or "://" in line or len(match.group(1).split()) > 5:
        return None
    label, value = match.groups()
    return None if _SENTENCE_END.search(value) and len(value.split()) > 6 else (label, value)


def label_values(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The pairs of two or more lines that all read `Label: value` with different labels, else ()."""
    pairs = [label_value(line) for line in lines if line.strip()]
    found = tuple(pair for pair in pairs if pair)
    return found if len(found) > 1 and len({k for k, _ in found}) == len(pairs) else ()


def figure_caption(line: str) -> str | None:
    """The line if it is the caption of a figure (`Figure 3: …`), else None."""
    match = _CAPTION.match(line)
    return line.strip() if match and match.group(1) and not match.group(1)[:1].islower() else None


def table_caption(line: str) -> str | None:
    """The line if it is the caption of a table (`Table 2. …`), else None."""
    match = _TABLE_CAPTION.match(line)
    return line.strip() if match and match.group(1) else None
