"""What an agent may call: search, read_page, read_pdf, view_image."""

from __future__ import annotations

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.tools.hit import Hit, Search
from taskcraft_core.tools.local_search import LocalSearch
from taskcraft_core.tools.reading import READERS, reading_tools
from taskcraft_core.tools.search import SEARCH, search_tool
from taskcraft_core.tools.toolbox import Parameter, Tool, Toolbox
from taskcraft_core.tools.web import Web
from taskcraft_core.tools.web_reading import WebPages

__all__ = [
    "READERS", "SEARCH", "Hit", "LocalSearch", "Parameter", "Search", "Tool", "Toolbox", "Web", "WebPages",
    "local_toolbox", "reading_tools", "search_tool", "web_toolbox",
]  # fmt: skip


def local_toolbox(corpus: Corpus, search: Search | None = None) -> Toolbox:
    """The tools over a corpus.

    Args:
        corpus: What is read, and what is searched by default.
        search: What to search with; give a `LocalSearch` that is there already to not build its index again.
    """
    return Toolbox([search_tool(search or LocalSearch(corpus)), *reading_tools(corpus)])


def web_toolbox(corpus: Corpus, web: Web, sandbox: Sandbox, search: Search | None = None) -> Toolbox:
    """The tools over the live web; what is in the corpus is still read from there.

    Args:
        corpus: Documents that need no fetching.
        web: What the live web needs; closing it closes the connections of these tools.
        sandbox: Where pages are parsed.
        search: What to search with, if not with the service of the live web.

    Raises:
        ConfigError: The search service has no key.
    """
    engine = search or SEARCH["tavily"](corpus, web)
    return Toolbox([search_tool(engine), *reading_tools(corpus, WebPages(web, sandbox).open)])
