"""One server for all tests of the protocol, each of which sets how it behaves; and its brain, asked without HTTP."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from taskcraft_core.loopback.brain import think
from taskcraft_core.loopback.process import Loopback, start
from taskcraft_core.loopback.protocol import Reply
from taskcraft_core.loopback.request import read_request
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.llm.answers import ANSWERS

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


@pytest.fixture(scope="session")
def say() -> Callable[..., Reply]:
    """Asks the brain one of our prompts."""

    def say(name: str, values: dict[str, str], *more: dict[str, Any], two: bool = False, **fields: Any) -> Reply:
        system, user = prompt(name).instructions, prompt(name).render(values)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}, *more]
        request = read_request({"model": "m", "messages": messages} | fields)
        assert request.prompt == name
        return think(request, two)

    return say


@pytest.fixture(scope="session")
def answer(say: Callable[..., Reply]) -> Callable[..., dict[str, Any]]:
    """Asks for an answer in the form that the prompt wants."""

    def answer(name: str, **values: str) -> dict[str, Any]:
        content = say(name, values).content or ""
        ANSWERS[name].model_validate_json(content)
        return dict(json.loads(content))

    return answer
