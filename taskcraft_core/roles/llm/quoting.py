"""What a model quotes, found in the document: verbatim, or it is not there."""

from __future__ import annotations

import re
import unicodedata

from taskcraft_core.documents.render import block_lines, render_block
from taskcraft_core.models import Block, Document, Place

_GROUPS = ("-\u2212\u2010\u2011\u2013\u2014", "'\u2018\u2019", '"\u201c\u201d\u201e', "<\u2039")
_ALIKE = {character: f"[{re.escape(group)}]" for group in _GROUPS for character in group}
"""Characters that models write for one another, and the bracket that a fenced tag is shown with."""
LONGEST_CONTEXT = 3_000
"""Characters of a block that are shown around a quote."""


def verbatim(text: str, quote: str) -> str | None:
    """The passage of a text that a quote means: the same words, with the text's own white space, dashes and quotes.

    Args:
        text: Where it has to stand.
        quote: As a model wrote it down.

    Returns:
        A verbatim part of the text, or None.
    """
    quote = quote.strip()
    if not quote:
        return None
    if quote in text:
        return quote
    found = re.search(r"\s+".join(map(_pattern, quote.split())), text)
    return found[0] if found else None


def _pattern(word: str) -> str:
    return "".join(_ALIKE.get(character, re.escape(character)) for character in word)


def one_line(text: str) -> str:
    """What a model wrote, on one line and without characters that show nothing or turn text round."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in text).split())


def place_of(document: Document, quote: str) -> Place | None:
    """Where a verbatim quote stands: the row of a block that holds it, or the block; None if it is spread out."""
    for block in document.blocks:
        if quote in render_block(block):
            row = _row(block, quote)
            return f"{block.place}.r{row}" if row is not None else block.place
    return None


def _row(block: Block, quote: str) -> int | None:
    """The row, entry or item that holds the quote; passages and figures have none."""
    if block.kind in {"passage", "figure"}:
        return None
    header = 1 if block.kind == "table" else 0
    rows = block_lines(block)[header:]
    return next((index for index, line in enumerate(rows) if quote in line), None)


def block_of(document: Document, place: Place) -> Block:
    """The block of a place.

    Raises:
        StopIteration: There is none.
    """
    name = place.partition(".r")[0]
    return next(block for block in document.blocks if block.place == name)


def heading_of(block: Block) -> str:
    """What stands above a block's rows: its section, its caption, the header of a table."""
    section = f"## {block.section}" if block.section else ""
    header = block_lines(block)[0] if block.kind == "table" else ""
    return "\n".join(part for part in (section, getattr(block, "caption", ""), header) if part)


def context_of(document: Document, place: Place) -> str:
    """The block around a place as text, with its section and caption; of a long one its heading and what is near."""
    block = block_of(document, place)
    text = "\n".join(part for part in (f"## {block.section}" if block.section else "", render_block(block)) if part)
    if len(text) <= LONGEST_CONTEXT:
        return text
    rows = block_lines(block)[1 if block.kind == "table" else 0 :]
    row = int(place.partition(".r")[2] or 0)
    return "\n".join([heading_of(block), *rows[max(0, row - 3) : row + 4]])[:LONGEST_CONTEXT]
