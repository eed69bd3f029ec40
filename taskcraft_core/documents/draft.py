"""What a reader fills in while it reads: blocks with their places, links, and figures found inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from taskcraft_core.documents.hygiene import fold
from taskcraft_core.models import Block, Figure, Items, Lines, Link, MediaType, Passage


@dataclass(frozen=True)
class Hints:
    """What is known about a document before its bytes are read.

    Attributes:
        media_type: The type that the bytes were found to have.
        title: A title given by the source (a `title` column), or "".
        max_figures: How many embedded figures may be taken out.
    """

    media_type: MediaType
    title: str = ""
    max_figures: int = 5


@dataclass(frozen=True)
class Embedded:
    """A figure that stood inside a document: PNG bytes to become a document of their own."""

    id: str
    uri: str
    caption: str
    png: bytes


@dataclass
class Draft:
    """A document in the making. `page` is set by readers of paged documents only."""

    title: str = ""
    language: str = ""
    blocks: list[Block] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    figures: list[Embedded] = field(default_factory=list)
    section: str = ""
    page: int | None = None

    @property
    def place(self) -> str:
        """The place of the next block: block numbers go on across pages, so every place is unique."""
        return f"p{self.page}.b{len(self.blocks)}" if self.page else f"b{len(self.blocks)}"

    def add(self, kind: Callable[..., Block], **fields: Any) -> str:
        """Appends a block of a kind at the next place, in the current section; returns its place."""
        place = self.place
        self.blocks.append(kind(place=place, section=self.section, **fields))
        return place

    def passage(self, text: str) -> str | None:
        """Appends a paragraph, unless it is empty."""
        folded = fold(text)
        return self.add(Passage, text=folded) if folded else None

    def lines(self, lines: Iterable[str]) -> str | None:
        """Appends loose lines, leaving out empty ones."""
        kept = tuple(line for line in lines if line.strip())
        return self.add(Lines, lines=kept) if kept else None

    def items(self, items: Iterable[str]) -> str | None:
        """Appends a list, leaving out empty items."""
        kept = tuple(item for item in map(fold, items) if item)
        return self.add(Items, items=kept) if kept else None

    def link(self, place: str, text: str, href: str) -> None:
        """Notes a link as written; links inside the page and links that run code lead nowhere."""
        text, href = fold(text), href.strip()
        if text and href and not href.lower().startswith(("#", "javascript:", "mailto:", "data:", "tel:")):
            self.links.append(Link(place=place, text=text, href=href))

    def has_content(self) -> bool:
        """Whether anything can be read in it."""
        return any(not isinstance(b, Figure) or b.caption or b.document_id for b in self.blocks)
