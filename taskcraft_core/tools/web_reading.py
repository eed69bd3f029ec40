"""Pages of the live web as documents: fetched with limits, parsed in the sandbox, remembered in the journal."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from functools import lru_cache

import httpx

from taskcraft_core.documents.fetch import Outage, fetch, web_client
from taskcraft_core.documents.files import well_formed
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.documents.sources import Listed
from taskcraft_core.documents.store import store
from taskcraft_core.errors import DocumentError
from taskcraft_core.fingerprint import STAGE_VERSIONS
from taskcraft_core.models import Document
from taskcraft_core.tools.web import Web

MAX_URL_CHARS = 2_000
_AT_ONCE = 8
_PAGES_KEPT = 32
_IMAGES_KEPT = 4_096


class WebPages:
    """Opens addresses of the live web; a page that was seen once is the same again, from the journal.

    Args:
        web: Settings and journal; closes the connections with it.
        sandbox: Where pages are parsed.
        client: What fetches, if not a client with the limits that the settings ask for.
        images_kept: How many opened images can be shown again; those that were shown last stay.
    """

    def __init__(
        self, web: Web, sandbox: Sandbox, client: httpx.AsyncClient | None = None, images_kept: int = _IMAGES_KEPT
    ) -> None:
        """Sets up the client; nothing is sent yet."""
        self._web = web
        self._sandbox = sandbox
        self._client = client or web_client(web.settings)
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._opened = lru_cache(maxsize=_PAGES_KEPT)(_opened)
        self._images: OrderedDict[str, Document] = OrderedDict()
        self._images_kept = images_kept
        web.closing.push_async_callback(self._client.aclose)

    async def open(self, uri: str, tool: str) -> Document | str:
        """The document at an address.

        Args:
            uri: An http(s) address, as a model or a page gives it.
            tool: The name of the tool that asks.

        Returns:
            The document, or an observation that says why there is none: what is wrong with a page is remembered
            like a page, an outage is not.
        """
        url = well_formed(uri.partition("#")[0])
        if len(url) > MAX_URL_CHARS:
            return (
                f"Error: the address is over {MAX_URL_CHARS} characters long; search, and use a uri from the results."
            )
        if "@" in url.split("/")[2]:
            return "Error: an address with a user name in it is not opened; leave the name out."
        try:
            found = await self._web.remembered(
                "page", "web", tool, (url, STAGE_VERSIONS["ingest"]), lambda: self._read(url)
            )
        except Outage as error:
            return f"Error: {error.detail}"
        opened = self._opened(found)
        if isinstance(opened, Document) and opened.tool == "image":
            self._remember(uri, opened)
        return opened

    def image(self, uri: str) -> Document | None:
        """The image at an address without its text, if it was opened before; its bytes are in the web's folder."""
        found = self._images.get(uri.strip())
        if found is not None:
            self._images.move_to_end(uri.strip())
        return found

    def _remember(self, uri: str, image: Document) -> None:
        self._images[uri] = image.model_copy(update={"blocks": (), "links": ()})
        self._images.move_to_end(uri)
        if len(self._images) > self._images_kept:
            self._images.popitem(last=False)

    async def _read(self, url: str) -> str:
        """The page as it is remembered: its document as JSON, or the error that it is."""
        async with self._gate:
            try:
                return json.dumps({"document": await self._document(url)}, ensure_ascii=False)
            except Outage:
                raise
            except DocumentError as error:
                return json.dumps({"error": f"Error: {error.detail}"}, ensure_ascii=False)

    async def _document(self, url: str) -> object:
        fetched = await fetch(self._client, url, self._web.settings)
        digest = store(fetched.data, self._web.folder)
        listed = Listed(uri=well_formed(fetched.url), id=digest, media_hint=fetched.media_hint)
        document, *_ = await self._sandbox.parse(listed, self._web.folder / digest, max_figures=0)
        return document.model_dump(mode="json")


def _opened(remembered: str) -> Document | str:
    found = json.loads(remembered)
    return Document.model_validate(found["document"]) if "document" in found else str(found["error"])
