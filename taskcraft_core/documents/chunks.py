"""A long document in parts: what a reading tool shows at a time, and what one search entry holds.

Parts are cut where a block ends, so a quote of a block stands whole in one part. Only a block that is itself
longer than a part is cut inside: between its lines, and a line only if it alone is too long for a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from taskcraft_core.documents.render import block_lines, render_block
from taskcraft_core.models import Block, Document, Place

PART_CHARS = 16_000
"""About how long a part is; a constant and no option, because quotes and trajectories depend on it."""

_STOPS = ".!?;。！？；"
_BREAK = re.compile(r"(?<=[.!?;。！？；])\s+|(?<=[。！？；])|\s+")


@dataclass(frozen=True)
class Part:
    """One part of a rendered document.

    Attributes:
        text: The text, a verbatim piece of `render(document)`.
        places: The places of the blocks in it; of a block that was cut, also the places of its rows here.
        cut: The places of the blocks that are not whole in this part.
    """

    text: str
    places: frozenset[Place]
    cut: frozenset[Place]

    def holds(self, place: Place) -> bool:
        """Whether something at `place` (a block, or a row of one) stands in this part."""
        block = place.partition(".r")[0]
        return place in self.places if block in self.cut and ".r" in place else block in self.places


@dataclass(frozen=True)
class _Piece:
    """Text that is not cut any further, and the separator that stands before it in the rendered document."""

    separator: str
    text: str
    block: Place | None = None
    row: Place | None = None
    cut: bool = False


def parts(document: Document) -> tuple[str, ...]:
    """The rendered document in parts of about `PART_CHARS` characters.

    Args:
        document: Any document; one without blocks still has one part, its title.

    Returns:
        At least one part. Joined, they are `render(document)` up to the white space between parts.
    """
    return tuple(part.text for part in split(document))


def split(document: Document, part_chars: int = PART_CHARS) -> tuple[Part, ...]:
    """The parts of a document together with the places that stand in each (see `parts`).

    Args:
        document: Any document.
        part_chars: About how long a part is. Only the second reading of a verification cuts otherwise.
    """
    found: list[Part] = []
    gathered: list[_Piece] = []
    size = 0
    for piece in _pieces(document, part_chars):
        size += len(piece.separator) + len(piece.text)
        if gathered and size > part_chars:
            found.append(_part(gathered))
            gathered, size = [], len(piece.text)
        gathered.append(piece)
    return (*found, _part(gathered))


def _part(pieces: list[_Piece]) -> Part:
    text = pieces[0].text + "".join(piece.separator + piece.text for piece in pieces[1:])
    places = [place for piece in pieces for place in (piece.block, piece.row) if place]
    cut = [piece.block for piece in pieces if piece.block and piece.cut]
    return Part(text, frozenset(places), frozenset(cut))


def _pieces(document: Document, part_chars: int) -> Iterator[_Piece]:
    """The pieces of a document in order; as in `render`, with a heading where the section changes."""
    yield _Piece("", f"# {document.title}")
    section = ""
    for block in document.blocks:
        text, heading = render_block(block), ""
        if block.section and block.section != section:
            section = block.section
            heading = f"## {section}"
        whole = "\n\n".join(piece for piece in (heading, text) if piece)
        if len(whole) > part_chars:
            yield from _cut(block, heading, part_chars)
        elif whole:
            yield _Piece("\n\n", whole, block.place)


def _cut(block: Block, heading: str, part_chars: int) -> Iterator[_Piece]:
    """The pieces of a block that is too long: one a line, each knowing the row that it shows."""
    lines = block_lines(block)
    above = [line for line in (heading, getattr(block, "caption", "")) if line and block.kind != "figure"]
    rows_from = len(above) + (block.kind == "table")
    for number, line in enumerate(above + lines):
        row = f"{block.place}.r{number - rows_from}" if number >= rows_from else None
        separator = "\n\n" if number == 0 or (heading and number == 1) else "\n"
        for text, before in _short(line, part_chars):
            yield _Piece(separator if before is None else before, text, block.place, row, cut=True)


def _short(line: str, part_chars: int) -> Iterator[tuple[str, str | None]]:
    """A line, cut behind a sentence or a word where it is too long: its texts, and what stood before each."""
    before = None
    while len(line) > part_chars:
        breaks = list(_BREAK.finditer(line, part_chars // 2, part_chars))
        sentences = [found for found in breaks if line[found.start() - 1] in _STOPS]
        end, start = (sentences or breaks)[-1].span() if breaks else (part_chars, part_chars)
        yield line[:end], before
        before, line = line[end:start], line[start:]
    yield line, before
