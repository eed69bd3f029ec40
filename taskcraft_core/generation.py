"""Atomic generation: a document's conclusions become questions (paper, section 3.1)."""

from __future__ import annotations

from taskcraft_core.config import BuildConfig
from taskcraft_core.documents.render import render
from taskcraft_core.errors import ResponseError
from taskcraft_core.models import AtomicTask, Conclusion, Document, Reason, Rejection
from taskcraft_core.roles import Author
from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.roles.extractive.writing.words import GENERIC_TITLES

SUPPORTED_LANGUAGES = ("en", "zh")
LONGEST_TITLE = 120


async def generate(document: Document, author: Author, config: BuildConfig) -> tuple[list[AtomicTask], list[Rejection]]:
    """Authors the atomic tasks of one document.

    Args:
        document: What to ask about.
        author: Who concludes and asks.
        config: Caps on conclusions and tasks a document.

    Returns:
        At most `max_tasks_per_document` tasks, and why everything else was left out: a response that cannot be
        used costs the one conclusion it was about, or the document if it was to be the conclusions.

    Raises:
        ProviderError: A service cannot be had.
        BudgetExceeded: A cap is reached.
    """
    unusable = _unusable(document)
    if unusable is not None:
        return [], [unusable]
    try:
        found, rejections = await author.conclude(document)
    except ResponseError as error:
        return [], [_of_document(document, error.reason, f"gave no conclusions: {error.detail.removesuffix('.')}")]
    text = render(document)
    kept: list[AtomicTask] = []
    seen: set[tuple[str, str]] = set()
    authored = 0
    for conclusion in found:
        if authored >= config.max_conclusions or len(kept) >= config.max_tasks_per_document:
            rejections.append(_reject(document, Reason.DOCUMENT_CAP, conclusion, "the document gave enough tasks"))
            continue
        broken = _broken(conclusion, text)
        if broken is not None:
            rejections.append(_reject(document, Reason.EVIDENCE, conclusion, broken))
            continue
        asked = await _ask(document, conclusion, author)
        if isinstance(asked, Rejection):
            rejections.append(asked)
            continue
        authored += 1
        if (asked.question, "") in seen or (asked.evidence.quote, asked.answer) in seen:
            rejections.append(_reject(document, Reason.NEAR_DUPLICATE, conclusion, "the fact is asked already"))
            continue
        seen |= {(asked.question, ""), (asked.evidence.quote, asked.answer)}
        kept.append(asked)
    if not kept and not rejections:
        rejections.append(_nothing(document))
    return kept, rejections


async def _ask(document: Document, conclusion: Conclusion, author: Author) -> AtomicTask | Rejection:
    try:
        return await author.ask(document, conclusion)
    except ResponseError as error:
        return _reject(document, error.reason, conclusion, error.detail.removesuffix("."))


def _unusable(document: Document) -> Rejection | None:
    if document.language not in SUPPORTED_LANGUAGES:
        return _of_document(
            document, Reason.LANGUAGE, f"is in {document.language!r}; questions are written in English and Chinese"
        )
    title = document.title.strip()
    letters = sum(character.isalpha() for character in title)
    generic = title.casefold() in GENERIC_TITLES
    if generic or letters < 2 or len(title) > LONGEST_TITLE or any(mark in title for mark in "“”《》`\n"):
        return _of_document(document, Reason.TITLE, f"has a title that names nothing: {title[:60]!r}")
    return None


def _broken(conclusion: Conclusion, text: str) -> str | None:
    evidence = conclusion.evidence
    if evidence.quote not in text:
        return "the quote does not stand in the document"
    if evidence.answer_span not in evidence.quote:
        return "the answer does not stand in the quote"
    return None if normalise(evidence.answer_span) == conclusion.answer else "the answer is not the span's one form"


def _nothing(document: Document) -> Rejection:
    return _of_document(document, Reason.NO_CONCLUSION, "states nothing that could be asked")


def _of_document(document: Document, reason: Reason, what: str) -> Rejection:
    return Rejection(
        stage="generate",
        reason=reason,
        item=document.uri,
        detail=f"{document.uri} {what}.",
        document_id=document.id,
    )


def _reject(document: Document, reason: Reason, conclusion: Conclusion, why: str) -> Rejection:
    return Rejection(
        stage="generate",
        reason=reason,
        item=conclusion.evidence.quote[:200],
        detail=f"{document.uri}: {why}.",
        document_id=document.id,
    )
