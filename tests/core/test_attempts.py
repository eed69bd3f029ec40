"""One attempt at a question: scores, limits, guesses, and the votes of a panel."""

from dataclasses import replace

import pytest

from taskcraft_core.attempts import Attempt, attempt
from taskcraft_core.config import BuildConfig
from taskcraft_core.models import Reason

STRICT, PAPER = BuildConfig(), BuildConfig(acceptance="paper")
QUESTION = "According to the page “Io”, what is the parent body?"


def bench_with(world, solver, reader=None):
    return replace(world.bench, solver=solver, reader=reader or solver)


async def tried(world, solver, config: BuildConfig = STRICT, answer: str = "Jupiter") -> Attempt | Reason:
    result = await attempt(QUESTION, answer, bench_with(world, solver), config, 3)
    return result if isinstance(result, Attempt) else result[0]


# --- scores ---------------------------------------------------------------------------------------------------


async def test_the_answer_and_nothing_else_scores_two(world, solver_of) -> None:
    result = await tried(world, solver_of("Jupiter"))
    assert isinstance(result, Attempt)
    assert (result.agent_score, result.no_tools_score, result.agent_steps, result.judge_votes) == (2, 0, 2, (2,))


async def test_a_second_answer_scores_one_which_only_the_paper_accepts(world, solver_of) -> None:
    result = await tried(world, solver_of("Jupiter", "Saturn"), PAPER)
    assert isinstance(result, Attempt)
    assert result.agent_score == 1
    assert await tried(world, solver_of("Jupiter", "Saturn"), STRICT) is Reason.RIVAL


@pytest.mark.parametrize("config", [STRICT, PAPER])
async def test_a_longer_answer_that_holds_the_right_one_scores_one(world, solver_of, config: BuildConfig) -> None:
    result = await tried(world, solver_of("Jupiter, the largest planet"), config)
    assert isinstance(result, Attempt)
    assert result.agent_score == 1


@pytest.mark.parametrize("config", [STRICT, PAPER])
async def test_another_answer_scores_zero(world, solver_of, config: BuildConfig) -> None:
    assert await tried(world, solver_of("Saturn"), config) is Reason.WRONG_ANSWER
    assert await tried(world, solver_of(), config) is Reason.UNSOLVED
    assert await tried(world, solver_of("Jupiter", steps=4), config) is Reason.TOO_MANY_STEPS


async def test_as_many_steps_as_are_allowed_are_not_too_many(world, solver_of) -> None:
    assert isinstance(await tried(world, solver_of("Jupiter", steps=3)), Attempt)


async def test_what_is_guessed_without_tools_costs_no_agent(world, solver_of) -> None:
    solver = solver_of("Jupiter", guesses=("Jupiter",))
    assert await tried(world, solver) is Reason.GUESS
    assert (solver.guessed, solver.limits) == (1, [])
    partly = solver_of("Jupiter", guesses=("Saturn", "Jupiter"))
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
    world, solver_of, guesses: tuple[str, ...], answers: tuple[str, ...], accepted: bool
) -> None:
    result = await tried(world, solver_of(*answers, guesses=guesses), PAPER)
    assert isinstance(result, Attempt) if accepted else result is Reason.GUESS


# --- votes ----------------------------------------------------------------------------------------------------


async def test_all_votes_on_the_answer_are_kept_and_their_median_counts(world, solver_of, voting) -> None:
    judge = voting(2, 0, 1)
    result = await attempt(QUESTION, "Jupiter", replace(bench_with(world, solver_of("Zeus")), judge=judge), STRICT, 3)
    assert isinstance(result, Attempt)
    assert (result.judge_votes, result.agent_score, result.no_tools_score) == ((2, 0, 1), 1, 0)
    assert {candidates for _, candidates in judge.asked} == {("Zeus",)}


async def test_a_panel_can_find_a_guess_right(world, solver_of, voting) -> None:
    solver = solver_of("Jupiter", guesses=("Zeus",))
    result = await attempt(QUESTION, "Jupiter", replace(bench_with(world, solver), judge=voting(1, 1)), STRICT, 3)
    assert result == (Reason.GUESS, "the answer is guessed without any tool")
    assert solver.limits == []


async def test_of_several_answers_each_is_voted_on(world, solver_of, voting) -> None:
    judge = voting(1, 1)
    solver = solver_of("Jupiter", "Zeus", "Jove")
    assert isinstance(
        await attempt(QUESTION, "Jupiter", replace(bench_with(world, solver), judge=judge), STRICT, 3), Attempt
    )
    assert [*dict.fromkeys(candidates for _, candidates in judge.asked)] == [("Zeus",), ("Jove",)]
