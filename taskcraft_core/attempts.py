"""An attempt at a question: without tools, then with them, scored by votes (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import ResponseError
from taskcraft_core.models import Evidence, Reason, Solution, Tool, Verdict, tool_for
from taskcraft_core.roles.bench import Bench
from taskcraft_core.votes import score_of, votes_on

READING: Mapping[Tool, str] = {"page": "read_page", "pdf": "read_pdf", "image": "view_image"}
"""What an agent calls to read a document of a kind."""

Failure = tuple[Reason, str]
"""Why something is rejected: the code and one sentence."""


class Attempt(Verdict):
    """A verdict together with the solution that earned it."""

    solution: Solution

    def used(self, tools: Sequence[Tool]) -> tuple[Tool, ...]:
        """Those of the reading tools that the agent called."""
        called = _called(self.solution)
        return tuple(tool for tool in tools if READING[tool] in called)

    @property
    def earned(self) -> dict[str, Any]:
        """The fields of a task that its solving gave it."""
        return {
            "trajectory": self.solution.trajectory,
            "trajectory_kind": "solved",
            "agent_score": self.agent_score,
            "no_tools_score": self.no_tools_score,
            "agent_steps": self.agent_steps,
            "judge_votes": self.judge_votes,
        }


async def attempt(
    question: str,
    answer: str,
    bench: Bench,
    config: BuildConfig,
    most_steps: int,
    evidence: Sequence[Evidence] = (),
) -> Attempt | Failure:
    """Tries a question without tools and then with them.

    Args:
        question: What is asked.
        answer: The golden answer.
        bench: Tools and roles.
        config: Acceptance rule.
        most_steps: Tool calls that the agent may take.
        evidence: What the agent has to have read: an answer from the lines of a search is nothing to learn from.

    Returns:
        The accepted attempt, or the reason and one sentence; a response that cannot be used is a reason, and
        never a score.
    """
    try:
        return await _attempt(question, answer, bench, config, most_steps, evidence)
    except ResponseError as error:
        return error.reason, error.detail


def _unread(solution: Solution, evidence: Sequence[Evidence]) -> str | None:
    """The audit wants every kind of document of the evidence read; better known here than when a chain stands on it."""
    missing = {READING[tool_for(one.media_type)] for one in evidence} - _called(solution)
    return f"the agent answers without {' and '.join(sorted(missing))}" if missing else None


def _called(solution: Solution) -> set[str]:
    return {call.name for message in solution.trajectory for call in message.tool_calls}


async def _attempt(
    question: str, answer: str, bench: Bench, config: BuildConfig, most_steps: int, evidence: Sequence[Evidence]
) -> Attempt | Failure:
    no_tools = score_of(await votes_on(question, answer, await bench.solver.guess(question), bench.judge))
    if no_tools > 0 and config.acceptance == "strict":
        return Reason.GUESS, "the answer is guessed without any tool"
    solution = await bench.solver.solve(question, bench.tools, most_steps)
    if solution.steps > most_steps:
        return Reason.TOO_MANY_STEPS, f"the agent took {solution.steps} tool calls; {most_steps} are allowed"
    if not solution.answers:
        return Reason.UNSOLVED, f"the agent found no answer in {solution.steps} tool calls"
    unread = _unread(solution, evidence)
    if unread:
        return Reason.UNSOLVED, unread
    votes = await votes_on(question, answer, solution.answers, bench.judge)
    score = score_of(votes)
    if score == 0:
        return Reason.WRONG_ANSWER, f"the agent answers {solution.answers[0]!r} and not {answer!r}"
    if score < 1 or score <= no_tools:
        return Reason.GUESS, "the agent does no better with tools than without"
    other = await _rival_answer(question, answer, solution, bench) if config.acceptance == "strict" else None
    if other is not None:
        return Reason.RIVAL, f"the agent finds {other!r} as well as {answer!r}"
    return Attempt(
        agent_score=score,
        no_tools_score=no_tools,
        agent_steps=solution.steps,
        judge_votes=votes,
        solution=solution,
    )


async def _rival_answer(question: str, answer: str, solution: Solution, bench: Bench) -> str | None:
    """The first of several answers that is wrong; one that is longer and holds the right one is not (score 1)."""
    for other in solution.answers if len(solution.answers) > 1 else ():
        if score_of(await votes_on(question, answer, [other], bench.judge)) == 0:
            return other
    return None
