"""Search on the live web with Tavily."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import tavily
from tavily.errors import (
    BadRequestError,
    ForbiddenError,
    InvalidAPIKeyError,
    UsageLimitExceededError,
)
from tavily.errors import TimeoutError as TavilyTimeout

from taskcraft_core.documents.fetch import is_url
from taskcraft_core.documents.files import well_formed
from taskcraft_core.documents.media import type_of_name
from taskcraft_core.errors import ConfigError, ProviderRefused, ProviderUnavailable, ResponseError
from taskcraft_core.models import Reason
from taskcraft_core.tools.hit import Hit
from taskcraft_core.tools.snippet import SNIPPET_CHARS
from taskcraft_core.tools.web import Web

HITS = 5
MAX_QUERY_CHARS = 400
"""Tavily refuses longer queries."""

MAX_URL_CHARS = 1_500
_TITLE_CHARS = 200
_KEPT_CHARS = 2_000
_LONGEST_PAUSE = 30.0


class TavilySearch:
    """Searches the live web; what was found once is found again, from the journal.

    Args:
        web: Settings, journal and budget; closes the connections with it.
        pause: Seconds before a search that failed on the way is tried again; doubled each time.

    Raises:
        ConfigError: There is no key, or it cannot be one, or the address is none.
    """

    def __init__(self, web: Web, pause: float = 1.0) -> None:
        """Sets up the client; nothing is sent yet."""
        key = web.settings.tavily_api_key.get_secret_value().strip() if web.settings.tavily_api_key else ""
        if not key or not key.isascii() or not key.isprintable():
            raise ConfigError("Searching with tavily needs a key; set TAVILY_API_KEY to the one of your account.")
        self._web = web
        self._pause = pause
        self._client = _client(key, web.settings.tavily_base_url)
        web.closing.push_async_callback(self._client.close)

    async def search(self, query: str) -> list[Hit]:
        """At most five pages, best first, in the order of the service.

        Raises:
            ProviderUnavailable: The service cannot be reached, or allows no more searches for now.
            ProviderRefused: It does not accept the key or the account.
            ResponseError: It answers something else than results, or does not take the query.
            BudgetExceeded: A cap is reached.
            ConfigError: The journal cannot keep what is found.
        """
        asked = " ".join(query.encode("utf-8", "replace").decode().split())[:MAX_QUERY_CHARS]
        if not asked:
            return []
        found = await self._web.remembered(
            "search", "tavily", "search", (asked, HITS), lambda: self._patient(asked), self._web.search_usd
        )
        return [_hit(result) for result in json.loads(found)]

    async def _patient(self, query: str) -> str:
        """Asks again when asking failed on the way."""
        attempts = self._web.settings.call_attempts
        pause = self._pause
        for _ in range(attempts - 1):
            try:
                return await self._ask(query)
            except ProviderUnavailable:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        return await self._ask(query)

    async def _ask(self, query: str) -> str:
        """Asks once; the boundary at which the vendor's errors become ours. None of their texts are used."""
        try:
            answer = await self._client.search(query, max_results=HITS, timeout=self._web.settings.fetch_timeout)
        except (TavilyTimeout, httpx.TransportError):
            raise ProviderUnavailable("Tavily cannot be reached; check the network, or try again later.") from None
        except UsageLimitExceededError:
            raise ProviderUnavailable("Tavily allows no more searches for now; try again later.", 429) from None
        except InvalidAPIKeyError:
            raise ProviderRefused("Tavily does not accept the key; set TAVILY_API_KEY to a valid one.", 401) from None
        except ForbiddenError:
            raise ProviderRefused("Tavily refuses the account; check its plan and what is used of it.", 403) from None
        except BadRequestError:
            raise ResponseError(Reason.CALL_FAILED, f"Tavily does not take the query {query!r}.") from None
        except httpx.HTTPStatusError as error:
            raise _of_status(error.response.status_code) from None
        except (ValueError, TypeError, AttributeError, RecursionError):  # no JSON, no object, or another 2xx answer
            raise _no_results() from None
        return json.dumps(list(_results(answer)), ensure_ascii=False)


def _client(key: str, base: str | None) -> tavily.AsyncTavilyClient:
    try:
        if base is None or is_url(base):
            return tavily.AsyncTavilyClient(api_key=key, api_base_url=base)
    except (httpx.InvalidURL, ValueError):
        pass
    raise ConfigError("Tavily's address is none; set TASKCRAFT_TAVILY_BASE_URL to an http(s) address, or unset it.")


def _of_status(status: int) -> ProviderUnavailable | ProviderRefused:
    if status >= 500 or status == 408:
        return ProviderUnavailable(f"Tavily answered with an error ({status}); try again later.", status)
    return ProviderRefused(f"Tavily answered {status}; check TASKCRAFT_TAVILY_BASE_URL.", status)


def _no_results() -> ResponseError:
    return ResponseError(Reason.RESPONSE_INVALID, "Tavily answered something else than search results.")


def _results(answer: Any) -> Iterator[dict[str, str]]:
    """What is kept of an answer: its first results that lead somewhere, each address once.

    Raises:
        ResponseError: It is none.
    """
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise _no_results()
    seen: set[str] = set()
    for result in results:
        url = _text(result, "url").strip()
        if not is_url(url) or len(url) > MAX_URL_CHARS or url in seen:
            continue
        seen.add(url)
        yield {"title": _text(result, "title"), "url": well_formed(url), "content": _text(result, "content")}
        if len(seen) == HITS:
            return


def _text(result: Any, name: str) -> str:
    value = result.get(name) if isinstance(result, dict) else None
    return value[:_KEPT_CHARS].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _hit(result: dict[str, str]) -> Hit:
    url = result["url"]
    return Hit(
        title=_line(result["title"], _TITLE_CHARS) or url,
        uri=url,
        media_type=_media_type(url),
        part=1,
        parts=1,
        snippet=_line(result["content"], SNIPPET_CHARS),
    )


def _media_type(url: str) -> str:
    """What the end of an address promises; most pages promise nothing."""
    try:
        return type_of_name(urlsplit(url).path) or "text/html"
    except ValueError:
        return "text/html"


def _line(text: str, most: int) -> str:
    return " ".join(text.split())[:most].rstrip()
