"""Verification: the order of the checks, responses that are none, and the task that comes out."""

from dataclasses import replace

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import BudgetExceeded, ResponseError
from taskcraft_core.models import AtomicTask, Reason, Rejection, Task, task_id_of
from taskcraft_core.tools.replay import replay
from taskcraft_core.verification import verify

STRICT = BuildConfig()
LONG = ResponseError(Reason.CONTEXT_LENGTH, "The text is too long for the model.")


def bench_with(world, solver, reader=None):
    return replace(world.bench, solver=solver, reader=reader or solver)


def good(world, number: int = 0) -> AtomicTask:
    return world.pick([world.authored[task.question] for task in world.atomic], number)


# --- responses that are none ----------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["guess", "solve"])
async def test_a_solver_without_a_usable_response_is_a_rejection(world, solver_of, failing_at, at: str) -> None:
    task = good(world)
    result = await verify(task, bench_with(world, failing_at(at, LONG), solver_of(task.answer)), STRICT)
    assert isinstance(result, Rejection)
    assert (result.stage, result.reason, result.item) == ("verify", Reason.CONTEXT_LENGTH, task.question)
    assert result.detail == LONG.detail


@pytest.mark.parametrize("vote", range(3))
async def test_a_judge_without_a_usable_response_is_a_rejection_and_no_zero(
    world, solver_of, voting, vote: int
) -> None:
    cast: list[int | Exception] = [0, 2, 2]
    cast[vote] = ResponseError(Reason.MODEL_REFUSED, "It will not say")
    bench = replace(bench_with(world, solver_of("Zephyria")), judge=voting(*cast))
    result = await verify(good(world), bench, STRICT)
    assert isinstance(result, Rejection)
    assert (result.reason, result.detail) == (Reason.MODEL_REFUSED, "It will not say.")


async def test_a_second_reading_without_a_usable_response_is_a_rejection(world, solver_of, failing_at) -> None:
    task = good(world)
    result = await verify(task, bench_with(world, solver_of(task.answer), failing_at("solve", LONG)), STRICT)
    assert isinstance(result, Rejection)
    assert result.reason is Reason.CONTEXT_LENGTH


@pytest.mark.parametrize("at", ["guess", "solve"])
async def test_a_budget_that_is_reached_rejects_nothing(world, failing_at, at: str) -> None:
    with pytest.raises(BudgetExceeded):
        await verify(good(world), bench_with(world, failing_at(at, BudgetExceeded("--max-calls is reached"))), STRICT)


# --- a whole task ---------------------------------------------------------------------------------------------


BAD = {
    Reason.EVIDENCE: {"answer": "Zephyria"},
    Reason.IDENTIFIER: {"identifier": "Zephyria"},
    Reason.READABLE: {"question": "According to the page “Io”, what is  the orbit"},
    Reason.WRONG_LANGUAGE: {"question": "Welcher Planet wird laut der Seite “{}” von diesem Mond umkreist?"},
}


@pytest.mark.parametrize("reason", BAD)
async def test_checks_that_cost_nothing_come_before_any_solver(world, solver_of, reason: Reason) -> None:
    solver = solver_of("Jupiter")
    task = good(world)
    changed = {name: value.format(task.identifier) for name, value in BAD[reason].items()}
    result = await verify(task.model_copy(update=changed), bench_with(world, solver), STRICT)
    assert isinstance(result, Rejection)
    assert (result.reason, result.stage) == (reason, "verify")
    assert (solver.guessed, solver.limits) == (0, [])


async def test_a_question_that_does_not_name_its_document_is_not_asked(world, solver_of) -> None:
    solver = solver_of("Jupiter")
    nameless = good(world).model_copy(update={"question": "How large is the mean radius, as the page gives it?"})
    result = await verify(nameless, bench_with(world, solver), STRICT)
    assert isinstance(result, Rejection)
    assert result.reason is Reason.IDENTIFIER
    assert "which document is meant" in result.detail
    assert solver.guessed == 0


async def test_an_answer_that_was_not_read_anywhere_makes_no_task(world, solver_of) -> None:
    task = good(world)
    result = await verify(task, bench_with(world, solver_of(task.answer, steps=1)), STRICT)
    assert isinstance(result, Rejection)
    assert (result.reason, result.detail) == (Reason.UNSOLVED, "the agent answers without read_page.")


async def test_a_leaked_answer_is_seen_before_any_solver(world, solver_of) -> None:
    task, solver = good(world), solver_of()
    leaked = task.model_copy(update={"question": f"{task.question[:-1]}, {task.answer}?"})
    result = await verify(leaked, bench_with(world, solver), STRICT)
    assert isinstance(result, Rejection)
    assert result.reason is Reason.GUESS
    assert solver.guessed == 0


@pytest.mark.parametrize(("limit", "given"), [(None, 3), (10, 10)])
async def test_the_agent_is_told_its_limit(world, solver_of, limit: int | None, given: int) -> None:
    task = good(world)
    solver, reader = solver_of(task.answer), solver_of(task.answer)
    assert isinstance(await verify(task, bench_with(world, solver, reader), STRICT, most_steps=limit), Task)
    assert solver.limits == [given]


async def test_the_configured_step_limit_counts(world) -> None:
    config = BuildConfig(max_steps=1)
    result = await verify(good(world), world.bench, config)
    assert isinstance(result, Rejection)
    assert result.reason in {Reason.UNSOLVED, Reason.TOO_MANY_STEPS}


@pytest.mark.parametrize("answers", [(), ("Zephyria",)])
async def test_a_second_reading_must_give_the_same_answer(world, solver_of, answers: tuple[str, ...]) -> None:
    task = good(world)
    solver, reader = solver_of(task.answer), solver_of(*answers)
    result = await verify(task, bench_with(world, solver, reader), STRICT)
    assert isinstance(result, Rejection)
    assert result.reason is Reason.SECOND_READING
    assert len(reader.limits) == 1


async def test_a_solver_that_is_no_rule_is_not_read_a_second_time(world, solver_of) -> None:
    task = good(world)
    bench = replace(bench_with(world, solver_of(task.answer)), reader=None, second_tools=None)
    made = await verify(task, bench, STRICT)
    assert isinstance(made, Task)
    assert set(made.checks) == {"evidence", "guess", "identifier", "readable", "rival"}


async def test_a_rejection_is_booked_under_the_stage_that_asked(world, solver_of) -> None:
    task = good(world)
    result = await verify(task, bench_with(world, solver_of()), STRICT, stage="depth")
    assert isinstance(result, Rejection)
    assert (result.stage, result.item, result.document_id) == ("depth", task.question, task.evidence.document_id)
    assert result.detail.endswith(".")


@pytest.mark.parametrize("number", range(5))
async def test_a_verified_task_follows_the_table_of_the_design(world, number: int) -> None:
    atomic = good(world, number)
    task = await verify(atomic, world.bench, STRICT)
    assert isinstance(task, Task)
    assert (task.kind, task.hops, task.width, task.parent_ids, task.selector) == ("atomic", 1, 1, (), None)
    assert (task.answers, task.evidence, task.tools) == ((atomic.answer,), (atomic.evidence,), ("page",))
    assert (task.identifier, task.relation) == (atomic.identifier, atomic.relation)
    assert task.task_id == task_id_of(
        task.question, task.answers, task.identifier, task.relation, task.parent_ids, task.evidence
    )
    assert (task.agent_score, task.no_tools_score, task.trajectory_kind) == (2, 0, "solved")
    assert task.agent_steps == sum(len(message.tool_calls) for message in task.trajectory) <= STRICT.max_steps
    assert {"evidence", "guess", "identifier", "readable", "rival", "second_reading"} == set(task.checks)
    assert task.trajectory[0].content == task.question
    assert task.trajectory[-1].content == task.answer
    assert await replay(task.trajectory, world.bench.tools)


async def test_a_solution_is_carried_over_for_as_long_as_what_it_read_stands(world) -> None:
    task = good(world)
    again = world.with_documents()
    assert isinstance(await verify(task, again, STRICT), Task)
    assert (again.solver.carried, again.solver.solved) == (1, 0)
    document = world.bench.corpus.documents[task.evidence.document_id]
    changed = world.with_documents([document.model_copy(update={"blocks": document.blocks[:1] + document.blocks})])
    await verify(task, changed, STRICT)
    assert (changed.solver.carried, changed.solver.solved) == (0, 1)
