"""From rendered text back to a document: the inverse of `documents.render`, as far as the text tells.

What a prompt shows of a document is its text. The rules of the embedded engine read structure, so it is put
together again: tables, lists, boxes, definitions and figures have lines of their own form, and the rest is prose.
"""

from __future__ import annotations

import re
from functools import lru_cache

from taskcraft_core.models import Block, Box, Definitions, Document, Figure, Items, Lines, MediaType, Passage, Table

LANGUAGES = {"English": "en", "Chinese": "zh"}
_MEDIA: dict[str, MediaType] = {"page": "text/html", "PDF": "application/pdf", "image": "image/png"}
_FIGURE = re.compile(r"\[Figure: (?P<caption>.*)\]\((?P<href>[^()]*)\)")
_LONGEST_KEY = 80


@lru_cache(maxsize=512)
def unrender(text: str, title: str, language: str, medium: str) -> Document:
    """The document, or the part of one, that a text shows.

    Args:
        text: As `render` writes it, or a part of that.
        title: The document's title.
        language: "English" or "Chinese".
        medium: "page", "PDF" or "image".
    """
    blocks: list[Block] = []
    section = ""
    for chunk in text.split("\n\n"):
        lines = [line for line in chunk.split("\n") if line.strip()]
        if lines and lines[0].startswith("## "):
            section = lines.pop(0).removeprefix("## ")
        if lines and lines != [f"# {title}"]:
            blocks.append(_block(lines, f"b{len(blocks)}", section, title))
    return Document(
        id="0" * 64,
        uri="document",
        title=title,
        media_type=_MEDIA[medium],
        language=LANGUAGES[language],
        blocks=tuple(blocks),
    )


def _block(lines: list[str], place: str, section: str, title: str) -> Block:
    if all(line.startswith("- ") for line in lines):
        return Items(place=place, section=section, items=tuple(line.removeprefix("- ") for line in lines))
    if len(lines) == 1 and (figure := _FIGURE.fullmatch(lines[0])):
        return Figure(place=place, section=section, caption=figure["caption"], href=figure["href"])
    found = _table(lines, place, section) or _box(lines, place, section, title) or _definitions(lines, place, section)
    if found:
        return found
    if len(lines) == 1:
        return Passage(place=place, section=section, text=lines[0])
    return Lines(place=place, section=section, lines=tuple(lines))


def _table(lines: list[str], place: str, section: str) -> Table | None:
    caption, rows = ("", lines) if _is_row(lines[0]) else (lines[0], lines[1:])
    if len(rows) < 2 or not all(map(_is_row, rows)):
        return None
    header, *cells = [tuple(row[2:-2].split(" | ")) for row in rows]
    if any(len(row) != len(header) for row in cells):
        return None
    return Table(place=place, section=section, caption=caption, header=header, rows=tuple(cells))


def _is_row(line: str) -> bool:
    return line.startswith("| ") and line.endswith(" |")


def _box(lines: list[str], place: str, section: str, title: str) -> Box | None:
    # a chart's caption may have a colon, but then it begins with the title
    headed = len(lines) > 1 and (": " not in lines[0] or lines[0].startswith(title))
    caption, rest = (lines[0], lines[1:]) if headed else ("", lines)
    entries = [line.partition(": ") for line in rest]
    if not all(value and len(key) <= _LONGEST_KEY for key, _, value in entries):
        return None
    if len(entries) == 1 and not caption and not _is_label(*entries[0]):
        return None
    pairs = tuple((key, value) for key, _, value in entries)
    return Box(place=place, section=section, caption=caption, entries=pairs)


def _is_label(key: str, _: str, value: str) -> bool:
    """Whether a line of its own is an entry of a box, and no sentence with a colon in it."""
    return len(key.split()) <= 4 and len(value) <= 60 and not value.endswith((".", "。"))


def _definitions(lines: list[str], place: str, section: str) -> Definitions | None:
    entries = [line.partition(" — ") for line in lines]
    told = all(description and len(term.split()) <= 6 for term, _, description in entries)
    pairs = tuple((term, description) for term, _, description in entries)
    return Definitions(place=place, section=section, entries=pairs) if told else None
