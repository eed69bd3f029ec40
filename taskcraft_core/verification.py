"""Verification: a task is kept only where an agent with tools solves it and a model without tools does not.

The rules of the paper (section 3.3) and the adversarial checks, once, over the Protocols of the roles. The checks
that cost nothing run first, then the attempt without tools; an agent is not spent on a task that fails them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taskcraft_core import checks
from taskcraft_core.config import BuildConfig
from taskcraft_core.models import (
    AtomicTask,
    Reason,
    Rejection,
    Solution,
    Stage,
    Task,
    Tool,
    Verdict,
    task_id_of,
)
from taskcraft_core.roles.bench import Bench
from taskcraft_core.roles.extractive.writing.phrasing import opened

AUXILIARY_STEPS = 10
"""Tool calls that an auxiliary task or an extension may take (paper: up to 10)."""


async def verify(
    atomic: AtomicTask, bench: Bench, config: BuildConfig, *, stage: Stage = "verify", most_steps: int | None = None
) -> Task | Rejection:
    """Verifies one atomic task.

    Args:
        atomic: The authored task.
        bench: Corpus, tools and roles.
        config: Acceptance rule and step limit.
        stage: The stage a rejection is booked under.
        most_steps: A step limit other than the configured one (auxiliary tasks).

    Returns:
        The task with its verdict and trajectory, or why it is rejected.
    """
    failed = _inspect(atomic, bench)
    if failed is not None:
        return reject(stage, *failed, atomic.question, atomic.evidence.document_id)
    steps = most_steps or config.max_steps
    tried = await attempt(atomic.question, atomic.answer, bench, config, steps)
    if not isinstance(tried, tuple):
        second = await _second_reading(atomic, bench, steps)
        tried = (Reason.SECOND_READING, second) if second else tried
    if isinstance(tried, tuple):
        return reject(stage, *tried, atomic.question, atomic.evidence.document_id)
    passed = ("evidence", "guess", "identifier", "readable", "rival", "second_reading")
    return _task(atomic, tried, passed, _tools(atomic, bench))


def _inspect(atomic: AtomicTask, bench: Bench) -> tuple[Reason, str] | None:
    """Everything that can be checked without an agent."""
    evidence, corpus = atomic.evidence, bench.corpus
    missing = checks.evidence_missing(evidence, atomic.answer, corpus)
    if missing:
        return Reason.EVIDENCE, missing
    ambiguous = checks.identifier_ambiguous(atomic.identifier, corpus)
    if ambiguous:
        return Reason.IDENTIFIER, ambiguous
    unreadable = checks.readable(atomic.question)
    if unreadable:
        return Reason.READABLE, unreadable
    guessed = checks.guess(atomic.question, atomic.answer)
    if guessed:
        return Reason.GUESS, guessed
    parts = opened(atomic.question)
    clause = parts.clause if parts else atomic.question
    other = checks.rival(clause, atomic.identifier, atomic.answer, evidence, corpus.documents[evidence.document_id])
    return (Reason.RIVAL, other) if other else None


class Attempt(Verdict):
    """A verdict together with the solution that earned it."""

    solution: Solution

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
    question: str, answer: str, bench: Bench, config: BuildConfig, most_steps: int
) -> Attempt | tuple[Reason, str]:
    """Tries a question without tools and then with them.

    Returns:
        The accepted attempt, or the reason and one sentence.
    """
    no_tools = await bench.judge.score(question, answer, await bench.solver.guess(question))
    if no_tools > 0 and config.acceptance == "strict":
        return Reason.GUESS, "the answer is guessed without any tool"
    solution = await bench.solver.solve(question, bench.tools, most_steps)
    if solution.steps > most_steps:
        return Reason.TOO_MANY_STEPS, f"the agent took {solution.steps} tool calls; {most_steps} are allowed"
    if not solution.answers:
        return Reason.UNSOLVED, f"the agent found no answer in {solution.steps} tool calls"
    score = await bench.judge.score(question, answer, solution.answers)
    if score == 0:
        return Reason.WRONG_ANSWER, f"the agent answers {solution.answers[0]!r} and not {answer!r}"
    if score < 1 or score <= no_tools:
        return Reason.GUESS, "the agent does no better with tools than without"
    # a longer answer that contains the right one is no rival: that is what score 1 is for
    others = [other for other in solution.answers if await bench.judge.score(question, answer, [other]) == 0]
    if others and config.acceptance == "strict":
        return Reason.RIVAL, f"the agent finds {others[0]!r} as well as {answer!r}"
    return Attempt(
        agent_score=score,
        no_tools_score=no_tools,
        agent_steps=solution.steps,
        judge_votes=(score,),
        solution=solution,
    )


async def _second_reading(atomic: AtomicTask, bench: Bench, steps: int) -> str | None:
    """The same question over another chunking of the documents must give the same answer."""
    again = await bench.reader.solve(atomic.question, bench.second_tools, max(steps, AUXILIARY_STEPS))
    if await bench.judge.score(atomic.question, atomic.answer, again.answers[:1]) < 2:
        return f"over another chunking the agent answers {again.answers[:1]!r}"
    return None


def _tools(atomic: AtomicTask, bench: Bench) -> tuple[Tool, ...]:
    """The reading tools, in the order of reading: of the named document, then of the one with the evidence."""
    named = bench.corpus.by_title(atomic.identifier)
    return tuple(dict.fromkeys([named[0].tool, atomic.tool]))


def _task(atomic: AtomicTask, tried: Attempt, passed: Sequence[str], tools: tuple[Tool, ...]) -> Task:
    answers, evidence = (atomic.answer,), (atomic.evidence,)
    return Task(
        task_id=task_id_of(atomic.question, answers, atomic.identifier, atomic.relation, (), evidence),
        kind="atomic",
        question=atomic.question,
        answer=atomic.answer,
        answers=answers,
        hops=1,
        width=1,
        tools=tools,
        identifier=atomic.identifier,
        relation=atomic.relation,
        selector=None,
        language=atomic.language,
        parent_ids=(),
        evidence=evidence,
        checks=tuple(sorted(passed)),
        **tried.earned,
    )


def reject(stage: Stage, reason: Reason, detail: str, question: str, document_id: str | None) -> Rejection:
    """A rejection of a question."""
    return Rejection(stage=stage, reason=reason, item=question, detail=f"{detail}.", document_id=document_id)
