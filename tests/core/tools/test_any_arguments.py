"""What models make up as the arguments of a tool call: always an observation, and one that can be stored."""

import asyncio
import json

import pytest
from aiohttp import web
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.addresses import PublicTransport
from taskcraft_core.documents.fetch import web_client
from taskcraft_core.models import Document, Passage
from taskcraft_core.tools import Toolbox, WebPages, local_toolbox, reading_tools, search_tool
from taskcraft_core.tools.web_search import TavilySearch

IO = Document(
    id="1" * 64, uri="m/io.html", title="Io", media_type="text/html", language="en",
    blocks=(Passage(place="b0", text="Io is a moon of Jupiter."),),
)  # fmt: skip
CORPUS = Corpus([IO])
LOCAL = local_toolbox(CORPUS)
TOOLS = st.sampled_from([*LOCAL.names, "open", "caf\ud83d" * 99])
ANY = st.text(st.characters(codec=None, categories=None), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.integers(10**4400, 10**4401) | ANY
    | st.just("io \x00 moon") | st.builds(lambda text, n: text * n, ANY, st.integers(0, 900))
    | st.builds("http://{}".format, ANY) | st.sampled_from([IO.uri, "io", "http://a.example/caf\ud83d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
NAMES = st.sampled_from(["query", "uri", "part", "self", "config", "run_manager", "name", "arguments"]) | ANY
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=4) | st.fixed_dictionaries(
    {"uri": VALUES}, optional={"part": VALUES}
)


def storable(observation):
    assert isinstance(observation, str)
    assert len(observation.encode()) < 20_000
    assert "\x00" not in observation


@given(TOOLS, ARGUMENTS)
@example("search", {"query": "caf\ud83d"})
@example("read_page", {"uri": IO.uri, "part": 10**5000})
@example("read_page", {"uri": IO.uri, "part": -(10**4000)})
def test_any_arguments_give_an_observation_that_can_be_stored(name, arguments):
    storable(asyncio.run(LOCAL.call(name, arguments)))


@given(TOOLS, VALUES | ARGUMENTS, ANY)
def test_any_json_gives_an_observation_that_can_be_stored(name, value, rest):
    try:
        arguments = json.dumps(value)
    except ValueError:  # a number of which Python makes no text
        arguments = '{"part": ' + "9" * 5000 + "}"
    storable(asyncio.run(LOCAL.call_json(name, arguments)))
    storable(asyncio.run(LOCAL.call_json(name, arguments + rest)))
    storable(asyncio.run(LOCAL.call_json(name, "[" * 100_000)))


@pytest.fixture
async def live(site, open_web, sandbox):
    """The tools of a web in which no host is found, and whose search finds nothing."""

    async def resolve(host, port):
        return []

    site.put("/search", lambda: web.json_response({"query": "q", "results": []}))
    used = await open_web(base=site.address)
    pages = WebPages(used, sandbox, web_client(used.settings, PublicTransport(resolve)))
    return Toolbox([search_tool(TavilySearch(used)), *reading_tools(CORPUS, pages.open)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=TOOLS, arguments=ARGUMENTS)
@example(name="read_page", arguments={"uri": "http://a.example/caf\ud83d\x00", "part": 10**5000})
@example(name="read_page", arguments={"uri": "http://a.example/caf\ud83d\x00"})
@example(name="search", arguments={"query": "caf\ud83d \x00"})
async def test_any_arguments_give_an_observation_of_the_live_web(live, name, arguments):
    storable(await live.call(name, arguments))


@pytest.mark.parametrize("name", ["self", "config", "run_manager", "tools", "x" * 9_999])
async def test_arguments_that_no_tool_has(name):
    observation = await LOCAL.call("search", {"query": "io", name: "x"})
    assert observation == f"Error: search has no argument {name[:60]!r}; it takes query (string)."


@pytest.mark.parametrize(("tool", "argument"), [("search", "query"), ("read_page", "uri"), ("view_image", "uri")])
async def test_an_argument_of_over_four_thousand_characters_is_not_looked_at(tool, argument):
    assert not (await LOCAL.call(tool, {argument: "io " * 1_333})).startswith("Error: the argument")
    assert await LOCAL.call(tool, {argument: "io " * 1_334}) == (
        f"Error: the argument {argument!r} of {tool} is over 4000 characters long; shorten it."
    )


async def test_a_part_far_out_is_said_to_be():
    assert await LOCAL.call("read_page", {"uri": IO.uri, "part": 10**5000}) == (
        "Error: the argument 'part' of read_page must be a number from -1000000 to 1000000."
    )


async def test_half_a_character_is_the_question_mark_that_it_is_stored_as():
    asked = {"uri": "caf\ud83d.html"}
    stored = {"uri": "caf?.html"}
    assert await LOCAL.call("read_page", asked) == await LOCAL.call("read_page", stored)


async def test_a_query_that_the_service_does_not_take_is_an_observation(site, live):
    site.put("/search", lambda: web.json_response({"detail": {"error": "too short"}}, status=400))
    assert await live.call("search", {"query": "铁"}) == "Error: Tavily does not take the query '铁'."
