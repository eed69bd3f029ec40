"""Searching the live web: results, errors, the journal, the budget; over HTTP, at a server in Tavily's shape."""

import asyncio
import json
import logging
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing

import pytest
from aiohttp import web

from taskcraft_core.calls.purpose import working_on
from taskcraft_core.errors import (
    BudgetExceeded,
    ConfigError,
    ProviderRefused,
    ProviderUnavailable,
    ResponseError,
    TaskCraftError,
)
from taskcraft_core.loopback.process import start
from taskcraft_core.tools import Hit
from taskcraft_core.tools.web_search import TavilySearch

KEY = "tvly-planted-5417"


def found(*results: object) -> Callable[[], web.Response]:
    return lambda: web.json_response({"query": "q", "results": list(results)})


def result(url: str, title: str = "T", content: str = "words") -> dict[str, object]:
    return {"url": url, "title": title, "content": content, "score": 0.5}


def status(code: int, body: str = f"the key {KEY} is wrong") -> Callable[[], web.Response]:
    return lambda: web.json_response({"detail": {"error": body}}, status=code)


async def test_results_become_hits_in_the_order_of_the_service(site, open_web):
    site.put(
        "/search",
        found(
            result("https://b.example/report.pdf?x=1", "A\n report ", "Two\nlines\tof   text. " + "word " * 100),
            result("https://a.example/", ""),
            result("https://b.example/report.pdf?x=1", "the same again"),
            result("ftp://a.example/"),
            "no result",
            result("https://c.example/chart.PNG", "x" * 999),
            *(result(f"https://d.example/{n}") for n in range(9)),
        ),
    )
    hits = await TavilySearch(await open_web(base=site.address)).search("  two \n words ")
    assert [hit.uri for hit in hits] == [
        "https://b.example/report.pdf?x=1", "https://a.example/", "https://c.example/chart.PNG",
        "https://d.example/0", "https://d.example/1",
    ]  # fmt: skip
    assert hits[0].title == "A report"
    assert hits[0].snippet.startswith("Two lines of text. word word")
    assert all(len(hit.snippet) <= 200 and "\n" not in hit.snippet and len(hit.title) <= 200 for hit in hits)
    assert hits[1] == Hit("https://a.example/", "https://a.example/", "text/html", 1, 1, "words")
    assert [hit.media_type for hit in hits[:3]] == ["application/pdf", "text/html", "image/png"]
    headers, body = site.requests[0]
    assert json.loads(body)["query"] == "two words"
    assert json.loads(body)["max_results"] == 5
    assert headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (status(400), ResponseError),
        (status(401), ProviderRefused),
        (status(403), ProviderRefused),
        (status(404), ProviderRefused),
        (status(432), ProviderRefused),
        (status(433), ProviderRefused),
        (status(429), ProviderUnavailable),
        (status(500), ProviderUnavailable),
        (status(503), ProviderUnavailable),
        (status(204), ResponseError),
        (lambda: web.Response(status=302, headers={"Location": f"http://127.0.0.1:1/{KEY}"}), ProviderRefused),
        (lambda: web.Response(text=f"not JSON {KEY}"), ResponseError),
        (lambda: web.Response(text="[" * 100_000), ResponseError),
        (lambda: web.Response(body=b"\xff\xfe\xff"), ResponseError),
        (lambda: web.json_response([KEY]), ResponseError),
        (lambda: web.json_response({"results": None}), ResponseError),
    ],
)
async def test_whatever_the_service_answers_is_one_of_our_errors_without_the_key(site, open_web, answer, kind):
    site.put("/search", answer, found(result("https://a.example/")))
    search = TavilySearch(await open_web(base=site.address))
    with pytest.raises(kind) as caught:
        await search.search("moons")
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value).endswith(".") and str(caught.value).count(". ") == 0
    # nothing of it is remembered: the same search is answered when the service answers
    assert len(await search.search("moons")) == 1


async def test_a_service_that_is_not_there_or_does_not_answer_is_unavailable(site, open_web):
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await TavilySearch(await open_web(base="http://127.0.0.1:1")).search("moons")
    site.put("/search", lambda: asyncio.Event().wait())
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await TavilySearch(await open_web(base=site.address, fetch_timeout=0.1)).search("moons")


async def test_a_search_that_fails_on_the_way_is_made_again_and_a_refusal_is_not(site, open_web):
    site.put("/search", status(429), status(500), found(result("https://a.example/")))
    search = TavilySearch(await open_web(base=site.address, call_attempts=3), pause=0)
    assert len(await search.search("moons")) == 1
    assert site.asked["/search"] == 3
    site.put("/search", status(401))
    with pytest.raises(ProviderRefused):
        await search.search("other moons")
    assert site.asked["/search"] == 4


async def test_the_same_search_is_made_once_and_not_again_after_a_restart(site, open_web):
    site.put("/search", found(result("https://a.example/")), found(result("https://changed.example/")))
    search = TavilySearch(await open_web(base=site.address))
    with working_on("verify", "Which moon?"):
        first, second = await asyncio.gather(search.search("moons of Uranus"), search.search(" moons of\nUranus"))
    assert first == second == await search.search("moons of Uranus")
    again = await open_web(base=site.address)
    assert await TavilySearch(again).search("moons of Uranus") == first
    assert site.asked["/search"] == 1
    [line] = await again.journal.costs()
    assert (line.stage, line.role, line.kind, line.calls, line.unpriced) == ("verify", "search", "search", 1, 0)
    assert (await again.journal.spent()).usd == pytest.approx(0.008)


async def test_a_query_that_says_nothing_costs_nothing_and_a_long_one_is_cut(site, open_web):
    site.put("/search", found())
    search = TavilySearch(await open_web(base=site.address))
    assert await search.search(" \n ") == []
    assert not site.asked
    assert await search.search("moon \ud800" * 500) == []
    assert len(json.loads(site.requests[0][1])["query"]) <= 400


async def test_searches_are_held_by_the_budget_and_a_failed_one_gives_its_place_back(site, open_web):
    site.put("/search", status(500), found(result("https://a.example/")))
    search = TavilySearch(await open_web(base=site.address, max_calls=1))
    with pytest.raises(ProviderUnavailable):
        await search.search("one")
    await search.search("one")
    with pytest.raises(BudgetExceeded):
        await search.search("two")
    assert await search.search("one")
    assert site.asked["/search"] == 2
    with pytest.raises(BudgetExceeded, match="--max-usd"):
        await TavilySearch(await open_web(base=site.address, max_usd=0.009)).search("three")


async def test_a_search_that_is_paid_for_is_kept_when_the_tool_call_beside_it_fails(site, open_web):
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slow():
        asked.set()
        await answered.wait()
        return found(result("https://a.example/"))()

    site.put("/search", slow)
    used = await open_web(base=site.address, max_calls=1)
    search = TavilySearch(used)

    async def too_many():
        await asked.wait()
        await search.search("two")

    with pytest.raises(ExceptionGroup) as failed:
        async with asyncio.TaskGroup() as calls:
            one = calls.create_task(search.search("one"))
            calls.create_task(too_many())
    assert one.cancelled() and failed.group_contains(BudgetExceeded)
    answered.set()
    await used.close()
    again = await open_web(base=site.address, max_calls=1)
    assert [hit.uri for hit in await TavilySearch(again).search("one")] == ["https://a.example/"]
    assert site.asked["/search"] == 1 and again.budget.spent.calls == 1


async def test_after_an_answer_that_could_not_be_kept_no_other_search_is_paid_for(site, open_web, tmp_path):
    site.put("/search", found(result("https://a.example/")))
    used = await open_web(base=site.address)
    search = TavilySearch(used)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as journal:
        journal.execute("CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(FAIL, 'no room'); END")
    told = await asyncio.gather(*(search.search(f"{n} moons") for n in range(40)), return_exceptions=True)
    assert all(isinstance(one, ConfigError) and "no room" in str(one) for one in told)
    assert site.asked["/search"] <= 8 and used.budget.spent.calls == 0


@pytest.mark.parametrize("key", ["", "  ", "tvly-\nplanted", "tvly-plänted"])
async def test_a_key_that_cannot_be_one_is_a_sentence_that_says_what_to_set(open_web, key):
    with pytest.raises(ConfigError, match="TAVILY_API_KEY") as caught:
        TavilySearch(await open_web(key=key))
    assert not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize("base", ["", "tavily", "ftp://a.example", "http://[", "http://a.example:99999999"])
async def test_an_address_of_the_service_that_is_none(open_web, base):
    with pytest.raises((ConfigError, ProviderUnavailable), match="TAVILY_BASE_URL|cannot be reached"):
        await TavilySearch(await open_web(base=base)).search("moons")


async def test_the_key_is_in_no_log_and_not_in_the_journal(site, open_web, tmp_path, caplog):
    site.put("/search", status(429), found(result("https://a.example/")))
    with caplog.at_level(logging.DEBUG):
        used = await open_web(base=site.address, call_attempts=2)
        await TavilySearch(used, pause=0).search("moons")
        await used.journal.close()
    assert KEY not in caplog.text
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


async def test_it_works_with_the_loopback_server(open_web):
    with start(tavily_key=KEY) as server:
        hits = await TavilySearch(await open_web(base=server.address)).search("Gannet Rock Light")
        assert hits[0].title == "Gannet Rock Light"
        with pytest.raises(ProviderRefused, match="TAVILY_API_KEY"):
            await TavilySearch(await open_web(key="another", base=server.address)).search("Selby ferry")
    assert issubclass(ProviderRefused, TaskCraftError)
