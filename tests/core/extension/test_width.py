"""Width extension: which tasks belong together, what their question asks, and why some do not go together."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import BudgetExceeded, ResponseError
from taskcraft_core.extension.related import groups, near_duplicates
from taskcraft_core.extension.width import extend_width
from taskcraft_core.models import Reason, Rejection, Solution, Task, task_id_of
from taskcraft_core.tools.replay import replay


@pytest.fixture(scope="session")
async def wide(world) -> list[tuple[tuple[Task, ...], Task]]:
    """The width tasks of the world, each with its parts."""
    tried = [
        (group, await extend_width(group, world.bench, world.config)) for group in groups(world.atomic, world.config)
    ]
    return [(group, task) for group, task in tried if isinstance(task, Task)]


def rejection(result: Task | Rejection) -> Reason:
    assert isinstance(result, Rejection), result.question
    assert result.stage == "width"
    return result.reason


# --- groups ---------------------------------------------------------------------------------------------------


def test_groups_are_of_two_or_three_different_tasks(world) -> None:
    found = groups(world.atomic, world.config)
    assert {len(group) for group in found} == {2, 3}
    for group in found:
        assert not any(near_duplicates(a, b) for n, a in enumerate(group) for b in group[:n])
        assert len({(task.language, task.tools) for task in group}) == 1


def test_what_is_put_together_shares_a_relation_or_a_block(world) -> None:
    for group in groups(world.atomic, world.config):
        places = {(task.evidence[0].document_id, task.evidence[0].place.partition(".")[0]) for task in group}
        assert len({task.relation.casefold() for task in group}) == 1 or len(places) == 1


def test_a_task_stands_in_at_most_two_groups(world) -> None:
    used = Counter(task.task_id for group in groups(world.atomic, world.config) for task in group)
    assert max(used.values()) <= 2


def test_no_group_is_larger_than_configured(world) -> None:
    assert groups(world.atomic, BuildConfig(max_width=1)) == []
    assert {len(group) for group in groups(world.atomic, BuildConfig(max_width=2))} == {2}


def test_groups_depend_on_the_tasks_alone(world) -> None:
    shuffled = [*world.atomic, *(task for task, _, _ in world.depth)]
    random.Random(7).shuffle(shuffled)
    assert groups(shuffled, world.config) == groups(world.atomic, world.config)


# --- tasks ----------------------------------------------------------------------------------------------------


async def test_a_wider_task_follows_the_table_of_the_design(world, wide) -> None:
    assert len(wide) >= 10
    for parts, task in wide:
        assert (task.kind, task.width, task.hops) == ("width", len(parts), max(part.hops for part in parts))
        assert task.parent_ids == tuple(part.task_id for part in parts)
        assert task.answers == tuple(part.answer for part in parts)
        assert task.answer == "; ".join(task.answers)
        assert task.evidence == tuple(evidence for part in parts for evidence in part.evidence)
        assert task.identifier.split("; ") == list(dict.fromkeys(part.identifier for part in parts))
        assert task.relation.split("; ") == list(dict.fromkeys(part.relation for part in parts))
        assert (task.selector, task.tools) == (None, parts[0].tools)
        assert (task.agent_score, task.no_tools_score, task.trajectory_kind) == (2, 0, "solved")
        assert task.task_id == task_id_of(
            task.question, task.answers, task.identifier, task.relation, task.parent_ids, task.evidence
        )


async def test_a_wider_question_comes_apart_into_its_parts_in_order(world, wide) -> None:
    for parts, task in wide:
        assert await world.bench.judge.decomposes(task.question, [part.question for part in parts])
        assert task.question.count("?") == 1
        assert not any(part.question in task.question for part in parts)
        assert not any(part.answer.casefold() in task.question.casefold().split() for part in parts)


async def test_a_wider_trajectory_replays_and_ends_in_all_answers(world, wide) -> None:
    for parts, task in wide:
        assert (task.trajectory[0].content, task.trajectory[-1].content) == (task.question, task.answer)
        assert task.agent_steps == sum(len(message.tool_calls) for message in task.trajectory) <= 10
        assert await replay(task.trajectory, world.bench.tools)
        reads = {call.arguments for message in task.trajectory for call in message.tool_calls}
        assert all(any(evidence.uri in read for read in reads) for part in parts for evidence in part.evidence)


async def test_the_order_of_the_parts_is_the_order_of_the_answers(world, wide) -> None:
    for parts, task in wide[:5]:
        turned = await extend_width(parts[::-1], world.bench, world.config)
        assert isinstance(turned, Task)
        assert turned.answers == task.answers[::-1]
        assert turned.task_id != task.task_id


# --- and none -------------------------------------------------------------------------------------------------


async def test_near_duplicates_are_not_merged(world, wide) -> None:
    (one, *_), _ = wide[0]
    assert rejection(await extend_width([one, one], world.bench, world.config)) is Reason.NEAR_DUPLICATE
    same_answer = next(
        (a, b) for a in world.atomic for b in world.atomic if a.answer == b.answer and a.task_id != b.task_id
    )
    assert rejection(await extend_width(same_answer, world.bench, world.config)) is Reason.NEAR_DUPLICATE


async def test_tasks_that_have_nothing_in_common_give_no_question(world) -> None:
    one = world.atomic[0]
    other = next(
        task for task in world.atomic
        if task.identifier != one.identifier and task.relation != one.relation and not near_duplicates(one, task)
    )  # fmt: skip
    assert rejection(await extend_width([one, other], world.bench, world.config)) is Reason.NO_PHRASE


class Saying:
    """An author whose wide questions are made by a function of the parts and the good question."""

    def __init__(self, world, say) -> None:
        self._author, self._say = world.bench.author, say

    async def merge_width(self, parts) -> str:
        return self._say(parts, await self._author.merge_width(parts))


SPOILED = {
    "glued": (lambda parts, good: " ".join(part.question for part in parts), {Reason.READABLE}),
    "glued in one": (
        lambda parts, good: " and ".join(part.question.rstrip("?") for part in parts) + "?",
        {Reason.NOT_DECOMPOSABLE, Reason.READABLE},
    ),
    "one part only": (lambda parts, good: parts[0].question, {Reason.NOT_DECOMPOSABLE}),
    "in another language": (
        lambda parts, good: "Welche Werte werden auf den beiden Seiten dafür jeweils in dieser Reihenfolge genannt?",
        {Reason.WRONG_LANGUAGE},
    ),
    "leaked": (lambda parts, good: f"{good[:-1]}, not {parts[0].answer}?", {Reason.LEAK}),
}


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("number", range(3))
async def test_a_question_that_is_no_merge_is_rejected(world, wide, how: str, number: int) -> None:
    say, right = SPOILED[how]
    parts, _ = wide[number]
    assert rejection(await extend_width(parts, world.with_author(Saying(world, say)), world.config)) in right


async def test_parts_in_another_order_than_asked_are_rejected(world, wide) -> None:
    parts, _ = wide[0]
    backwards = Saying(world, lambda parts, good: good)

    async def merge_width(parts) -> str:
        return await world.bench.author.merge_width(parts[::-1])

    backwards.merge_width = merge_width
    result = await extend_width(parts, world.with_author(backwards), world.config)
    assert rejection(result) is Reason.NOT_DECOMPOSABLE


# --- responses that are none --------------------------------------------------------------------------------------

PROSE = ResponseError(Reason.RESPONSE_INVALID, "The model answers in prose.")


@pytest.mark.parametrize("at", ["merge_width", "decomposes", "guess", "solve"])
@pytest.mark.parametrize("error", [PROSE, BudgetExceeded("--max-calls is reached")], ids=["response", "budget"])
async def test_a_response_that_is_none_costs_one_group(world, wide, acting, at: str, error: Exception) -> None:
    async def failing(*_: object) -> None:
        raise error

    role = {"merge_width": "author", "decomposes": "judge"}.get(at, "solver")
    bench = replace(world.bench, **{role: acting.Changed(getattr(world.bench, role), **{at: failing})})
    if error is not PROSE:
        with pytest.raises(BudgetExceeded):
            await extend_width(wide[0][0], bench, world.config)
        return
    result = await extend_width(wide[0][0], bench, world.config)
    assert rejection(result) is Reason.RESPONSE_INVALID
    assert result.detail == PROSE.detail


async def test_all_votes_on_a_wide_answer_are_kept(world, wide, acting) -> None:
    parts, task = wide[0]
    votes = (1, 2, 2)

    async def solve(question: str, tools: object, max_steps: int) -> Solution:
        solution = await world.bench.solver.solve(question, tools, max_steps)
        return solution.model_copy(update={"answers": (f"about {solution.answers[0]}",)})

    async def guess(question: str) -> list[str]:
        return []

    async def score(question: str, golden: str, candidates: object, vote: int = 0) -> int:
        return votes[vote]

    bench = replace(
        world.bench,
        solver=acting.Changed(world.bench.solver, solve=solve, guess=guess),
        judge=acting.Changed(world.bench.judge, score=score, panel=3),
    )
    made = await extend_width(parts, bench, world.config)
    assert isinstance(made, Task)
    assert (made.task_id, made.judge_votes, made.agent_score) == (task.task_id, votes, 2)
