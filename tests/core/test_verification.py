"""Verification: scores, limits, the order of the checks, the acceptance rules, and the task that comes out."""

from dataclasses import replace

import pytest

from taskcraft_core.attempts import Attempt, attempt
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import BudgetExceeded, ResponseError
from taskcraft_core.models import AtomicTask, Message, Reason, Rejection, Solution, Task, ToolCall, task_id_of
from taskcraft_core.tools.replay import replay
from taskcraft_core.verification import verify

STRICT, PAPER = BuildConfig(), BuildConfig(acceptance="paper")
QUESTION = "According to the page “Io”, what is the parent body?"


class Double:
    """A solver that answers what it is told, after so many tool calls, and counts how often it is asked."""

    spec = "double"

    def __init__(self, *answers: str, steps: int = 2, guesses: tuple[str, ...] = ()) -> None:
        self.answers, self.steps, self.guesses = answers, steps, guesses
        self.limits: list[int] = []
        self.guessed = 0

    async def solve(self, question: str, tools: object, max_steps: int) -> Solution:
        self.limits.append(max_steps)
        names = ["search", *["read_page"] * self.steps][: self.steps]
        calls = tuple(ToolCall(id=f"c{n}", name=name, arguments="{}") for n, name in enumerate(names))
        return Solution(answers=self.answers, trajectory=(Message(role="assistant", content="", tool_calls=calls),))

    async def guess(self, question: str) -> list[str]:
        self.guessed += 1
        return list(self.guesses)


class Failing(Double):
    """A solver that fails at one of the two things it does."""

    def __init__(self, at: str, error: Exception) -> None:
        super().__init__("Jupiter")
        self.at, self.error = at, error

    async def solve(self, question: str, tools: object, max_steps: int) -> Solution:
        if self.at == "solve":
            raise self.error
        return await super().solve(question, tools, max_steps)

    async def guess(self, question: str) -> list[str]:
        if self.at == "guess":
            raise self.error
        return await super().guess(question)


class Voting:
    """A judge that is a panel, and casts these votes on everything."""

    spec, panel = "voting", 3

    def __init__(self, *votes: int | Exception) -> None:
        self.votes = votes
        self.asked: list[tuple[int, tuple[str, ...]]] = []

    async def score(self, question: str, golden: str, candidates, vote: int = 0) -> int:
        self.asked.append((vote, tuple(candidates)))
        cast = self.votes[vote]
        if isinstance(cast, Exception):
            raise cast
        return cast


def bench_with(world, solver: Double, reader: Double | None = None):
    return replace(world.bench, solver=solver, reader=reader or solver)


async def tried(world, solver: Double, config: BuildConfig = STRICT, answer: str = "Jupiter") -> Attempt | Reason:
    result = await attempt(QUESTION, answer, bench_with(world, solver), config, 3)
    return result if isinstance(result, Attempt) else result[0]


def good(world, number: int = 0) -> AtomicTask:
    return world.pick([world.authored[task.question] for task in world.atomic], number)


# --- one attempt ----------------------------------------------------------------------------------------------


async def test_the_answer_and_nothing_else_scores_two(world) -> None:
    result = await tried(world, Double("Jupiter"))
    assert isinstance(result, Attempt)
    assert (result.agent_score, result.no_tools_score, result.agent_steps, result.judge_votes) == (2, 0, 2, (2,))


async def test_a_second_answer_scores_one_which_only_the_paper_accepts(world) -> None:
    result = await tried(world, Double("Jupiter", "Saturn"), PAPER)
    assert isinstance(result, Attempt)
    assert result.agent_score == 1
    assert await tried(world, Double("Jupiter", "Saturn"), STRICT) is Reason.RIVAL


@pytest.mark.parametrize("config", [STRICT, PAPER])
async def test_a_longer_answer_that_holds_the_right_one_scores_one(world, config: BuildConfig) -> None:
    result = await tried(world, Double("Jupiter, the largest planet"), config)
    assert isinstance(result, Attempt)
    assert result.agent_score == 1


@pytest.mark.parametrize("config", [STRICT, PAPER])
async def test_another_answer_scores_zero(world, config: BuildConfig) -> None:
    assert await tried(world, Double("Saturn"), config) is Reason.WRONG_ANSWER
    assert await tried(world, Double(), config) is Reason.UNSOLVED
    assert await tried(world, Double("Jupiter", steps=4), config) is Reason.TOO_MANY_STEPS


async def test_as_many_steps_as_are_allowed_are_not_too_many(world) -> None:
    assert isinstance(await tried(world, Double("Jupiter", steps=3)), Attempt)


async def test_what_is_guessed_without_tools_costs_no_agent(world) -> None:
    solver = Double("Jupiter", guesses=("Jupiter",))
    assert await tried(world, solver) is Reason.GUESS
    assert (solver.guessed, solver.limits) == (1, [])
    partly = Double("Jupiter", guesses=("Saturn", "Jupiter"))
    assert await tried(world, partly) is Reason.GUESS
    assert partly.limits == []


@pytest.mark.parametrize(
    ("guesses", "answers", "accepted"),
    [
        ((), ("Jupiter",), True),
        (("Saturn",), ("Jupiter",), True),
        (("Saturn", "Jupiter"), ("Jupiter",), True),
        (("Saturn", "Jupiter"), ("Jupiter", "Saturn"), False),
        (("Jupiter",), ("Jupiter",), False),
    ],
    ids=["2>0", "2>0 wrong guess", "2>1", "1=1", "2=2"],
)
async def test_the_paper_wants_the_agent_to_do_better_than_a_guess(
    world, guesses: tuple[str, ...], answers: tuple[str, ...], accepted: bool
) -> None:
    result = await tried(world, Double(*answers, guesses=guesses), PAPER)
    assert isinstance(result, Attempt) if accepted else result is Reason.GUESS


# --- votes, and responses that are none -------------------------------------------------------------------------


async def test_all_votes_on_the_answer_are_kept_and_their_median_counts(world) -> None:
    judge = Voting(2, 0, 1)
    result = await attempt(QUESTION, "Jupiter", replace(bench_with(world, Double("Zeus")), judge=judge), STRICT, 3)
    assert isinstance(result, Attempt)
    assert (result.judge_votes, result.agent_score, result.no_tools_score) == ((2, 0, 1), 1, 0)
    assert {candidates for _, candidates in judge.asked} == {("Zeus",)}


async def test_a_panel_can_find_a_guess_right(world) -> None:
    solver = Double("Jupiter", guesses=("Zeus",))
    result = await attempt(QUESTION, "Jupiter", replace(bench_with(world, solver), judge=Voting(1, 1)), STRICT, 3)
    assert result == (Reason.GUESS, "the answer is guessed without any tool")
    assert solver.limits == []


async def test_of_several_answers_each_is_voted_on(world) -> None:
    judge = Voting(1, 1)
    solver = Double("Jupiter", "Zeus", "Jove")
    assert isinstance(
        await attempt(QUESTION, "Jupiter", replace(bench_with(world, solver), judge=judge), STRICT, 3), Attempt
    )
    assert [*dict.fromkeys(candidates for _, candidates in judge.asked)] == [("Zeus",), ("Jove",)]


LONG = ResponseError(Reason.CONTEXT_LENGTH, "The text is too long for the model.")


@pytest.mark.parametrize("at", ["guess", "solve"])
async def test_a_solver_without_a_usable_response_is_a_rejection(world, at: str) -> None:
    task = good(world)
    result = await verify(task, bench_with(world, Failing(at, LONG), Double(task.answer)), STRICT)
    assert isinstance(result, Rejection)
    assert (result.stage, result.reason, result.item) == ("verify", Reason.CONTEXT_LENGTH, task.question)
    assert result.detail == LONG.detail


@pytest.mark.parametrize("vote", range(3))
async def test_a_judge_without_a_usable_response_is_a_rejection_and_no_zero(world, vote: int) -> None:
    cast: list[int | Exception] = [0, 2, 2]
    cast[vote] = ResponseError(Reason.MODEL_REFUSED, "It will not say")
    bench = replace(bench_with(world, Double("Zephyria")), judge=Voting(*cast))
    result = await verify(good(world), bench, STRICT)
    assert isinstance(result, Rejection)
    assert (result.reason, result.detail) == (Reason.MODEL_REFUSED, "It will not say.")


async def test_a_second_reading_without_a_usable_response_is_a_rejection(world) -> None:
    task = good(world)
    result = await verify(task, bench_with(world, Double(task.answer), Failing("solve", LONG)), STRICT)
    assert isinstance(result, Rejection)
    assert result.reason is Reason.CONTEXT_LENGTH


@pytest.mark.parametrize("at", ["guess", "solve"])
async def test_a_budget_that_is_reached_rejects_nothing(world, at: str) -> None:
    with pytest.raises(BudgetExceeded):
        await verify(good(world), bench_with(world, Failing(at, BudgetExceeded("--max-calls is reached"))), STRICT)


# --- a whole task ---------------------------------------------------------------------------------------------


BAD = {
    Reason.EVIDENCE: {"answer": "Zephyria"},
    Reason.IDENTIFIER: {"identifier": "Zephyria"},
    Reason.READABLE: {"question": "According to the page “Io”, what is  the orbit"},
    Reason.WRONG_LANGUAGE: {"question": "Welcher Planet wird laut der Seite “{}” von diesem Mond umkreist?"},
}


@pytest.mark.parametrize("reason", BAD)
async def test_checks_that_cost_nothing_come_before_any_solver(world, reason: Reason) -> None:
    solver = Double("Jupiter")
    task = good(world)
    changed = {name: value.format(task.identifier) for name, value in BAD[reason].items()}
    result = await verify(task.model_copy(update=changed), bench_with(world, solver), STRICT)
    assert isinstance(result, Rejection)
    assert (result.reason, result.stage) == (reason, "verify")
    assert (solver.guessed, solver.limits) == (0, [])


async def test_a_question_that_does_not_name_its_document_is_not_asked(world) -> None:
    solver = Double("Jupiter")
    nameless = good(world).model_copy(update={"question": "How large is the mean radius, as the page gives it?"})
    result = await verify(nameless, bench_with(world, solver), STRICT)
    assert isinstance(result, Rejection)
    assert result.reason is Reason.IDENTIFIER
    assert "which document is meant" in result.detail
    assert solver.guessed == 0


async def test_an_answer_that_was_not_read_anywhere_makes_no_task(world) -> None:
    task = good(world)
    result = await verify(task, bench_with(world, Double(task.answer, steps=1)), STRICT)
    assert isinstance(result, Rejection)
    assert (result.reason, result.detail) == (Reason.UNSOLVED, "the agent answers without read_page.")


async def test_a_leaked_answer_is_seen_before_any_solver(world) -> None:
    task, solver = good(world), Double()
    leaked = task.model_copy(update={"question": f"{task.question[:-1]}, {task.answer}?"})
    result = await verify(leaked, bench_with(world, solver), STRICT)
    assert isinstance(result, Rejection)
    assert result.reason is Reason.GUESS
    assert solver.guessed == 0


@pytest.mark.parametrize(("limit", "given"), [(None, 3), (10, 10)])
async def test_the_agent_is_told_its_limit(world, limit: int | None, given: int) -> None:
    task = good(world)
    solver, reader = Double(task.answer), Double(task.answer)
    assert isinstance(await verify(task, bench_with(world, solver, reader), STRICT, most_steps=limit), Task)
    assert solver.limits == [given]


async def test_the_configured_step_limit_counts(world) -> None:
    config = BuildConfig(max_steps=1)
    result = await verify(good(world), world.bench, config)
    assert isinstance(result, Rejection)
    assert result.reason in {Reason.UNSOLVED, Reason.TOO_MANY_STEPS}


@pytest.mark.parametrize("answers", [(), ("Zephyria",)])
async def test_a_second_reading_must_give_the_same_answer(world, answers: tuple[str, ...]) -> None:
    task = good(world)
    solver, reader = Double(task.answer), Double(*answers)
    result = await verify(task, bench_with(world, solver, reader), STRICT)
    assert isinstance(result, Rejection)
    assert result.reason is Reason.SECOND_READING
    assert len(reader.limits) == 1


async def test_a_solver_that_is_no_rule_is_not_read_a_second_time(world) -> None:
    task = good(world)
    bench = replace(bench_with(world, Double(task.answer)), reader=None, second_tools=None)
    made = await verify(task, bench, STRICT)
    assert isinstance(made, Task)
    assert set(made.checks) == {"evidence", "guess", "identifier", "readable", "rival"}


async def test_a_rejection_is_booked_under_the_stage_that_asked(world) -> None:
    task = good(world)
    result = await verify(task, bench_with(world, Double()), STRICT, stage="depth")
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
