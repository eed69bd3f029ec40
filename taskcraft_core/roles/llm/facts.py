"""The facts that a model picks out of a document, held against the document."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taskcraft_core.models import Conclusion, Document, Evidence, Reason, Rejection
from taskcraft_core.roles.extractive.normalise import normalise
from taskcraft_core.roles.extractive.writing.words import standing
from taskcraft_core.roles.llm.answers import StatedFact
from taskcraft_core.roles.llm.quoting import one_line, place_of, verbatim

MOST_CONCLUSIONS = 20
"""Conclusions asked for in a document (paper: at most 20)."""
LONGEST_ANSWER = 100
_NO_ANSWERS = frozenset({"yes", "no", "true", "false", "none", "n/a", "unknown", "是", "否", "无"})


def concluded(document: Document, text: str, fact: StatedFact) -> Conclusion | Rejection:
    """The conclusion that a fact is, if it stands in the text word for word and its answer is one thing.

    Args:
        document: What was read.
        text: The part of it that the model was shown.
        fact: What it wrote down.
    """
    quote = verbatim(text, fact.quote)
    if quote is None:
        return _left_out(document, fact, Reason.EVIDENCE, "the quote does not stand in the document")
    span = verbatim(quote, fact.answer)
    if span is None or next(standing(re.escape(span), quote), None) is None:
        return _left_out(
            document,
            fact,
            Reason.EVIDENCE,
            "the answer does not stand in the quote, or only inside a longer word or number",
        )
    if len(span) > LONGEST_ANSWER or "\n" in span or span.casefold() in _NO_ANSWERS or not any(map(str.isalnum, span)):
        return _left_out(document, fact, Reason.NOT_ATOMIC, f"{span[:80]!r} is not one number, date or name")
    place = place_of(document, quote)
    relation = one_line(fact.relation)
    if place is None or not relation:
        return _left_out(document, fact, Reason.EVIDENCE, "the quote is spread over several blocks, or has no relation")
    evidence = Evidence(
        document_id=document.id, uri=document.uri, media_type=document.media_type, quote=quote, answer_span=span,
        place=place,
    )  # fmt: skip
    return Conclusion(answer=normalise(span), relation=relation, source="model", evidence=evidence)


def numbered(texts: Sequence[str]) -> str:
    """Texts as a numbered list, one a line."""
    return "\n".join(f"{number}. {one_line(text)}" for number, text in enumerate(texts, start=1))


def _left_out(document: Document, fact: StatedFact, reason: Reason, why: str) -> Rejection:
    item, detail = fact.quote[:200], f"{document.uri}: {why}."
    return Rejection(stage="generate", reason=reason, item=item, detail=detail, document_id=document.id)
