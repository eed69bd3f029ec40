"""Depth extension with roles that err and learn: proposals, tries at a merge, faults, and responses that are none."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from taskcraft_core.errors import BudgetExceeded, ProviderUnavailable, ResponseError
from taskcraft_core.extension.depth import MOST_ATTEMPTS, MOST_TRIES, extend_depth
from taskcraft_core.models import Reason, Rejection, Task
from taskcraft_core.roles import Superset, Try

PROSE = ResponseError(Reason.RESPONSE_INVALID, "The model answers in prose.")


def raising(error: Exception):
    async def method(*_: object, **__: object) -> None:
        raise error

    return method


def refused(number: int) -> Rejection:
    return Rejection(stage="depth", reason=Reason.EVIDENCE, item=f"proposal {number}", detail="Nothing is there.")


class Merging:
    """Says these questions one after the other, and keeps which tries it was told of."""

    def __init__(self, *questions: str | None) -> None:
        self.questions = questions
        self.told: list[tuple[Try, ...]] = []

    async def __call__(self, core: Task, superset: Superset, tries: Sequence[Try]) -> str | None:
        self.told.append(tuple(tries))
        return self.questions[min(len(self.told), len(self.questions)) - 1]


# --- tries at a merge ---------------------------------------------------------------------------------------------


async def test_an_author_learns_what_was_wrong_and_tries_again(world, acting) -> None:
    task, core, auxiliary = world.pick(world.depth, 0)
    merging = Merging(f"Is it {core.answer}?", f"{task.question[:-1]}.", task.question)
    author = acting.author(await acting.superset_of(task, core), merge_depth=merging)
    made, failed = await extend_depth(core, world.with_author(author), world.config)
    assert [one.task_id for one in made] == [task.task_id, auxiliary.task_id]
    assert failed == []
    assert [len(tries) for tries in merging.told] == [0, 1, 2]
    first, second = merging.told[2]
    assert (first.question, second.question) == merging.questions[:2]
    assert "stands in the question" in first.fault
    assert "question mark" in second.fault


async def test_five_tries_and_no_more(world, acting) -> None:
    task, core, _ = world.pick(world.depth, 0)
    merging = Merging(*(f"{task.question[:-1]}{'!' * (n + 1)}" for n in range(2 * MOST_TRIES)))
    author = acting.author(await acting.superset_of(task, core), merge_depth=merging)
    made, failed = await extend_depth(core, world.with_author(author), world.config)
    assert (made, [one.reason for one in failed]) == ([], [Reason.READABLE])
    assert len(merging.told) == MOST_TRIES
    assert failed[0].item == merging.questions[MOST_TRIES - 1]


@pytest.mark.parametrize("last", [None, "the same"])
async def test_who_has_nothing_new_to_say_is_not_asked_again(world, acting, last: str | None) -> None:
    task, core, _ = world.pick(world.depth, 0)
    bad = f"{task.question[:-1]}."
    merging = Merging(bad, bad if last else None)
    author = acting.author(await acting.superset_of(task, core), merge_depth=merging)
    _, failed = await extend_depth(core, world.with_author(author), world.config)
    assert [(one.reason, one.item) for one in failed] == [(Reason.READABLE, bad)]
    assert len(merging.told) == 2


async def test_a_merge_that_the_judge_faults_is_tried_again(world, acting) -> None:
    task, core, _ = world.pick(world.depth, 0)
    other = task.question.replace(" lists ", " has ")
    merging = Merging(other, task.question)

    async def merge_fault(question: str, core: Task, superset: Superset) -> str | None:
        return None if question == task.question else "It asks for something else"

    author = acting.author(await acting.superset_of(task, core), merge_depth=merging)
    bench = replace(world.with_author(author), judge=acting.Changed(world.bench.judge, merge_fault=merge_fault))
    made, _ = await extend_depth(core, bench, world.config)
    assert made[0].question == task.question
    assert merging.told[1] == (Try(other, "It asks for something else."),)

    never = Merging(other, None)
    author = acting.author(await acting.superset_of(task, core), merge_depth=never)
    _, failed = await extend_depth(core, replace(bench, author=author), world.config)
    assert [(one.reason, one.detail) for one in failed] == [(Reason.MERGE_INVALID, "It asks for something else.")]


async def test_a_merge_in_another_language_is_faulted(world, acting) -> None:
    task, core, _ = world.pick(world.depth, 0)
    german = f"Welchen Wert nennt die Seite über das Element, das in “{task.identifier}” beschrieben wird?"
    author = acting.author(await acting.superset_of(task, core), merge_depth=Merging(german))
    _, failed = await extend_depth(core, world.with_author(author), world.config)
    assert [one.reason for one in failed] == [Reason.WRONG_LANGUAGE]


# --- proposals ----------------------------------------------------------------------------------------------------


async def test_a_superset_that_the_judge_faults_is_not_merged(world, acting) -> None:
    task, core, _ = world.pick(world.depth, 0)

    async def superset_fault(identifier: str, superset: Superset) -> str | None:
        return f"{superset.document.title} is a part of {identifier}"

    merging = Merging(task.question)
    author = acting.author(await acting.superset_of(task, core), merge_depth=merging)
    bench = replace(world.with_author(author), judge=acting.Changed(world.bench.judge, superset_fault=superset_fault))
    _, failed = await extend_depth(core, bench, world.config)
    assert [one.reason for one in failed] == [Reason.SUPERSET_INVALID]
    assert "is a part of" in failed[0].detail
    assert merging.told == []


async def test_what_an_author_refuses_itself_counts_as_an_attempt(world, acting) -> None:
    task, core, _ = world.pick(world.depth, 0)
    looked: list[int] = []
    closed: list[bool] = []
    superset = await acting.superset_of(task, core)

    async def supersets(*_: object) -> AsyncIterator[Superset | Rejection]:
        try:
            for number in range(20):
                looked.append(number)
                yield superset if number == 3 else refused(number)
        finally:
            closed.append(True)

    author = acting.Changed(world.bench.author, supersets=supersets)
    made, failed = await extend_depth(core, world.with_author(author), world.config)
    assert made[0].task_id == task.task_id
    assert failed == [refused(number) for number in (0, 1, 2, 4, 5)]
    assert looked == list(range(MOST_ATTEMPTS))
    assert closed == [True]


async def test_a_core_that_does_not_name_its_identifier_costs_nothing(world, acting) -> None:
    _, core, _ = world.pick(world.depth, 0)
    author = acting.author(BudgetExceeded("nobody should be asked"))
    nameless = core.model_copy(update={"question": "How large is its mean radius?"})
    made, failed = await extend_depth(nameless, world.with_author(author), world.config)
    assert (made, [one.reason for one in failed]) == ([], [Reason.NO_PHRASE])
    assert core.identifier in failed[0].detail


# --- responses that are none --------------------------------------------------------------------------------------


async def disturbed(world, acting, at: str, error: Exception) -> tuple[Task, list[Task], list[Rejection]]:
    """The extension of a core whose first proposal meets with an error, and whose second one is good."""
    task, core, auxiliary = world.pick(world.depth, 0)
    good = await acting.superset_of(task, core)
    bad = replace(good, auxiliary=good.auxiliary.model_copy(update={"relation": "spoiled"}))

    def failing(method, spoils):
        async def do(*arguments: object) -> object:
            if spoils(*arguments):
                raise error
            return await method(*arguments)

        return do

    def first(*arguments: object) -> bool:
        return any(one is bad for one in arguments)

    bench = world.bench
    author, judge = acting.author(bad, good), bench.judge
    if at == "supersets":
        author = acting.author(good, error)
    elif at == "merge_depth":
        author.merge_depth = failing(bench.author.merge_depth, first)
    else:
        judge = acting.Changed(judge, **{at: failing(getattr(judge, at), first)})
    made, failed = await extend_depth(core, replace(bench, author=author, judge=judge), world.config)
    return task, made, failed


PLACES = ["supersets", "superset_fault", "merge_depth", "merge_fault"]


@pytest.mark.parametrize("at", PLACES)
async def test_a_response_that_is_none_costs_one_superset(world, acting, at: str) -> None:
    task, made, failed = await disturbed(world, acting, at, PROSE)
    assert [one.task_id for one in made][:1] == [task.task_id]
    assert [(one.stage, one.reason, one.detail) for one in failed] == [("depth", PROSE.reason, PROSE.detail)]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("error", [BudgetExceeded("--max-calls is reached"), ProviderUnavailable("An outage")])
async def test_what_stops_the_run_is_no_rejection(world, acting, at: str, error: Exception) -> None:
    with pytest.raises(type(error)):
        await disturbed(world, acting, at, error)


async def test_a_response_that_is_none_fails_the_auxiliary_or_the_merged_question(world, acting) -> None:
    task, core, auxiliary = world.pick(world.depth, 0)
    author = acting.author(await acting.superset_of(task, core))
    for asked, reason in ((auxiliary, Reason.AUXILIARY), (task, PROSE.reason)):

        async def guess(question: str, asked: Task = asked) -> list[str]:
            if question == asked.question:
                raise PROSE
            return []

        solver = acting.Changed(world.bench.solver, guess=guess)
        bench = replace(world.with_author(author), solver=solver, auxiliaries={})
        made, failed = await extend_depth(core, bench, world.config)
        assert (made, [(one.reason, one.item) for one in failed]) == ([], [(reason, asked.question)])
        assert PROSE.detail in failed[0].detail
