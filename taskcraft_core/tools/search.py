"""The search tool, and what it can search with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

from taskcraft_core.corpus import Corpus
from taskcraft_core.errors import ConfigError, ResponseError
from taskcraft_core.models import Reason
from taskcraft_core.tools.both_search import BothSearch
from taskcraft_core.tools.hit import Search
from taskcraft_core.tools.local_search import LocalSearch
from taskcraft_core.tools.toolbox import Parameter, Tool
from taskcraft_core.tools.web import Web


def _local(corpus: Corpus, web: Web | None = None) -> Search:
    return LocalSearch(corpus)


def _tavily(corpus: Corpus, web: Web | None = None) -> Search:
    from taskcraft_core.tools.web_search import TavilySearch  # the vendor's package takes 0.1 s to import

    if web is None:
        raise ConfigError("Searching with tavily needs the live web, which this search was not given.")
    return BothSearch(LocalSearch(corpus), TavilySearch(web))


SEARCH: Mapping[str, Callable[[Corpus, Web | None], Search]] = {
    "local": _local,
    "tavily": _tavily,
}
"""Every search there is, by the name that `BuildConfig.search` gives it: over a corpus, or the live web besides."""


def search_tool(engine: Search) -> Tool:
    """The tool `search`: its observation is a JSON list of hits, empty if nothing fits."""

    async def search(query: str) -> str:
        if not query.strip():
            return "Error: the query is empty; search for a few words of what you look for."
        try:
            hits = [asdict(hit) for hit in await engine.search(query)]
        except ResponseError as error:
            if error.reason != Reason.CALL_FAILED:
                raise
            return f"Error: {error.detail}"  # the service does not take this query, and may well take another
        return json.dumps(hits, ensure_ascii=False)

    return Tool(
        name="search",
        description=(
            "Finds documents. Returns at most five as a JSON list, best first, each with its title, uri, "
            "media_type, the part that fits best and how many parts it has, and a snippet of that part."
        ),
        parameters={"query": Parameter("string", "A few words of what is looked for.")},
        run=search,
    )
