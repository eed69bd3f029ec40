"""What an agent may call: search, read_page, read_pdf, view_image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.models import Document, content_hash
from taskcraft_core.tools.both_search import BothSearch
from taskcraft_core.tools.hit import Hit, Search
from taskcraft_core.tools.local_search import LocalSearch
from taskcraft_core.tools.reading import READERS, find, reading_tools
from taskcraft_core.tools.search import SEARCH, search_tool
from taskcraft_core.tools.toolbox import Parameter, Tool, Toolbox
from taskcraft_core.tools.web import Web
from taskcraft_core.tools.web_reading import WebPages

__all__ = [
    "READERS", "SEARCH", "BothSearch", "Hit", "LocalSearch", "Parameter", "Search", "Tool", "Toolbox", "Web",
    "WebPages", "local_toolbox", "reading_tools", "search_tool", "web_toolbox",
]  # fmt: skip


Picture = Callable[[Document], str | None]
"""An image document as a data URI; None for one that models cannot be shown."""


def local_toolbox(corpus: Corpus, search: Search | None = None, picture: Picture | None = None) -> Toolbox:
    """The tools over a corpus.

    Args:
        corpus: What is read, and what is searched by default.
        search: What to search with; give a `LocalSearch` that is there already to not build its index again.
        picture: Shows images to models that see.
    """
    tools = [search_tool(search or LocalSearch(corpus)), *reading_tools(corpus)]
    return Toolbox(tools, _pictures(corpus, picture), partial(_content, corpus, missing=""))


def web_toolbox(
    corpus: Corpus, web: Web, sandbox: Sandbox, search: Search | None = None, picture: Picture | None = None
) -> Toolbox:
    """The tools over the live web; what is in the corpus is still read from there.

    Args:
        corpus: Documents that need no fetching.
        web: What the live web needs; closing it closes the connections of these tools.
        sandbox: Where pages are parsed.
        search: What to search with, if not the corpus and then the service of the live web.
        picture: Shows images to models that see.

    Raises:
        ConfigError: The search service has no key.
    """
    pages = WebPages(web, sandbox)
    tools = [search_tool(search or SEARCH["tavily"](corpus, web)), *reading_tools(corpus, pages.open)]
    return Toolbox(tools, _pictures(corpus, picture, pages.image), partial(_content, corpus, missing=None), "tavily")


def _content(corpus: Corpus, uri: str, missing: str | None) -> str | None:
    """A hash of a document's bytes and title: a record is called otherwise without that its text has changed."""
    head = find(corpus, uri)
    return content_hash([head.id, head.title]) if head else missing


def _pictures(
    corpus: Corpus, picture: Picture | None, elsewhere: Callable[[str], Document | None] | None = None
) -> Callable[[str], str | None] | None:
    """The image behind a uri, as the tools find it: in the corpus, else elsewhere."""
    if picture is None:
        return None

    def shown(uri: str) -> str | None:
        head = find(corpus, uri)
        image = corpus.documents[head.id] if head else elsewhere(uri) if elsewhere else None
        return picture(image) if image and image.tool == "image" else None

    return shown
