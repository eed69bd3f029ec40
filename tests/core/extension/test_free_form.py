"""Merged questions in no form of ours: what is searched for shortcuts, and what becomes of the good ones."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from taskcraft_core.extension.depth import extend_depth
from taskcraft_core.models import Message, Reason, Selector, Solution, Task, ToolCall
from taskcraft_core.roles import Superset, Try
from taskcraft_core.roles.extractive.writing.words import words


class Searching:
    """A search that keeps what it is asked, and finds the target by the texts it is told."""

    def __init__(self, target: str = "", *texts: str) -> None:
        self.target, self.texts = target, texts
        self.asked: list[str] = []

    def top(self, query: str, k: int) -> list[str]:
        self.asked.append(query)
        return [self.target] if query in self.texts else []


class Knowing:
    """A solver that knows the answer to any question in no form of ours, and reads pages to be sure."""

    spec = "knowing"

    def __init__(self, world, answer: str) -> None:
        self.world, self.answer = world, answer

    async def solve(self, question: str, tools: object, max_steps: int) -> Solution:
        if question.startswith("According to"):
            return await self.world.bench.solver.solve(question, tools, max_steps)
        calls = tuple(ToolCall(id=f"c{n}", name="read_page", arguments="{}") for n in range(2))
        return Solution(answers=(self.answer,), trajectory=(Message(role="assistant", content="", tool_calls=calls),))

    async def guess(self, question: str) -> list[str]:
        return []


def free(task: Task, selector: Selector) -> str:
    """The question of a depth task as somebody might ask it in one sentence."""
    return f"For the body that “{task.identifier}” tells apart by “{selector.value}”, what does its own page say?"


async def merged(world, acting, number: int, search: Searching, question: str | None = None):
    task, core, _ = world.pick(world.depth, number)

    async def merge_depth(core: Task, superset: Superset, tries: Sequence[Try]) -> str | None:
        return (question or free(task, superset.selector)) if not tries else None

    async def merge_fault(question: str, core: Task, superset: Superset) -> None:
        return None

    bench = replace(
        world.bench,
        author=acting.author(await acting.superset_of(task, core), merge_depth=merge_depth),
        judge=acting.Changed(world.bench.judge, merge_fault=merge_fault),
        solver=Knowing(world, core.answer),
        search=search,
        auxiliaries={},
    )
    made, failed = await extend_depth(core, bench, world.config)
    return task, core, made, failed


@pytest.mark.parametrize("number", range(3))
async def test_it_is_searched_without_its_names(world, acting, number: int) -> None:
    search = Searching()
    task, core, made, failed = await merged(world, acting, number, search)
    assert failed == []
    assert made[0].question == free(task, task.selector)
    assert (made[0].hops, made[0].answer, made[0].parent_ids) == (task.hops, core.answer, task.parent_ids)
    value, of_core, of_question = search.asked
    assert value == task.selector.value
    assert (core.identifier in of_core, task.identifier in of_question) == (False, False)
    assert set(words(of_core)) <= set(words(core.question))
    assert of_question.startswith("For the body that tells apart by")
    assert all(text == " ".join(text.split()) and "“”" not in text for text in search.asked)


@pytest.mark.parametrize("at", range(3))
async def test_any_of_these_searches_that_finds_the_target_is_a_shortcut(world, acting, at: int) -> None:
    search = Searching()
    _, core, _, _ = await merged(world, acting, 0, search)
    (target,) = world.bench.corpus.by_title(core.identifier)
    _, _, made, failed = await merged(world, acting, 0, Searching(target.id, search.asked[at]))
    assert (made, [one.reason for one in failed]) == ([], [Reason.SHORTCUT])


async def test_a_question_in_our_form_is_searched_step_by_step(world, acting) -> None:
    search = Searching()
    task, _, _ = world.pick(world.depth, 0)
    await merged(world, acting, 0, search, task.question)
    statement, clause = task.question.split(". According to ")
    clause = f"According to {clause}"
    description = f"{statement.removeprefix(f'“{task.identifier}”').strip()}."
    assert search.asked == [task.selector.value, clause, clause, description, f"{description} {clause}"]
