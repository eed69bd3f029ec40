"""Width extension: related tasks become one question that needs all their answers (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

from taskcraft_core import checks
from taskcraft_core.attempts import Attempt, Failure, attempt
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import ResponseError
from taskcraft_core.extension.related import near_duplicates
from taskcraft_core.models import Reason, Rejection, Task, task_id_of
from taskcraft_core.roles.bench import Bench
from taskcraft_core.verification import AUXILIARY_STEPS, reject


async def extend_width(parts: Sequence[Task], bench: Bench, config: BuildConfig) -> Task | Rejection:
    """Merges related tasks into one.

    Args:
        parts: 2 or 3 verified tasks.
        bench: Corpus, tools and roles.
        config: Acceptance rule.

    Returns:
        The width task, its answers in the order of the parts, or why the parts do not go together; a role that
        gives no usable response is a reason too.

    Raises:
        ProviderError: A service cannot be had.
        BudgetExceeded: A cap is reached.
    """
    if any(near_duplicates(a, b) for i, a in enumerate(parts) for b in parts[:i]):
        return _reject(parts, Reason.NEAR_DUPLICATE, "two parts ask for nearly the same")
    try:
        question = await bench.author.merge_width(parts)
        if question is None:
            return _reject(parts, Reason.NO_PHRASE, "the parts give no question that is more than their sum")
        failed = _merge_fails(question, parts)
        if failed is not None:
            return _reject(parts, *failed, question)
        if not await bench.judge.decomposes(question, [part.question for part in parts]):
            return _reject(parts, Reason.NOT_DECOMPOSABLE, "the question does not come apart into its parts", question)
    except ResponseError as error:
        return _reject(parts, error.reason, error.detail)
    answer = "; ".join(part.answer for part in parts)
    evidence = [evidence for part in parts for evidence in part.evidence]
    tried = await attempt(question, answer, bench, config, AUXILIARY_STEPS, evidence)
    if isinstance(tried, tuple):
        return _reject(parts, *tried, question)
    return _width_task(question, answer, parts, tried)


def _merge_fails(question: str, parts: Sequence[Task]) -> Failure | None:
    leaked = next((found for part in parts if (found := checks.guess(question, part.answer))), None)
    if leaked:
        return Reason.LEAK, leaked
    unreadable = checks.readable(question)
    if unreadable:
        return Reason.READABLE, unreadable
    foreign = checks.wrong_language(question, parts[0].language, *(part.identifier for part in parts))
    return (Reason.WRONG_LANGUAGE, foreign) if foreign else None


def _width_task(question: str, answer: str, parts: Sequence[Task], tried: Attempt) -> Task:
    answers = tuple(part.answer for part in parts)
    identifier = "; ".join(dict.fromkeys(part.identifier for part in parts))
    relation = "; ".join(dict.fromkeys(part.relation for part in parts))
    parents = tuple(part.task_id for part in parts)
    evidence = tuple(evidence for part in parts for evidence in part.evidence)
    return Task(
        task_id=task_id_of(question, answers, identifier, relation, parents, evidence),
        kind="width",
        question=question,
        answer=answer,
        answers=answers,
        hops=max(part.hops for part in parts),
        width=len(parts),
        tools=tried.used(tuple(dict.fromkeys(tool for part in parts for tool in part.tools))),
        identifier=identifier,
        relation=relation,
        selector=None,
        language=parts[0].language,
        parent_ids=parents,
        evidence=evidence,
        checks=("decompose", "guess", "leak", "near_duplicate", "readable", "rival"),
        **tried.earned,
    )


def _reject(parts: Sequence[Task], reason: Reason, detail: str, question: str | None = None) -> Rejection:
    item = question or " + ".join(part.question for part in parts)
    return reject("width", reason, detail, item, parts[0].evidence[0].document_id)
