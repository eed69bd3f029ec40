"""What an agent may call: search, read_page, read_pdf, view_image."""

from __future__ import annotations

from taskcraft_core.corpus import Corpus
from taskcraft_core.tools.hit import Hit, Search
from taskcraft_core.tools.local_search import LocalSearch
from taskcraft_core.tools.reading import READERS, reading_tools
from taskcraft_core.tools.search import SEARCH, search_tool
from taskcraft_core.tools.toolbox import Parameter, Tool, Toolbox

__all__ = [
    "READERS", "SEARCH", "Hit", "LocalSearch", "Parameter", "Search", "Tool", "Toolbox", "local_toolbox",
    "reading_tools", "search_tool",
]  # fmt: skip


def local_toolbox(corpus: Corpus, search: Search | None = None) -> Toolbox:
    """The tools over a corpus.

    Args:
        corpus: What is read, and what is searched by default.
        search: What to search with; give a `LocalSearch` that is there already to not build its index again.
    """
    return Toolbox([search_tool(search or LocalSearch(corpus)), *reading_tools(corpus)])
