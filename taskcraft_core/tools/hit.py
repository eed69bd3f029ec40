"""What a search finds, and what can be searched with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Hit:
    """A document that a search found, by its best part.

    Attributes:
        part: The part (from 1) that fits best.
        parts: How many parts the document has.
        snippet: The words of that part that fit best, at most 200 characters.
    """

    title: str
    uri: str
    media_type: str
    part: int
    parts: int
    snippet: str


class Search(Protocol):
    """Finds documents."""

    async def search(self, query: str) -> list[Hit]:
        """At most five documents, best first; any text is a query, and one that says nothing finds nothing."""
