"""The search in the shape of Tavily's, through Tavily's own client."""

import aiohttp
import pytest
from tavily import AsyncTavilyClient
from tavily.errors import ForbiddenError, InvalidAPIKeyError, TimeoutError, UsageLimitExceededError

from taskcraft_core.loopback.process import Loopback


def client(server: Loopback, key: str = "k") -> AsyncTavilyClient:
    return AsyncTavilyClient(api_key=key, api_base_url=server.address)


async def test_it_finds_pages_that_are_there(server: Loopback) -> None:
    async with client(server) as tavily, aiohttp.ClientSession() as session:
        answer = await tavily.search("Gannet Rock Light designed by", max_results=2)
        assert [hit["title"] for hit in answer["results"]][0] == "Gannet Rock Light"
        assert len(answer["results"]) == 2 and answer["query"].startswith("Gannet")
        async with session.get(answer["results"][0]["url"]) as response:
            assert "Ada Thornbury" in await response.text() and response.content_type == "text/html"
        assert (await tavily.search("zzz"))["results"] == []
    stats = server.stats()
    assert (stats["searches"], stats["pages"]) == (2, {"gannet-rock-light.html": 1})


async def test_other_pages_can_be_given(server: Loopback) -> None:
    server.control(
        pages={"a.html": "<html><head><title>甘尼特灯塔</title></head><body><p>灯塔高 41 米。</p></body></html>"}
    )
    async with client(server) as tavily:
        (hit,) = (await tavily.search("灯塔"))["results"]
    assert hit["title"] == "甘尼特灯塔" and hit["content"] == "灯塔高 41 米。" and hit["score"] > 0.5


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401", InvalidAPIKeyError), ("429", UsageLimitExceededError), ("432", ForbiddenError),
        ("433", ForbiddenError), ("500", Exception), ("hang", TimeoutError),
    ],
)  # fmt: skip
async def test_it_fails_on_command(server: Loopback, fault: str, error: type[Exception]) -> None:
    server.control(tavily_fault=fault, tavily_failures=1)
    async with client(server) as tavily:
        with pytest.raises(error):
            await tavily.search("lights", timeout=0.2)
        assert (await tavily.search("lights"))["results"]
    assert (server.stats()["searches"], server.stats()["searches_failed"]) == (2, 1)


async def test_a_key_that_is_set_is_asked_for(server: Loopback) -> None:
    server.control(tavily_key="right")
    async with client(server, "wrong") as tavily:
        with pytest.raises(InvalidAPIKeyError):
            await tavily.search("lights")
    async with client(server, "right") as tavily:
        assert (await tavily.search("lights"))["results"]
