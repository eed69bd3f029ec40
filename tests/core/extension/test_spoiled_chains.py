"""Chains that fail: good depth tasks, spoiled by rule in five ways, are rejected for the right reason."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from taskcraft_core.extension.depth import extend_depth
from taskcraft_core.models import (
    AtomicTask,
    Block,
    Document,
    Evidence,
    Link,
    Passage,
    Reason,
    Rejection,
    Selector,
    Table,
    Task,
    content_hash,
)
from taskcraft_core.roles import Superset

EACH = 8
Outcome = list[Task | Rejection]
Spoil = Callable[..., Awaitable[Outcome]]
Extended = tuple[Task, Task, Task]


def joined(outcome: tuple[list[Task], list[Rejection]]) -> Outcome:
    return [*outcome[0], *outcome[1]]


def plus(document: Document, *blocks: Callable[[str], Block]) -> Document:
    """The document with blocks added at its end, under the id that the tasks know it by."""
    added = [make(f"b{len(document.blocks) + at}") for at, make in enumerate(blocks)]
    return document.model_copy(update={"blocks": (*document.blocks, *added)})


def passage(text: str) -> Callable[[str], Block]:
    return lambda place: Passage(place=place, text=text)


def lists(header: tuple[str, str], row: tuple[str, str]) -> Callable[[str], Block]:
    return lambda place: Table(place=place, header=header, rows=(row,))


class Merging:
    """The world's author, whose merges are changed on their way out."""

    def __init__(self, world, extended: Extended, change: Callable[[str], str]) -> None:
        self._world, self._task, self._change = world, extended[0], change

    def __getattr__(self, name: str) -> object:
        return getattr(self._world.bench.author, name)

    async def supersets(self, *about: object) -> AsyncIterator[Superset]:
        """The one that the good task was made with."""
        async for superset in self._world.bench.author.supersets(*about):
            if superset.selector == self._task.selector:
                yield superset

    async def merge_depth(self, core: Task, superset: Superset, tries: object) -> str | None:
        """The good question, spoiled."""
        merged = await self._world.bench.author.merge_depth(core, superset, ())
        return self._change(merged) if merged else None


# --- the answer or the replaced element leaked --------------------------------------------------------------------


async def leaked(world, number: int) -> Outcome:
    """The answer stands in the merged question, or the replaced element still does."""
    extended = task, core, _ = world.pick(world.depth, number)
    told = task.answer if number % 2 else core.identifier
    author = Merging(world, extended, lambda question: f"{question[:-1]}, as of {told}?")
    return joined(await extend_depth(core, world.with_author(author), world.config))


# --- a shortcut opened ------------------------------------------------------------------------------------------


async def shortcut(world, number: int) -> Outcome:
    """The last document says what the superset says of it; or the last clause quotes what only that document says."""
    extended = task, core, _ = world.pick([one for one in world.depth if len(one[0].selector.value) >= 20], number)
    target = world.bench.corpus.documents[world.bench.corpus.by_title(core.identifier)[0].id]
    if number < EACH // 2:
        bench = world.with_documents([plus(target, passage(f"{task.selector.value}."))])
        author = Merging(world, extended, lambda question: question)
    else:
        bench = world.with_documents([plus(target, passage(f"{TELLING}."))])
        author = Merging(world, extended, lambda question: f"{question[:-1]} of what is {TELLING.lower()}?")
    return joined(await extend_depth(core, replace(bench, author=author), world.config))


# --- a cycle, and a synonym ------------------------------------------------------------------------------------


class Proposing:
    """The world's author, who proposes one page as the superset of everything."""

    def __init__(self, world, page: Document) -> None:
        self._world, self._page = world, page

    def __getattr__(self, name: str) -> object:
        return getattr(self._world.bench.author, name)

    async def supersets(
        self, identifier: str, document: Document, corpus: object, tools: object
    ) -> AsyncIterator[Superset]:
        """What the page lists of the document; the rules do not propose it if the page is the document itself."""
        everything = self._world.bench.author.supersets(identifier, document, corpus, tools)
        found = [superset async for superset in everything if superset.document.id == self._page.id]
        for superset in found or [proposal(self._page, document)]:
            yield superset


def proposal(page: Document, target: Document) -> Superset:
    """The last row of the page's last table as a superset relation."""
    table = page.blocks[-1]
    assert isinstance(table, Table)
    row, field = table.rows[-1], table.header[1]
    evidence = Evidence(
        document_id=page.id, uri=page.uri, media_type=page.media_type, quote=f"| {' | '.join(row)} |",
        answer_span=row[0], place=f"{table.place}.r{len(table.rows) - 1}",
    )  # fmt: skip
    question = f"According to the page “{page.title}”, which moon is listed with “{row[1]}” under “{field}”?"
    auxiliary = AtomicTask(
        question=question, answer=row[0], identifier=page.title, relation="moon", language="en", tool="page",
        evidence=evidence,
    )  # fmt: skip
    selector = Selector(document_id=page.id, kind="row", field=field, value=row[1])
    return Superset(page, target, selector, auxiliary, "moon")


TELLING = "Overlooked by every almanac until the clerks revolted"


async def cycle(world, number: int) -> Outcome:
    """The last document describes the superset: a chain would come back to where it ends; or describes itself."""
    task, core, _ = world.pick(world.depth, number)
    target = world.bench.corpus.documents[world.bench.corpus.by_title(core.identifier)[0].id]
    start = core if number % 4 == 0 else task
    page = plus(target, lists(("Moon", "Remark"), (start.identifier, TELLING)))
    bench = world.with_documents([page])
    return joined(await extend_depth(start, replace(bench, author=Proposing(world, page)), world.config))


FORMS = ("{} (moon)", "The moon {}", "{}: an overview", "About {}")


async def synonym(world, number: int) -> Outcome:
    """A page that only has another name for the element lists it."""
    _, core, _ = world.pick(world.depth, number)
    return joined(await listed_on(world, number, FORMS[number % len(FORMS)].format(core.identifier)))


async def listed_on(world, number: int, title: str) -> tuple[list[Task], list[Rejection]]:
    """Extends a core by a page of this title, added to the corpus, that lists its element."""
    _, core, _ = world.pick(world.depth, number)
    page = Document(
        id=content_hash(title), uri="samples/solar-system/added.md", title=title, media_type="text/markdown",
        language="en", blocks=(lists(("Moon", "Remark"), (core.identifier, TELLING))("b0"),),
        links=(Link(place="b0", text="Moons", href="index.html"),),
    )  # fmt: skip
    bench = replace(world.with_documents([page]), author=Proposing(world, page))
    return await extend_depth(core, bench, world.config)


# --- a second target ----------------------------------------------------------------------------------------------


async def second_target(world, number: int) -> Outcome:
    """The superset describes another moon in the same words."""
    extended = task, core, _ = world.pick([one for one in world.depth if one[0].selector.kind == "row"], number)
    superset = world.bench.corpus.documents[task.selector.document_id]
    twin = lists(("Moon", task.selector.field), ("Zephyria", task.selector.value))
    bench = world.with_documents([plus(superset, twin)])
    author = Merging(world, extended, lambda question: question)
    return joined(await extend_depth(core, replace(bench, author=author), world.config))


# --- the tests ----------------------------------------------------------------------------------------------------

RIGHT: dict[Spoil, Reason] = {
    leaked: Reason.LEAK,
    shortcut: Reason.SHORTCUT,
    cycle: Reason.CYCLE,
    synonym: Reason.SYNONYM,
    second_target: Reason.SECOND_TARGET,
}
SPOILED = [pytest.param(spoil, n, id=f"{spoil.__name__}-{n}") for spoil in RIGHT for n in range(EACH)]


@pytest.mark.parametrize(("spoil", "number"), SPOILED)
async def test_a_spoiled_chain_is_rejected_for_the_right_reason(world, spoil: Spoil, number: int) -> None:
    outcome = await spoil(world, number)
    assert [one.reason for one in outcome if isinstance(one, Rejection)] == [RIGHT[spoil]], outcome
    assert len(outcome) == 1


@pytest.mark.parametrize("number", range(3))
async def test_a_good_chain_passes_through_an_author_who_changes_nothing(world, number: int) -> None:
    extended = world.pick(world.depth, number)
    author = Merging(world, extended, lambda question: question)
    made, failed = await extend_depth(extended[1], world.with_author(author), world.config)
    assert [one.task_id for one in made] == [extended[0].task_id, extended[2].task_id]
    assert not failed


@pytest.mark.parametrize("number", range(3))
async def test_a_page_that_is_no_other_name_may_be_a_superset(world, number: int) -> None:
    made, failed = await listed_on(world, number, "Catalogue of quiet places")
    assert [one.identifier for one in made] == ["Catalogue of quiet places"] * 2, failed
