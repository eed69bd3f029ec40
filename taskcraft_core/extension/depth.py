"""Depth extension: the identifier of a task is replaced by a question whose answer it is (paper, section 3.2)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from taskcraft_core import checks
from taskcraft_core.attempts import Attempt, Failure, attempt
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import ResponseError
from taskcraft_core.extension.selector import targets
from taskcraft_core.models import AtomicTask, Document, Reason, Rejection, Task, content_hash, task_id_of
from taskcraft_core.roles import Superset, Try
from taskcraft_core.roles.bench import Bench
from taskcraft_core.roles.extractive.normalise import same
from taskcraft_core.roles.extractive.writing.words import contains_words
from taskcraft_core.verification import AUXILIARY_STEPS, reject, verify

MOST_ATTEMPTS = 6
"""Supersets tried for one task (paper: up to 6 attempts a chain)."""
MOST_TRIES = 5
"""Merged questions tried for one superset (paper: up to 5 tries)."""
MOST_EXTENSIONS = 2
"""Extensions kept of one task."""
SHORTCUT_HITS = 3
"""A search that brings the target among so many hits is a shortcut."""
CHECKS = ("auxiliary", "cycle", "guess", "leak", "readable", "rival", "second_target", "shortcut", "synonym")
"""What every depth task has passed; a judge that is a model adds what it was asked."""


async def extend_depth(core: Task, bench: Bench, config: BuildConfig) -> tuple[list[Task], list[Rejection]]:
    """Extends a verified task by one hop.

    Args:
        core: An atomic or a depth task.
        bench: Corpus, tools and roles.
        config: Acceptance rule.

    Returns:
        The new depth tasks, each with the auxiliary atomic task that it stands on, and what failed; a response
        that cannot be used costs the one superset that it was about.

    Raises:
        ProviderError: A service cannot be had.
        BudgetExceeded: A cap is reached.
    """
    found = bench.corpus.by_title(core.identifier)
    if len(found) != 1:
        return [], [_reject(core, Reason.IDENTIFIER, f"{len(found)} documents are titled {core.identifier!r}")]
    if not contains_words(core.question, core.identifier):
        return [], [
            _reject(core, Reason.NO_PHRASE, f"{core.identifier!r} does not stand in the question to be replaced")
        ]
    tasks: list[Task] = []
    rejections: list[Rejection] = []
    async with aclosing(_proposals(core, bench.corpus.documents[found[0].id], bench)) as proposals:
        async for proposed in proposals:
            extended = proposed if isinstance(proposed, Rejection) else await _extend(core, proposed, bench, config)
            if isinstance(extended, Rejection):
                rejections.append(extended)
                continue
            tasks += extended
            if len(tasks) >= 2 * MOST_EXTENSIONS:
                break
    if not tasks and not rejections:
        rejections.append(_reject(core, Reason.NO_SUPERSET, f"nothing in the corpus describes {core.identifier!r}"))
    return tasks, rejections


async def _proposals(core: Task, target: Document, bench: Bench) -> AsyncGenerator[Superset | Rejection, None]:
    """The author's first proposals; one more is never looked for."""
    found = bench.author.supersets(core.identifier, target, bench.corpus, bench.tools)
    try:
        for _ in range(MOST_ATTEMPTS):
            yield await anext(found)
    except StopAsyncIteration:
        pass
    except ResponseError as error:
        yield _reject(core, error.reason, error.detail)
    finally:
        if isinstance(found, AsyncGenerator):
            await found.aclose()


async def _extend(core: Task, superset: Superset, bench: Bench, config: BuildConfig) -> tuple[Task, Task] | Rejection:
    failed = _relation_fails(core, superset, bench)
    if failed is not None:
        return _reject(core, *failed)
    try:
        fault = await bench.judge.superset_fault(core.identifier, superset)
        question = _reject(core, Reason.SUPERSET_INVALID, fault) if fault else await _merged(core, superset, bench)
    except ResponseError as error:
        return _reject(core, error.reason, error.detail)
    if isinstance(question, Rejection):
        return question
    auxiliary = await _verified(superset.auxiliary, bench, config)
    if isinstance(auxiliary, Rejection):
        return _reject(core, Reason.AUXILIARY, f"{auxiliary.reason}: {auxiliary.detail.rstrip('.')}", auxiliary.item)
    evidence = (*auxiliary.evidence, *core.evidence)
    tried = await attempt(question, core.answer, bench, config, AUXILIARY_STEPS, evidence)
    if isinstance(tried, tuple):
        return _reject(core, *tried, question)
    judged = ("merge", "superset") if bench.judge.panel > 1 else ()
    return _depth_task(question, core, auxiliary, superset, tried, judged), auxiliary


async def _merged(core: Task, superset: Superset, bench: Bench) -> str | Rejection:
    """The first merged question without a fault; the author learns from those that have one."""
    failed = _reject(core, Reason.NO_PHRASE, "the element cannot be replaced in the question")
    tries: list[Try] = []
    while len(tries) < MOST_TRIES:
        question = await bench.author.merge_depth(core, superset, tuple(tries))
        if question is None or any(question == tried.question for tried in tries):
            break
        failure = _merge_fails(question, core, superset, bench)
        if failure is None and (fault := await bench.judge.merge_fault(question, core, superset)):
            failure = Reason.MERGE_INVALID, fault
        if failure is None:
            return question
        failed = _reject(core, *failure, question)
        tries.append(Try(question, failed.detail))
    return failed


async def _verified(auxiliary: AtomicTask, bench: Bench, config: BuildConfig) -> Task | Rejection:
    """The verdict on an auxiliary task, worked out once however many cores it serves at the same time.

    Whoever comes second waits for the first; if that one is cancelled or fails, the next works it out itself.
    """
    key = content_hash([auxiliary.model_dump(), config.acceptance])
    async with bench.turns.setdefault(key, asyncio.Lock()):
        if key not in bench.auxiliaries:
            verdict = await verify(auxiliary, bench, config, stage="depth", most_steps=AUXILIARY_STEPS)
            bench.auxiliaries[key] = verdict
    return bench.auxiliaries[key]


def _relation_fails(core: Task, superset: Superset, bench: Bench) -> Failure | None:
    """The relation is no step back, no other name for the same thing, and leads to one document."""
    document = superset.document
    chain = {evidence.document_id for evidence in core.evidence} | {superset.target.id}
    if document.id in chain or any(same(document.title, bench.corpus.heads[i].title) for i in chain):
        return Reason.CYCLE, f"{document.title!r} stands in the chain already"
    if is_synonym(document.title, core.identifier):
        return Reason.SYNONYM, f"{document.title!r} is another name for {core.identifier!r}"
    found = targets(superset.selector, bench.corpus)
    if found != {superset.target.id}:
        return Reason.SECOND_TARGET, f"the relation leads to {len(found)} targets"
    # no wording of a merge could mend the rest, so none is paid for
    stated = superset.auxiliary.evidence.quote
    if states(stated, core.answer):
        return Reason.SHORTCUT, f"the entry of {document.title!r} states the answer itself"
    skipped = _leads(superset.selector.value, superset, bench)
    return (Reason.SHORTCUT, skipped) if skipped else None


def states(entry: str, answer: str) -> bool:
    """Whether an entry (a row with its bars, a line, a sentence) holds an answer, in whatever form a cell has it."""
    return contains_words(entry, answer) or any(same(cell, answer) for cell in entry.split("|"))


def is_synonym(one: str, other: str) -> bool:
    """Whether two identifiers name the same thing: equal, or one inside the other."""
    return same(one, other) or contains_words(one, other) or contains_words(other, one)


def _merge_fails(question: str, core: Task, superset: Superset, bench: Bench) -> Failure | None:
    leaked = checks.leak(question, core.answer, core.identifier, f"{superset.hint} {superset.document.title}")
    if leaked:
        return Reason.LEAK, leaked
    unreadable = checks.readable(question)
    if unreadable:
        return Reason.READABLE, unreadable
    foreign = checks.wrong_language(question, core.language, superset.document.title)
    if foreign:
        return Reason.WRONG_LANGUAGE, foreign
    guessed = checks.guess(question, core.answer)
    if guessed:
        return Reason.GUESS, guessed
    skipped = shortcut(question, core, superset, bench)
    return (Reason.SHORTCUT, skipped) if skipped else None


def shortcut(question: str, core: Task, superset: Superset, bench: Bench) -> str | None:
    """Whether the new first hop can be skipped: by a search for what follows it, or for its description alone."""
    skipped = (_leads(text, superset, bench) for text in _searched(question, core, superset))
    return next(filter(None, skipped), None)


def _leads(text: str, superset: Superset, bench: Bench) -> str | None:
    """Whether a search for a text finds the target at once."""
    return checks.shortcut([text], superset.target.id, [bench.search.top(text, SHORTCUT_HITS)])


def _searched(question: str, core: Task, superset: Superset) -> list[str]:
    """What somebody would search for who does not want to find the superset first (the value was searched before)."""
    named = superset.document.title
    first, *later = steps_of(question)
    if later and question.startswith((f"“{named}”", f"《{named}》")):
        description = first.replace(f"“{named}”", "").replace(f"《{named}》", "").strip()
        return [" ".join(later), later[-1], description, " ".join([description, *later])]
    # a question in no form of ours: its steps cannot be told apart, but its names can be left out
    texts = (_without(core.question, core.identifier), _without(question, named))
    return [text for text in texts if re.search(r"\w", text)]


def _without(question: str, name: str) -> str:
    """A question with a name, and the quotes about it, left out."""
    return " ".join(re.sub(rf"[“《\"']?{re.escape(name)}[”》\"']?", " ", question, flags=re.I).split())


def steps_of(question: str) -> list[str]:
    """The statements of a merged question, the clause last."""
    return [part for part in re.split(r"(?<=[.。])\s*(?=[A-Z“《该关根])", question) if part]


def _depth_task(
    question: str, core: Task, auxiliary: Task, superset: Superset, tried: Attempt, judged: tuple[str, ...]
) -> Task:
    parents = (core.task_id, auxiliary.task_id)
    evidence = (*auxiliary.evidence, *core.evidence)
    return Task(
        task_id=task_id_of(question, core.answers, auxiliary.identifier, auxiliary.relation, parents, evidence),
        kind="depth",
        question=question,
        answer=core.answer,
        answers=core.answers,
        hops=core.hops + 1,
        width=1,
        tools=tried.used(tuple(dict.fromkeys([*auxiliary.tools, *core.tools]))),
        identifier=auxiliary.identifier,
        relation=auxiliary.relation,
        selector=superset.selector,
        language=core.language,
        parent_ids=parents,
        evidence=evidence,
        checks=tuple(sorted((*CHECKS, *judged))),
        **tried.earned,
    )


def _reject(core: Task, reason: Reason, detail: str, question: str | None = None) -> Rejection:
    return reject("depth", reason, detail, question or core.question, core.evidence[0].document_id)
