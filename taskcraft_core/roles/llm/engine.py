"""What the model roles of a process share: the client, the journal, the budget and the limits of all their calls."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import openai
from langchain_openai import ChatOpenAI

from taskcraft_core.calls.budget import Budget, Caps
from taskcraft_core.calls.journal import CallJournal, open_journal
from taskcraft_core.calls.once import Once, leaving
from taskcraft_core.calls.prices import Prices
from taskcraft_core.calls.shared_budget import SharedBudget
from taskcraft_core.calls.throttle import Throttle
from taskcraft_core.config import Settings
from taskcraft_core.errors import ConfigError
from taskcraft_core.models import Document
from taskcraft_core.roles.llm.endpoint import Endpoint, Modes, secrets_of
from taskcraft_core.roles.llm.preflight import preflight
from taskcraft_core.roles.llm.spec import endpoint_label, is_model, missing_key, parse_spec
from taskcraft_core.roles.llm.structured import RoleModel

SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
MOST_IMAGE_BYTES = 5_000_000
"""A larger image, or one of another type, is told to a model by its OCR text alone."""


class Engine:
    """Belongs to one output folder and one event loop; `open` makes it, `close` ends it.

    Attributes:
        journal: Where every answer is kept.
        once: Looks calls up there; counts what was found and what was made.
        budget: What calls may cost.
        throttle: How many may be in flight, and how many a minute.
        prices: What a token costs.
        settings: Addresses, keys and limits.
    """

    def __init__(self, settings: Settings, out: Path, journal: CallJournal, budget: Budget, prices: Prices) -> None:
        """Takes over an open journal; use `open`."""
        self.settings, self.journal, self.budget, self.prices = settings, journal, budget, prices
        self.once = Once(journal)
        share = settings.processes
        cap = max(1, settings.calls_at_once // share)
        self.throttle = Throttle(
            cap,
            min(settings.calls_at_start, cap),
            requests_per_minute=settings.requests_per_minute and settings.requests_per_minute / share,
            tokens_per_minute=settings.tokens_per_minute and settings.tokens_per_minute / share,
            patience=settings.outage_patience,
        )
        self._documents = out / "documents"
        self._modes: Modes = {}
        limits = httpx2.Limits(max_connections=cap, max_keepalive_connections=cap)
        self._http = openai.DefaultAioHttpClient(timeout=settings.call_timeout, limits=limits)

    @classmethod
    async def open(cls, settings: Settings, out: Path) -> Engine:
        """Opens the journal of an output folder, and counts what it has cost so far.

        Raises:
            ConfigError: The journal or the table of prices cannot be used.
        """
        prices = Prices.load(settings.prices)
        journal = await open_journal(out, settings.journal_address)
        caps = Caps(usd=settings.max_usd, tokens=settings.max_tokens, calls=settings.max_calls)
        spent = await journal.spent()
        # the turn that builds wait for is one of the output folder, and a database may be the journal of several
        alone = caps == Caps() or (settings.processes == 1 and settings.journal_address is None)
        budget = Budget(caps, spent) if alone else SharedBudget(caps, spent, journal, settings.processes)
        return cls(settings, out, journal, budget, prices)

    def model(self, role: str, spec: str, attempts: int | None = None) -> RoleModel:
        """The chat model of a role.

        Args:
            role: author, solver or judge.
            spec: `openai:<model>…`.
            attempts: How often a lost call is made, if not as set.

        Raises:
            ConfigError: The spec names no model, or there is no key.
        """
        parsed, key = parse_spec(spec), self.settings.openai_api_key
        if key is None or not key.get_secret_value().strip():
            raise ConfigError(missing_key(spec))
        settings = self.settings if attempts is None else self.settings.model_copy(update={"call_attempts": attempts})
        endpoint = Endpoint(
            self._client(parsed.model, key.get_secret_value()), endpoint_label(settings), settings,
            secrets_of(settings), self._modes, journal=self.journal, once=self.once, budget=self.budget,
            throttle=self.throttle, prices=self.prices,
        )  # fmt: skip
        return RoleModel(endpoint, role, parsed)

    def _client(self, model: str, key: str) -> openai.AsyncOpenAI:
        """The OpenAI client that a ChatOpenAI holds; retries and limits are ours, so its own are off."""
        settings = self.settings
        query = {name: value.get_secret_value() for name, value in settings.openai_query.items()}
        if settings.openai_api_version:
            query["api-version"] = settings.openai_api_version
        arguments: dict[str, Any] = {
            "model": model,
            "api_key": key,
            "base_url": settings.openai_base_url,
            "default_headers": {name: value.get_secret_value() for name, value in settings.openai_headers.items()},
            "default_query": query,
            "timeout": settings.call_timeout,
            "max_retries": 0,
            "http_async_client": self._http,
        }
        client: openai.AsyncOpenAI = ChatOpenAI(**arguments).root_async_client
        return client

    async def preflight(self, specs: Mapping[str, str]) -> None:
        """Makes one or two calls to every model, before a document is spent on it; kept like any other.

        Args:
            specs: By role.

        Raises:
            ConfigError: A key, model, parameter or context length does not do; says what to set.
            ProviderUnavailable: The endpoint cannot be reached.
        """
        # who judges only needs no tools, so a model is tried in the role that needs most
        unique = {specs[role]: role for role in ("judge", "author", "solver") if is_model(specs.get(role, ""))}
        for spec, role in unique.items():
            await preflight(self.model(role, spec, attempts=3))
        await self.budget.rest()  # the shards may be computed by other processes

    def picture(self, document: Document) -> str | None:
        """An image document as a data URI, if it is one that models take."""
        path = self._documents / document.id
        if document.media_type not in SHOWN_TYPES or not path.is_file() or path.stat().st_size > MOST_IMAGE_BYTES:
            return None
        return _data_uri(path, document.media_type)

    async def close(self) -> None:
        """Closes the client when calls under way have ended, and the journal after what it still has to write."""
        if leaving():
            self.throttle.stop()
        await self.once.settle()
        await self._http.aclose()
        await self.budget.close()
        await self.journal.close()


@lru_cache(maxsize=16)
def _data_uri(path: Path, media_type: str) -> str:
    """An agent shows the same image with every message; documents are named by their bytes, so they never change."""
    return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode()}"
