"""Agent runs that are carried over, over real HTTP: they stand while what they read is unchanged, and cost nothing."""

import sqlite3
from pathlib import Path

import pytest

from taskcraft_core.calls.once import Once
from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.errors import ResponseError
from taskcraft_core.loopback.process import Loopback
from taskcraft_core.models import Box, Definitions, Document, Link, Solution
from taskcraft_core.roles.llm.agent import Agents
from taskcraft_core.roles.llm.answers import FoundSuperset
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.solver import ModelSolver
from taskcraft_core.tools import Hit, LocalSearch, Web, local_toolbox, web_toolbox
from taskcraft_core.tools.replay import replay

QUESTION = "According to the page “Arlen Mill”, what is the wheel diameter?"


def mill(name: str, size: str) -> Document:
    """A page about a mill; what it states is in its id."""
    box = Box(place="b0", entries=(("Wheel diameter", size), ("Daily output", "380 kg")))
    return page(f"{name} Mill", box, key=f"{name} {size}")


def page(title: str, *blocks: object, key: str = "", links: tuple[Link, ...] = ()) -> Document:
    uri = f"docs/{title.lower().replace(' ', '-')}.html"
    return Document.model_validate(
        {"id": (key or title).encode().hex().ljust(64, "0"), "uri": uri, "title": title, "media_type": "text/html",
         "language": "en", "blocks": blocks, "links": links}
    )  # fmt: skip


def listing(title: str, *names: str) -> Document:
    """A page that describes mills, and links to them."""
    links = tuple(
        Link(place=f"b0.r{row}", text=f"{name} Mill", href=f"{name.lower()}-mill.html")
        for row, name in enumerate(names)
    )
    entries = tuple((f"{name} Mill", f"Roofed with {stuff} after a storm") for name, stuff in zip(names, STUFFS))  # noqa: B905
    return page(title, Definitions(place="b0", entries=entries), links=links)


STUFFS = ("willow", "copper", "slate")
ARLEN, BREN = mill("Arlen", "412.5 cm"), mill("Bren", "87.1 cm")
LIST = listing("Wheels of the Coast", "Arlen", "Bren")


class Night:
    """A solver and an author that is one search agent, over documents that change; counts the calls."""

    def __init__(self, engine: Engine, server: Loopback) -> None:
        self.engine, self.server = engine, server
        self._seen = server.stats()["seen"]

    async def solve(self, *documents: Document) -> Solution:
        tools = local_toolbox(Corpus(documents))
        return await ModelSolver(self.engine, "openai:m").solve(QUESTION, tools, 3)

    async def superset(self, *documents: Document) -> str | None:
        values = {"identifier": "Arlen Mill", "about": "# Arlen Mill", "excluded": "none", "most_steps": "6"}
        agents = Agents(self.engine.model("author", "openai:m"))
        tools = local_toolbox(Corpus(documents))
        found = await agents.run(FoundSuperset, "author_superset", values, tools, 6)
        return found.answer.uri if found.answer else None

    @property
    def calls(self) -> int:
        """Calls since this was last asked."""
        before, self._seen = self._seen, self.server.stats()["seen"]
        return self._seen - before


def runs_in(out: Path) -> list[tuple[object, ...]]:
    """Role and price of the runs that are kept."""
    with sqlite3.connect(out / "journal.sqlite") as journal:
        return journal.execute("SELECT role, usd FROM calls WHERE kind = 'run'").fetchall()


@pytest.fixture
async def night(engine_of, server: Loopback) -> Night:
    return Night(await engine_of(), server)


async def test_a_new_document_among_the_hits_changes_nothing(night: Night) -> None:
    first = await night.solve(ARLEN, BREN)
    assert first.answers == ("412.5 cm",) and night.calls > 0
    assert await night.solve(ARLEN, BREN, mill("Arlen Upper", "9.9 cm"), LIST) == first
    assert await night.solve(ARLEN) == first
    assert night.calls == 0


async def test_what_was_read_and_has_changed_is_solved_again(night: Night) -> None:
    first = await night.solve(ARLEN, BREN)
    assert night.calls > 0
    changed = await night.solve(mill("Arlen", "77.7 cm"), BREN)
    assert changed.answers == ("77.7 cm",) and night.calls > 0
    assert await night.solve(ARLEN, BREN, LIST) == first, "as it was, it is known already"
    assert (await night.solve(mill("Arlen", "77.7 cm"), LIST)).answers == ("77.7 cm",)
    assert night.calls == 0


async def test_what_changes_every_night_takes_no_look_up_more_for_every_night(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    get = night.engine.journal.get

    async def counted(key: str) -> str | None:
        looked_up.append(key)
        return await get(key)

    monkeypatch.setattr(night.engine.journal, "get", counted)
    counts = []
    for number in range(30):
        looked_up.clear()
        assert (await night.solve(mill("Arlen", f"{number}.5 cm"), BREN)).answers == (f"{number}.5 cm",)
        counts.append(len(looked_up))
    looked_up.clear()
    assert night.calls > 0
    assert (await night.solve(mill("Arlen", "29.5 cm"), BREN)).answers == ("29.5 cm",)
    assert night.calls == 0 and len(looked_up) < 20
    assert max(counts) < 30


async def test_a_document_that_is_gone_was_read_too(night: Night) -> None:
    await night.solve(ARLEN, BREN)
    assert (await night.solve(BREN)).answers == ()
    assert night.calls > 0


async def test_the_document_that_an_answer_names_counts_as_read(night: Night) -> None:
    assert await night.superset(ARLEN, BREN, LIST) == LIST.uri
    assert night.calls > 0
    assert await night.superset(ARLEN, mill("Bren", "1.1 cm"), LIST, mill("Celm", "5 cm")) == LIST.uri
    assert night.calls == 0
    again = LIST.model_copy(update={"id": "f" * 64, "blocks": listing("x", "Arlen", "Celm").blocks})
    assert await night.superset(ARLEN, again) == LIST.uri
    assert night.calls > 0


async def test_what_was_read_and_shows_other_links_was_not_read_like_that(night: Night) -> None:
    linking = ARLEN.model_copy(update={"links": (Link(place="b0", text="Bren", href="bren-mill.html"),)})
    first = await night.solve(linking, BREN)
    assert night.calls > 0
    assert await night.solve(linking, BREN, LIST) == first and night.calls == 0
    later = await night.solve(linking, LIST)
    assert night.calls > 0 and later.answers == first.answers
    assert await replay(first.trajectory, local_toolbox(Corpus([linking, BREN])))
    assert await replay(later.trajectory, local_toolbox(Corpus([linking, LIST])))
    assert not any("bren-mill.html" in message.content for message in later.trajectory)


async def test_a_record_that_is_called_otherwise_is_another(night: Night) -> None:
    await night.solve(ARLEN, BREN)
    assert night.calls > 0
    await night.solve(ARLEN.model_copy(update={"title": "Arlen Mill, Upper Wheel"}), BREN)
    assert night.calls > 0


class Elsewhere:
    """A search of the web that finds what it is given, and counts how often."""

    def __init__(self, corpus: Corpus) -> None:
        self.searched, self._own = 0, LocalSearch(corpus)

    async def search(self, query: str) -> list[Hit]:
        self.searched += 1
        return await self._own.search(query)


async def test_a_run_that_searched_something_else_is_none_of_these(night: Night, tmp_path: Path) -> None:
    corpus, engine = Corpus([ARLEN, BREN]), night.engine
    web = Web(engine.settings, engine.journal, Once(engine.journal), engine.budget, tmp_path / "documents")
    elsewhere = Elsewhere(corpus)
    tools = web_toolbox(corpus, web, Sandbox(engine.settings), elsewhere)
    solver = ModelSolver(engine, "openai:m")
    first = await night.solve(ARLEN, BREN)
    assert (await solver.solve(QUESTION, tools, 3)).answers == first.answers and elsewhere.searched > 0
    assert len(runs_in(tmp_path)) == 2
    searched = elsewhere.searched
    assert await solver.solve(QUESTION, tools, 3) == first and elsewhere.searched == searched
    await web.close()


async def test_nothing_found_is_looked_for_again_when_there_is_more_to_see(night: Night) -> None:
    assert await night.superset(ARLEN, BREN) is None
    assert night.calls > 0
    assert await night.superset(ARLEN, BREN, page("Owls", Box(place="b0", entries=(("Wing", "3 m"),)))) is None
    assert night.calls == 0, "no search of the run brings it"
    assert await night.superset(ARLEN, BREN, LIST) == LIST.uri
    assert night.calls > 0


async def test_a_run_is_no_call_and_costs_nothing(night: Night, tmp_path: Path) -> None:
    await night.solve(ARLEN, BREN)
    spent, costs = await night.engine.journal.spent(), await night.engine.journal.costs()
    assert spent.calls == night.calls == sum(line.calls for line in costs)
    assert {line.kind for line in costs} == {"chat"} and night.engine.once.made == spent.calls
    assert runs_in(tmp_path) == [("solver", None)]


async def test_a_run_that_failed_is_not_kept(night: Night, tmp_path: Path) -> None:
    night.server.control(rules=["wrong_schema:Arlen Mill"])
    with pytest.raises(ResponseError):
        await night.solve(ARLEN, BREN)
    assert night.calls == 2 and runs_in(tmp_path) == []


@pytest.mark.parametrize("response", ["", "[]", '{"answer": 7}', '{"answer": null, "seen": {}, "messages": "%"}'])
async def test_a_record_of_another_form_does_not_stand(night: Night, tmp_path: Path, response: str) -> None:
    first = await night.solve(ARLEN, BREN)
    with sqlite3.connect(tmp_path / "journal.sqlite") as journal:
        journal.execute("UPDATE calls SET response = ? WHERE kind = 'run'", (response.encode(),))
    assert await night.solve(ARLEN, BREN) == first
    assert len(runs_in(tmp_path)) == 2
    spent = (await night.engine.journal.spent()).calls
    assert await night.solve(ARLEN, BREN, LIST) == first
    assert (await night.engine.journal.spent()).calls == spent


async def test_what_may_change_unnoticed_is_not_kept(night: Night, tmp_path: Path) -> None:
    """Tools over the live web cannot tell whether a page is still the same; they can of documents of the build."""
    tools = local_toolbox(Corpus([ARLEN, BREN]))
    tools.content = lambda uri: None
    found = await ModelSolver(night.engine, "openai:m").solve(QUESTION, tools, 3)
    assert found.answers == ("412.5 cm",)
    assert runs_in(tmp_path) == []
