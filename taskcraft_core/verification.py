"""Verification: a task is kept only where an agent with tools solves it and a model without tools does not.

The rules of the paper (section 3.3) and the adversarial checks, once, over the Protocols of the roles. The checks
that cost nothing run first, then the attempt without tools; an agent is not spent on a task that fails them.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskcraft_core import checks
from taskcraft_core.attempts import Attempt, Failure, attempt
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import ResponseError
from taskcraft_core.models import (
    AtomicTask,
    Reason,
    Rejection,
    Stage,
    Task,
    Tool,
    task_id_of,
)
from taskcraft_core.roles.bench import Bench
from taskcraft_core.roles.extractive.writing.phrasing import opened
from taskcraft_core.roles.extractive.writing.words import contains_words
from taskcraft_core.votes import score_of, votes_on

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
        The task with its verdict and trajectory, or why it is rejected; a role that gives no usable response
        is a reason too.

    Raises:
        ProviderError: A service cannot be had.
        BudgetExceeded: A cap is reached.
    """
    failed = _inspect(atomic, bench)
    if failed is not None:
        return reject(stage, *failed, atomic.question, atomic.evidence.document_id)
    steps = most_steps or config.max_steps
    tried = await attempt(atomic.question, atomic.answer, bench, config, steps, (atomic.evidence,))
    if not isinstance(tried, tuple):
        tried = await _second_reading(atomic, bench, steps) or tried
    if isinstance(tried, tuple):
        return reject(stage, *tried, atomic.question, atomic.evidence.document_id)
    passed = ["evidence", "guess", "identifier", "readable", "rival", *(["second_reading"] if bench.reader else [])]
    return _task(atomic, tried, passed, tried.used(_tools(atomic, bench)))


def _inspect(atomic: AtomicTask, bench: Bench) -> Failure | None:
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
    foreign = checks.wrong_language(atomic.question, atomic.language, atomic.identifier)
    if foreign:
        return Reason.WRONG_LANGUAGE, foreign
    if not contains_words(atomic.question, atomic.identifier):
        return (
            Reason.IDENTIFIER,
            f"without {atomic.identifier!r} in the question nobody can know which document is meant",
        )
    guessed = checks.guess(atomic.question, atomic.answer)
    if guessed:
        return Reason.GUESS, guessed
    parts = opened(atomic.question)
    clause = parts.clause if parts else atomic.question
    other = checks.rival(clause, atomic.identifier, atomic.answer, evidence, corpus.documents[evidence.document_id])
    return (Reason.RIVAL, other) if other else None


async def _second_reading(atomic: AtomicTask, bench: Bench, steps: int) -> Failure | None:
    """The same question over another chunking of the documents must give the same answer, to a rule that reads."""
    if bench.reader is None or bench.second_tools is None:
        return None
    try:
        again = await bench.reader.solve(atomic.question, bench.second_tools, max(steps, AUXILIARY_STEPS))
        votes = await votes_on(atomic.question, atomic.answer, again.answers[:1], bench.judge)
    except ResponseError as error:
        return error.reason, error.detail
    if score_of(votes) < 2:
        return Reason.SECOND_READING, f"over another chunking the agent answers {again.answers[:1]!r}"
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
    """A rejection of a question; `detail` is a sentence with or without its full stop."""
    return Rejection(
        stage=stage, reason=reason, item=question, detail=f"{detail.removesuffix('.')}.", document_id=document_id
    )
