"""One server for all tests of the protocol; each test sets how it behaves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from taskcraft_core.loopback.process import Loopback, start

Ask = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture(scope="session")
def process() -> Iterator[Loopback]:
    with start(canned='{"answers": ["7", "8"]}') as running:
        yield running


@pytest.fixture
def server(process: Loopback) -> Loopback:
    process.control(defaults=True, reset=True)
    return process


@pytest.fixture
async def ask(server: Loopback) -> AsyncIterator[Ask]:
    """Sends one chat call; gives the status and the JSON that came, or raises what aiohttp raises."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:

        async def ask(case: str = "How many?", *more: dict[str, Any], **fields: Any) -> tuple[int, Any]:
            headers = fields.pop("headers", {})
            messages = [{"role": "system", "content": "Answer."}, {"role": "user", "content": case}, *more]
            body = {"model": "m", "messages": messages} | fields
            async with session.post(f"{server.base_url}/chat/completions", json=body, headers=headers) as response:
                return response.status, await response.json()

        yield ask
