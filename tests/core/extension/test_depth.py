"""Depth extension: what a deeper task is made of, and why one is not made. Cycles, leaks and shortcuts are spoiled
chains: see `test_spoiled_chains.py`."""

from dataclasses import replace

import pytest

from taskcraft_core import checks
from taskcraft_core.extension.depth import MOST_ATTEMPTS, MOST_EXTENSIONS, extend_depth, is_synonym, states, steps_of
from taskcraft_core.extension.selector import targets
from taskcraft_core.models import Document, Reason, Solution, Table, Task, content_hash, task_id_of
from taskcraft_core.roles import Superset
from taskcraft_core.tools.replay import replay


def listing(title: str, rows: tuple[tuple[str, str], ...]) -> Document:
    return Document(
        id=content_hash(title), uri="samples/solar-system/added.md", title=title, media_type="text/markdown",
        language="en", blocks=(Table(place="b0", header=("Collection", "Remark"), rows=rows),),
    )  # fmt: skip


async def rejected(core: Task, bench, world) -> list[Reason]:
    made, failed = await extend_depth(core, bench, world.config)
    assert not made
    assert {one.stage for one in failed} == {"depth"}
    assert all(one.document_id == core.evidence[0].document_id for one in failed)
    return [one.reason for one in failed]


async def test_a_deeper_task_follows_the_table_of_the_design(world) -> None:
    assert len(world.depth) >= 15
    for task, core, auxiliary in world.depth:
        assert (task.kind, task.hops, task.width, auxiliary.kind) == ("depth", core.hops + 1, 1, "atomic")
        assert task.parent_ids == (core.task_id, auxiliary.task_id)
        assert (task.answer, task.answers, task.language) == (core.answer, core.answers, core.language)
        assert (task.identifier, task.relation) == (auxiliary.identifier, auxiliary.relation)
        assert task.evidence == (*auxiliary.evidence, *core.evidence)
        assert task.tools == tuple(dict.fromkeys([*auxiliary.tools, *core.tools]))
        assert task.task_id == task_id_of(
            task.question, task.answers, task.identifier, task.relation, task.parent_ids, task.evidence
        )
        assert (task.agent_score, task.no_tools_score, task.trajectory_kind) == (2, 0, "solved")
        assert len(steps_of(task.question)) == task.hops
        assert "shortcut" in task.checks


async def test_the_relation_picks_one_target_and_the_auxiliary_names_it(world) -> None:
    corpus = world.bench.corpus
    for task, core, auxiliary in world.depth:
        (target,) = corpus.by_title(core.identifier)
        assert targets(task.selector, corpus) == {target.id}
        assert auxiliary.answer == core.identifier
        assert auxiliary.evidence[0].document_id == task.selector.document_id


async def test_the_question_neither_names_the_element_nor_the_answer(world) -> None:
    for task, core, _ in world.depth:
        assert core.identifier.casefold() not in task.question.casefold()
        assert task.answer.casefold() not in task.question.casefold()
        assert task.question.startswith(f"“{task.identifier}”")


async def test_the_trajectory_passes_the_superset_and_replays(world) -> None:
    for task, core, _ in world.depth:
        assert task.agent_steps == sum(len(message.tool_calls) for message in task.trajectory) <= 10
        read = [call.arguments for message in task.trajectory for call in message.tool_calls if call.name != "search"]
        passed = [world.bench.corpus.documents[e.document_id].uri for e in task.evidence]
        assert all(any(uri in arguments for arguments in read) for uri in passed), task.question
        assert (task.trajectory[0].content, task.trajectory[-1].content) == (task.question, core.answer)
        assert await replay(task.trajectory, world.bench.tools)


class Blind:
    """A search that finds nothing: in so small a corpus everything is found by anything."""

    def top(self, query: str, k: int) -> list[str]:
        return []


async def test_three_hops(world, acting) -> None:
    inner, core, _ = world.pick(world.depth, 0)
    rows = ((inner.identifier, "Overlooked by every almanac until the clerks revolted"), ("Zephyria", "Burnt in May"))
    shelves = listing("Shelves of the reading room", rows)

    author = acting.proposing(lambda superset: superset.document.id == shelves.id)
    bench = replace(world.with_documents([shelves]), search=Blind(), author=author)
    made, failed = await extend_depth(inner, bench, world.config)
    assert [task.kind for task in made] == ["depth", "atomic"], failed
    deep = made[0]
    assert deep.hops == 3
    assert deep.answer == core.answer
    assert [e.document_id for e in deep.evidence[1:]] == [e.document_id for e in inner.evidence]
    assert inner.identifier not in deep.question
    assert core.identifier not in deep.question
    assert len(steps_of(deep.question)) == 3
    assert await replay(deep.trajectory, bench.tools)


async def test_an_element_that_nothing_describes_is_not_extended(world) -> None:
    _, core, _ = world.pick(world.depth, 0)
    alone = world.with_documents(
        without=[d.id for d in world.documents if d.title != core.identifier and core.identifier in repr(d.blocks)]
    )
    assert await rejected(core, alone, world) == [Reason.NO_SUPERSET]


async def test_an_element_that_two_documents_carry_is_not_replaced(world) -> None:
    _, core, _ = world.pick(world.depth, 0)
    bench = world.with_documents([listing(core.identifier, (("Zephyria", "Burnt in May"),))])
    assert await rejected(core, bench, world) == [Reason.IDENTIFIER]


async def test_no_more_attempts_and_extensions_than_the_paper(world, acting) -> None:
    _, core, _ = world.pick(world.depth, 0)
    (head,) = world.bench.corpus.by_title(core.identifier)
    target = world.bench.corpus.documents[head.id]
    everything = await acting.proposals(core.identifier, target)
    merged: list[Superset] = []

    async def no_merge(core: Task, superset: Superset, tries: object) -> None:
        merged.append(superset)

    extended = world.pick(world.depth, 0)
    best = next(one for one in everything if one.selector == extended[0].selector)
    silent = acting.author(*[best] * 20, merge_depth=no_merge)
    assert await rejected(core, world.with_author(silent), world) == [Reason.NO_PHRASE] * MOST_ATTEMPTS
    assert len(merged) == MOST_ATTEMPTS

    the_best = acting.author(*[best] * 20)
    made, failed = await extend_depth(core, world.with_author(the_best), world.config)
    assert [task.kind for task in made] == ["depth", "atomic"] * MOST_EXTENSIONS
    assert not failed


async def test_an_auxiliary_task_that_fails_takes_the_extension_with_it(world, acting) -> None:
    task, core, _ = world.pick(world.depth, 0)

    one = await acting.superset_of(task, core)
    gone = one.auxiliary.evidence.model_copy(update={"quote": "| Zephyria | what no page says |"})
    wrong = replace(one, auxiliary=one.auxiliary.model_copy(update={"evidence": gone}))
    bench = world.with_author(acting.author(wrong))
    made, failed = await extend_depth(core, bench, world.config)
    assert (made, [one.reason for one in failed]) == ([], [Reason.AUXILIARY])
    assert "evidence_missing" in failed[0].detail


async def test_an_entry_that_states_the_answer_itself_is_a_shortcut_and_no_merge_is_asked_for(world, acting) -> None:
    task, core, _ = world.pick(world.depth, 0)
    one = await acting.superset_of(task, core)
    telling = one.auxiliary.evidence.model_copy(update={"quote": f"{one.auxiliary.evidence.quote} {core.answer} |"})
    giving = replace(one, auxiliary=one.auxiliary.model_copy(update={"evidence": telling}))
    merged: list[Superset] = []

    async def merge(core: Task, superset: Superset, tries: object) -> None:
        merged.append(superset)

    made, failed = await extend_depth(core, world.with_author(acting.author(giving, merge_depth=merge)), world.config)
    assert (made, [one.reason for one in failed], merged) == ([], [Reason.SHORTCUT], [])


@pytest.mark.parametrize(
    ("entry", "answer", "stated"),
    [
        ("| Magellan | burnt up | 1994 | 3,449 kg |", "3,449 kg", True),
        ("| Phobos | 18 August 1877 |", "1877-08-18", True),
        ("| Phobos | 18 August 1877 |", "1877", True),
        ("Aurora — sank in 1940 off Bergen", "Bergen", True),
        ("| Magellan | 13,449 kg |", "3,449 kg", False),
    ],
)
def test_what_an_entry_states(entry: str, answer: str, stated: bool) -> None:
    assert states(entry, answer) is stated


@pytest.mark.parametrize(
    ("merged", "reason"),
    [
        ("{}. And then", Reason.READABLE),
        ("{0} {0}", Reason.READABLE),
        ("Is it {answer}? {}", Reason.LEAK),
    ],
)
async def test_a_merge_that_reads_badly_or_tells_too_much_is_not_tried(
    world, acting, merged: str, reason: Reason
) -> None:
    task, core, _ = world.pick(world.depth, 0)

    async def merge(core: Task, superset: Superset, tries: object) -> str:
        return merged.format(task.question, answer=core.answer)

    same = acting.proposing(lambda superset: superset.selector == task.selector)
    bench = world.with_author(acting.Changed(same, merge_depth=merge))
    assert await rejected(core, bench, world) == [reason]


async def test_a_merged_question_that_no_agent_solves_is_no_task(world, acting) -> None:
    task, core, _ = world.pick(world.depth, 0)

    async def solve(question: str, tools: object, max_steps: int) -> Solution:
        if question.startswith("“"):
            return Solution(answers=(), trajectory=())
        return await world.bench.solver.solve(question, tools, max_steps)

    bench = replace(world.bench, solver=acting.Changed(world.bench.solver, solve=solve))
    assert set(await rejected(core, bench, world)) <= {Reason.UNSOLVED, Reason.SHORTCUT, Reason.LEAK}
    made, failed = await extend_depth(core, bench, world.config)
    assert task.question in {one.item for one in failed if one.reason is Reason.UNSOLVED}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("Io", "IO", True), ("Io", "Io (moon)", True), ("The moon Io", "Io", True), ("Io", "Iodine", False)],
)
def test_another_name(one: str, other: str, same: bool) -> None:
    assert is_synonym(one, other) is same


def test_a_shortcut_is_a_search_that_finds_the_target() -> None:
    assert checks.shortcut(["a", "b"], "t", [["x"], ["y", "t"]])
    assert checks.shortcut(["a", "b"], "t", [["x"], ["y"]]) is None
