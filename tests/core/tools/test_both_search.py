"""Searching the build's own documents and the web together."""

import json

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.corpus import Corpus
from taskcraft_core.models import Document, Passage
from taskcraft_core.tools import BothSearch, Hit, web_toolbox


def hit(uri, title="T"):
    return Hit(title, uri, "text/html", 1, 1, "words")


class Finds:
    def __init__(self, *hits):
        self._hits = hits

    async def search(self, query):
        return list(self._hits)


OWN = [hit(f"own/{n}.html", f"Moon {n}") for n in range(5)]
WEB = [hit(f"https://a.example/{n}", f"Moon {n}") for n in range(5)]


@pytest.mark.parametrize(
    ("own", "others", "found"),
    [
        (OWN, WEB, [*OWN[:2], *WEB[:3]]),
        (OWN, [], OWN),
        (OWN, WEB[:1], [*OWN[:2], WEB[0], *OWN[2:4]]),
        (OWN[:1], WEB, [OWN[0], *WEB[:4]]),
        ([], WEB, WEB),
        ([], [], []),
        ([hit("own/io.html", "Io"), *OWN], WEB, [hit("own/io.html", "Io"), *WEB[:4]]),
        ([hit("own/io.html", "Io"), *OWN], [], [hit("own/io.html", "Io"), *OWN[:4]]),
    ],
)
async def test_two_of_the_own_documents_come_first_or_those_of_that_title(own, others, found):
    assert await BothSearch(Finds(*own), Finds(*others)).search(' "IO" ') == found


@pytest.mark.parametrize(
    "uri",
    [
        "https://a.example/moon%20s/io", "http://a.example/moon s/io/", "https://A.example:443/moon%20s/io#orbit",
        "http://a.example:80/moon%20s/io",
    ],
)  # fmt: skip
async def test_a_page_that_both_find_is_the_own_document(uri):
    own = hit("https://a.example/moon%20s/io", "Own")
    found = await BothSearch(Finds(*OWN[:2], own), Finds(WEB[0], hit(uri, "Theirs"), WEB[1])).search("io")
    assert found == [*OWN[:2], WEB[0], own, WEB[1]]


@pytest.mark.parametrize(
    "uri", ["https://a.example/io?x=1", "https://b.example/io", "https://a.example/io/x", "http://["]
)
async def test_other_pages_are_others(uri):
    own = hit("https://a.example/io")
    assert await BothSearch(Finds(own), Finds(hit(uri))).search("io") == [own, hit(uri)]


uris = st.sampled_from(["a/io.html", "b.html", "b.html#3f", *(f"http://a.example{p}" for p in ("", "/", "/b", "/b#c"))])
hits = st.lists(
    st.builds(hit, uris, st.sampled_from(["Io", "io ", "Titan"])), max_size=5, unique_by=lambda one: one.uri
)


@given(hits, hits)
async def test_each_document_comes_once_and_no_place_is_left_empty(own, others):
    both = BothSearch(Finds(*own), Finds(*others))
    found = await both.search("Io")
    assert found == await both.search("Io")
    assert len({one.uri for one in found}) == len(found) <= 5
    assert all(one in own or one in others for one in found)
    assert found[: min(1, len(own))] == sorted(own, key=lambda one: one.title == "Titan")[:1]
    assert len(found) >= min(5, len(own))


async def test_the_search_called_tavily_finds_documents_of_the_build_that_no_service_knows(site, open_web, sandbox):
    pages = [{"url": f"https://a.example/{n}", "title": f"Page {n}", "content": "moons"} for n in range(5)]
    site.put("/search", lambda: web.json_response({"query": "q", "results": pages}))
    io = Document(
        id="1" * 64, uri="m/io.html", title="Io", media_type="text/html", language="en",
        blocks=(Passage(place="b0", text="Io is a moon of Jupiter."),),
    )  # fmt: skip
    tools = web_toolbox(Corpus([io]), await open_web(base=site.address), sandbox)
    found = json.loads(await tools.call("search", {"query": "moon of Jupiter"}))
    assert [one["uri"] for one in found] == ["m/io.html", *(page["url"] for page in pages[:4])]
    assert "moon of Jupiter" in await tools.call("read_page", {"uri": found[0]["uri"]})
