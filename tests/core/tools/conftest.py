"""A site on loopback, and the live web as the tools see it, with a journal on disk."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from taskcraft_core.calls.budget import Budget, Caps
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.once import Once
from taskcraft_core.config import Settings
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.tools import Web

Answer = web.StreamResponse | Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """Answers by path, the last one again and again; counts what it was asked."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: Counter[str] = Counter()
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self._answers: dict[str, list[Callable[[], Any]]] = {}

    def put(self, path: str, *answers: Callable[[], Any]) -> str:
        """What a path answers, first to last; returns its address."""
        self._answers[path] = list(answers)
        return self.address + path

    def page(self, path: str, html: str) -> str:
        return self.put(path, lambda: web.Response(text=html, content_type="text/html"))

    def file(self, path: str, data: bytes, media_type: str) -> str:
        return self.put(path, lambda: web.Response(body=data, content_type=media_type))

    def redirect(self, path: str, to: str) -> str:
        return self.put(path, lambda: web.Response(status=302, headers={"Location": to}))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path] += 1
        self.requests.append((dict(request.headers), await request.read()))
        answers = self._answers.get(request.path, [lambda: web.Response(status=404)])
        made = (answers.pop(0) if len(answers) > 1 else answers[0])()
        return await made if isinstance(made, Awaitable) and not isinstance(made, web.Response) else made


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


OpenWeb = Callable[..., Awaitable[Web]]


@pytest.fixture
async def open_web(tmp_path: Path) -> AsyncIterator[OpenWeb]:
    """Opens the web with settings; what was open is closed, so that the next one finds what is on disk."""
    opened: list[Web] = []

    async def close() -> None:
        while opened:
            one = opened.pop()
            await one.close()
            await one.journal.close()

    async def open_web(key: str = "tvly-planted-5417", base: str | None = None, **settings: Any) -> Web:
        await close()
        secrets = {"tavily_api_key": SecretStr(key), "tavily_base_url": base}
        chosen = Settings(**{"web_allow_private": True, "call_attempts": 1, **settings}).model_copy(update=secrets)
        journal = await open_journal(tmp_path, None)
        caps = Caps(usd=chosen.max_usd, tokens=chosen.max_tokens, calls=chosen.max_calls)
        budget = Budget(caps, await journal.spent())
        opened.append(Web(chosen, journal, Once(journal), budget, tmp_path / "documents"))
        return opened[0]

    yield open_web
    await close()


@pytest.fixture(scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(Settings(parse_workers=1)) as sandbox:
        yield sandbox
