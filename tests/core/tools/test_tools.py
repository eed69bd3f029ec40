"""The toolbox, local search, the reading tools and replay, through their public doors."""

import asyncio
import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.corpus import Corpus
from taskcraft_core.models import Document, Figure, Link, Message, Passage, Table, ToolCall
from taskcraft_core.tools import READERS, SEARCH, LocalSearch, local_toolbox
from taskcraft_core.tools.replay import replay


def document(name, uri, title, *texts, media_type="text/html", links=(), blocks=None):
    passages = tuple(Passage(place=f"b{n}", text=text) for n, text in enumerate(texts))
    return Document(
        id=name, uri=uri, title=title, media_type=media_type, language="en", blocks=blocks or passages, links=links
    )


LONG = tuple(f"Chapter {n} is about {word}. " + "Nothing else is said here. " * 300 for n, word in enumerate(
    ["basalt", "granite", "marble", "obsidian"]))  # fmt: skip

CORPUS = Corpus(
    [
        document(
            "a", "e/iron.html", "Iron", "Iron is a metal that melts at 1538 °C.", "See Io and itself.",
            links=(
                Link(place="b1", text="the moon\nIo", href="../m/io.html#top"),
                Link(place="b1", text="the moon Io", href="../m/io.html"),
                Link(place="b1", text="itself", href="#iron"),
                Link(place="b1", text="elsewhere", href="https://example.org/"),
            ),
        ),
        document("b", "m/io.html", "Io", "Io is a moon of Jupiter. Galileo made its discovery in 1610."),
        document("c", "zh/铁.html", "铁", "铁是一种化学元素，熔点为1538°C。它的原子序数为26。NVMe固态硬盘与此无关。"),
        document("d", "e/age.html", "Iron Age", *["Iron tools of iron. The iron was iron."] * 9),
        document("e", "r/rocks.pdf", "Rocks", *LONG, media_type="application/pdf",
                 links=(Link(place="b3", text="Iron", href="../e/iron.html"),)),
        document("f", "i/chart.png", "Chart", "Titan 5150 km", media_type="image/png"),
        document("g", "e/moons.html", "Moons", blocks=(
            Figure(place="b0", caption="", href="../i/chart.png"),
            Table(place="b1", header=("Moon", "Planet"), rows=(("Io", "Jupiter"), ("Titan", "Saturn"))),
        )),
    ]
)  # fmt: skip
TOOLS = local_toolbox(CORPUS)
SEARCHER = LocalSearch(CORPUS)


async def hits(query, tools=TOOLS):
    return json.loads(await tools.call("search", {"query": query}))


# --- search ----------------------------------------------------------------------------------------------------


async def test_a_hit_names_the_document_its_best_part_and_the_words():
    first = (await hits("discoveries by Galileo"))[0]
    assert first == {
        "title": "Io", "uri": "m/io.html", "media_type": "text/html", "part": 1, "parts": 1,
        "snippet": "Galileo made its discovery in 1610.",
    }  # fmt: skip


async def test_a_long_document_is_one_hit_by_its_best_part():
    found = [hit for hit in await hits("obsidian chapter") if hit["uri"] == "r/rocks.pdf"]
    assert len(found) == 1
    assert found[0]["parts"] > 1
    assert found[0]["part"] == found[0]["parts"]
    assert "obsidian" in found[0]["snippet"]
    assert len(found[0]["snippet"]) <= 200


@pytest.mark.parametrize("query", ["Iron", "iron", '"Iron"', "  IRON "])
def test_a_title_brings_its_document_first(query):
    assert SEARCHER.top(query, 2) == ["a", "d"]


@pytest.mark.parametrize("query", ["铁的熔点是多少？", "原子序数", "铁", "化学元素 26", "什么固态硬盘", "NVMe"])
async def test_chinese_and_mixed_text_is_found(query):
    first = (await hits(query))[0]
    assert first["uri"] == "zh/铁.html"
    assert all(piece in CORPUS.text("c") for piece in first["snippet"].split(" … "))


def test_words_that_stand_nowhere_find_nothing():
    assert SEARCHER.top("zzzz qqqq", 5) == []


@given(
    st.text(st.characters(), max_size=450)
    | st.just("iron \ud800")
    | st.text(alphabet='AND OR NOT()[]{}"^~*:\\/+-铁的iron ', max_size=80)
)
def test_any_query_is_answered(query):
    answer = asyncio.run(TOOLS.call("search", {"query": query}))
    assert answer.startswith("Error:") or len(json.loads(answer)) <= 5


def test_ties_come_in_one_order_whatever_the_build():
    twins = [document(f"{n:03}", f"t/{n}.html", f"Note {n}", "The same words in each.") for n in range(300)]
    shuffled = random.Random(7).sample(twins, len(twins))
    first, second = LocalSearch(Corpus(twins)), LocalSearch(Corpus(shuffled))
    assert first.top("same words", 5) == second.top("same words", 5) == ["000", "001", "002", "003", "004"]
    assert first.top("same words", 300) == second.top("same words", 300)


def test_two_thousand_documents_are_indexed_quickly_enough_to_print():
    draw = random.Random(3)
    words = ["".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(3000)]
    many = [document(f"{n:04}", f"{n}.html", words[n], " ".join(draw.choices(words, k=300))) for n in range(2000)]
    start = time.perf_counter()
    search = LocalSearch(Corpus(many))
    print(f"2,000 documents indexed in {time.perf_counter() - start:.2f} s")
    assert search.top(words[1234], 1) == ["1234"]


async def test_the_registered_local_search_searches_the_corpus():
    assert (await SEARCH["local"](CORPUS, None).search("Galileo"))[0].title == "Io"


# --- reading ---------------------------------------------------------------------------------------------------


async def test_a_page_is_shown_verbatim_with_where_its_links_lead():
    assert await TOOLS.call("read_page", {"uri": "e/iron.html"}) == (
        f"uri: e/iron.html\ntitle: Iron\npart: 1 of 1\n\n{CORPUS.text('a')}\n\nLinks:\n- the moon Io -> m/io.html"
    )


async def test_a_figure_counts_as_a_link_and_is_named_by_its_target():
    assert (await TOOLS.call("read_page", {"uri": "e/moons.html"})).endswith("Links:\n- Chart -> i/chart.png")


async def test_a_pdf_is_read_part_by_part_and_links_stand_with_their_part():
    first = await TOOLS.call("read_pdf", {"uri": "r/rocks.pdf"})
    count = int(first.split("part: 1 of ")[1].split()[0])
    last = await TOOLS.call("read_pdf", {"uri": "r/rocks.pdf", "part": count})
    assert "basalt" in first
    assert "obsidian" not in first
    assert "Links:" not in first
    assert "obsidian" in last
    assert last.endswith("Links:\n- Iron -> e/iron.html")


async def test_an_image_is_shown_as_its_text():
    assert "Titan 5150 km" in await TOOLS.call("view_image", {"uri": "i/chart.png"})


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("open", {}, "call one of search, read_page, read_pdf, view_image"),
        ("read_pdf", {"uri": "e/iron.html"}, "is a page; call read_page"),
        ("read_page", {"uri": "r/rocks.pdf"}, "is a PDF; call read_pdf"),
        ("read_page", {"uri": "i/chart.png"}, "is an image; call view_image"),
        ("read_page", {"uri": "gone.html"}, "no document with the uri 'gone.html'; search"),
        ("read_page", {}, "needs the argument 'uri'"),
        ("read_page", {"uri": 3}, "must be of type string"),
        ("read_page", {"uri": "e/iron.html", "part": "1"}, "must be of type integer"),
        ("read_page", {"uri": "e/iron.html", "part": True}, "must be of type integer"),
        ("read_page", {"uri": "e/iron.html", "part": 2}, "ask for one from 1 to 1"),
        ("read_page", {"uri": "e/iron.html", "page": 2}, "has no argument 'page'"),
        ("search", {"query": " "}, "the query is empty"),
    ],
)
async def test_a_wrong_call_is_an_observation_that_says_what_to_do(name, arguments, says):
    observation = await TOOLS.call(name, arguments)
    assert observation.startswith("Error:")
    assert says in observation


async def test_a_title_cannot_forge_the_head_of_an_observation():
    forged = Corpus([document("a", "a.html", "T\npart: 9 of 9\n\nLinks:", "Text.")])
    lines = (await local_toolbox(forged).call("read_page", {"uri": "a.html"})).splitlines()
    assert lines[:3] == ["uri: a.html", "title: T part: 9 of 9 Links:", "part: 1 of 1"]


def test_schemas_are_openai_tool_definitions():
    assert TOOLS.names == ("search", "read_page", "read_pdf", "view_image")
    assert set(READERS.values()) < set(TOOLS.names)
    read_page = TOOLS.schemas[1]
    assert read_page["type"] == "function"
    assert read_page["function"]["parameters"]["required"] == ["uri"]
    assert read_page["function"]["parameters"]["properties"]["part"]["type"] == "integer"
    json.dumps(TOOLS.schemas)


# --- replay ----------------------------------------------------------------------------------------------------


async def trajectory(*calls):
    messages = [Message(role="user", content="q")]
    for number, (name, arguments) in enumerate(calls):
        call = ToolCall(id=f"c{number}", name=name, arguments=arguments)
        messages.append(Message(role="assistant", content="", tool_calls=(call,)))
        seen = await TOOLS.call_json(name, arguments)
        messages.append(Message(role="tool", content=seen, tool_call_id=call.id, name=name))
    return [*messages, Message(role="assistant", content="a")]


CALLS = (("search", '{"query": "Iron"}'), ("read_page", '{"uri": "e/iron.html"}'), ("read_page", "{broken"))


async def test_a_trajectory_replays_also_over_another_build_of_the_index():
    recorded = await trajectory(*CALLS)
    assert recorded[-2].content.startswith("Error:")
    assert await replay(recorded, TOOLS)
    assert await replay(recorded, local_toolbox(Corpus(reversed(list(CORPUS.documents.values())))))


async def test_a_changed_document_or_message_does_not_replay():
    recorded = await trajectory(*CALLS)
    changed = Corpus(
        [*(d for d in CORPUS.documents.values() if d.id != "a"), document("a2", "e/iron.html", "Iron", "x")]
    )
    assert not await replay(recorded, local_toolbox(changed))
    forged = recorded[2].model_copy(update={"content": "[]"})
    assert not await replay([*recorded[:2], forged, *recorded[3:]], TOOLS)


async def test_calls_and_observations_must_pair_up():
    recorded = await trajectory(CALLS[0])
    assert not await replay(recorded[:2], TOOLS)
    assert not await replay([recorded[0], recorded[2]], TOOLS)
    assert await replay([recorded[0]], TOOLS)
