"""One search over two: the build's own documents, which no search service knows, and the web's."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from taskcraft_core.corpus import folded
from taskcraft_core.tools.hit import Hit, Search
from taskcraft_core.tools.local_search import HITS, as_title

OWN_FIRST = 2
"""How many of the own documents come before those of the web."""


class BothSearch:
    """Asks two searches, and gives what they find in one order, which follows from what they find alone.

    First up to two own documents: those that have the query as their title, or else the best; then the others', and
    where these are fewer, more of the own ones. A document that both find is the own one, and comes once.

    Args:
        own: Searches the documents of the build.
        other: Searches elsewhere.
    """

    def __init__(self, own: Search, other: Search) -> None:
        """Takes the two searches as they are."""
        self._own = own
        self._other = other

    async def search(self, query: str) -> list[Hit]:
        """At most five documents, each once.

        Raises:
            Exception: What either search raises.
        """
        own = await self._own.search(query)
        others = await self._other.search(query)
        title = folded(as_title(query))
        titled = [hit for hit in own if folded(hit.title) == title]
        found = {hit.uri: hit for hit in (titled or own)[:OWN_FIRST]}
        known: dict[str, Hit] = {}
        for hit in own:
            known.setdefault(_address(hit.uri), hit)
        for hit in others:
            same = known.setdefault(_address(hit.uri), hit)
            found.setdefault(same.uri, same)
        for hit in own:
            found.setdefault(hit.uri, hit)
        return list(found.values())[:HITS]


def _address(uri: str) -> str:
    """A uri as it is compared: of a web address what says which page it is, without scheme and fragment."""
    try:
        parts = urlsplit(uri.strip())
    except ValueError:
        return uri
    if parts.scheme not in ("http", "https"):
        return uri
    host = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
    query = f"?{parts.query}" if parts.query else ""
    return f"//{host}{unquote(parts.path).rstrip('/')}{query}"
