"""Fetches URLs, within limits of time and size."""

from __future__ import annotations

import asyncio

import httpx

from taskcraft_core.config import Settings
from taskcraft_core.documents.media import type_of_header, type_of_name
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import MediaType, Reason

_AT_ONCE = 8
_AGENT = "TaskCraft (+https://arxiv.org/abs/2506.10055)"


def is_url(source: str) -> bool:
    """Whether a source is an http(s) address."""
    return source.lower().startswith(("http://", "https://"))


def client(settings: Settings) -> httpx.AsyncClient:
    """A client for many fetches; close it with `async with`."""
    return httpx.AsyncClient(
        timeout=settings.fetch_timeout,
        follow_redirects=True,
        headers={"User-Agent": _AGENT},
        limits=httpx.Limits(max_connections=_AT_ONCE),
    )


async def fetch(http: httpx.AsyncClient, url: str, settings: Settings) -> tuple[bytes, MediaType | None]:
    """The body of a URL and the media type that its server, or else its path, states.

    Raises:
        DocumentError: FETCH_FAILED or TOO_LARGE.
    """
    try:
        async with asyncio.timeout(settings.fetch_timeout), http.stream("GET", url) as response:
            if response.status_code != 200:
                raise _failed(url, f"the server answered {response.status_code}")
            body = await _body(response, url, settings.fetch_max_mb)
            return body, type_of_header(response.headers.get("content-type", "")) or type_of_name(response.url.path)
    except (TimeoutError, httpx.TimeoutException):
        raise _failed(url, f"no full answer within {settings.fetch_timeout:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(url, str(error).strip().rstrip(".") or type(error).__name__) from None


async def _body(response: httpx.Response, url: str, most_mb: int) -> bytes:
    """The body, read no further than the limit: a small compressed answer can be large."""
    body = bytearray()
    async for chunk in response.aiter_bytes(65536):
        body += chunk
        if len(body) > most_mb * 2**20:
            raise DocumentError(Reason.TOO_LARGE, f"{url}: the body is over {most_mb} MB; fetch and split it by hand.")
    return bytes(body)


def _failed(url: str, why: str) -> DocumentError:
    return DocumentError(Reason.FETCH_FAILED, f"{url}: cannot be fetched: {why}.")
