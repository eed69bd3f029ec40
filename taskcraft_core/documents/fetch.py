"""Fetches URLs, within limits of time and size."""

from __future__ import annotations

import asyncio
import zlib
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NamedTuple

import httpx

from taskcraft_core.config import Settings
from taskcraft_core.documents.addresses import PublicTransport
from taskcraft_core.documents.media import type_of_header, type_of_name
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import MediaType, Reason

MAX_WEB_REDIRECTS = 5
_AT_ONCE = 8
_AGENT = "TaskCraft (+https://arxiv.org/abs/2506.10055)"
_BUSY = frozenset({408, 425, 429})
_ACCEPTED = {"Accept-Encoding": "gzip"}
_PLAIN, _GZIP = ("", "identity"), ("gzip", "x-gzip")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Fetched(NamedTuple):
    """A body, the media type that its server (or else its path) states, and the URL that gave it in the end."""

    data: bytes
    media_hint: MediaType | None
    url: str


class Outage(DocumentError):
    """A fetch that says nothing about the document: no connection, no answer in time, a server in trouble."""


def is_url(source: str) -> bool:
    """Whether a source is an http(s) address."""
    return source.lower().startswith(("http://", "https://"))


def client(settings: Settings) -> httpx.AsyncClient:
    """A client for many fetches of addresses that a user named; close it with `async with`."""
    return httpx.AsyncClient(
        timeout=settings.fetch_timeout,
        headers={"User-Agent": _AGENT},
        limits=httpx.Limits(max_connections=_AT_ONCE),
    )


def web_client(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client for addresses that nobody vouches for: public ones only, few redirects, no cookies.

    A proxy resolves names itself, so what it connects to cannot be checked: the proxy that the environment names is
    used only where private addresses are allowed.

    Args:
        settings: Time limit, and whether private addresses are allowed.
        transport: What makes the connections, if not the transport that these settings ask for.
    """
    if transport is None and not settings.web_allow_private:
        transport = PublicTransport()
    return httpx.AsyncClient(
        timeout=settings.fetch_timeout,
        headers={"User-Agent": _AGENT},
        max_redirects=MAX_WEB_REDIRECTS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        transport=transport,
    )


async def fetch(http: httpx.AsyncClient, url: str, settings: Settings) -> Fetched:
    """Fetches a URL; the client says how many redirects are followed.

    Raises:
        DocumentError: FETCH_FAILED or TOO_LARGE; an `Outage` where trying again later may help.
    """
    try:
        async with asyncio.timeout(settings.fetch_timeout):
            return await _follow(http, url, settings.fetch_max_mb)
    except (TimeoutError, httpx.TimeoutException):
        raise Outage(Reason.FETCH_FAILED, _failed(url, f"no full answer within {settings.fetch_timeout:g} s")) from None
    except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError) as error:
        raise Outage(Reason.FETCH_FAILED, _failed(url, _said(error))) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DocumentError(Reason.FETCH_FAILED, _failed(url, _said(error))) from None


async def _follow(http: httpx.AsyncClient, url: str, most_mb: int) -> Fetched:
    """The body behind a URL and its redirects, whose own bodies are not read: they could be of any size."""
    at = httpx.URL(url)
    for _ in range(http.max_redirects + 1):
        async with http.stream("GET", at, headers=_ACCEPTED, follow_redirects=False) as response:
            if response.next_request is None:
                return await _answer(response, url, most_mb)
            at = response.next_request.url
    raise DocumentError(Reason.FETCH_FAILED, _failed(url, f"it is redirected over {http.max_redirects} times"))


async def _answer(response: httpx.Response, url: str, most_mb: int) -> Fetched:
    if response.status_code != 200:
        busy = response.status_code >= 500 or response.status_code in _BUSY
        error = Outage if busy else DocumentError
        raise error(Reason.FETCH_FAILED, _failed(url, f"the server answered {response.status_code}"))
    body = await _body(response, url, most_mb)
    stated = type_of_header(response.headers.get("content-type", ""))
    return Fetched(body, stated or type_of_name(response.url.path), str(response.url))


async def _body(response: httpx.Response, url: str, most_mb: int) -> bytes:
    """The body, never more of it than the limit: a small compressed answer can be of any size.

    So it is decoded here: what the client decodes with, it lets run to the end of whatever it received at once.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in (*_PLAIN, *_GZIP):
        raise DocumentError(Reason.FETCH_FAILED, _failed(url, f"it is compressed as {encoding[:40]!r}, unasked"))
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding in _GZIP else None
    most = most_mb * 2**20
    body = bytearray()
    async for chunk in response.aiter_raw(65536):
        try:
            body += decoder.decompress(chunk, most + 1 - len(body)) if decoder else chunk
        except zlib.error:
            raise DocumentError(Reason.FETCH_FAILED, _failed(url, "it is not compressed as it says")) from None
        if len(body) > most:
            raise DocumentError(Reason.TOO_LARGE, f"{url}: the body is over {most_mb} MB; fetch and split it by hand.")
        if decoder and decoder.eof:  # what follows is not part of it, and would be kept by the decoder
            break
    if body and decoder and not decoder.eof:
        raise Outage(Reason.FETCH_FAILED, _failed(url, "its compressed body is cut off"))
    return bytes(body)


def _failed(url: str, why: str) -> str:
    return f"{url}: cannot be fetched: {why}."


def _said(error: Exception) -> str:
    return str(error).strip().rstrip(".")[:200] or type(error).__name__
