"""The judge's prompts, answered by the rules of the embedded judge."""

from __future__ import annotations

import re

from taskcraft_core.loopback.authoring import Answer, Values, numbered
from taskcraft_core.loopback.replaying import finished
from taskcraft_core.roles.extractive.judge import ExtractiveJudge
from taskcraft_core.roles.extractive.reading.question import decompose
from taskcraft_core.roles.extractive.writing.phrasing import opened
from taskcraft_core.roles.extractive.writing.words import contains_words


def score(values: Values) -> Answer:
    """How candidates compare with the golden answer."""
    candidates = numbered(values["candidates"])
    found = finished(ExtractiveJudge().score(values["question"], values["golden"], candidates))
    return {"reason": "canonical forms compared", "score": found}


def superset(values: Values) -> Answer:
    """A superset is valid if its question names the document and not the element."""
    question, title = values["auxiliary_question"], values["title"]
    if title.casefold() not in question.casefold():
        return _invalid(f"the question does not name {title!r}")
    if contains_words(question.replace(title, " "), values["identifier"]):
        return _invalid(f"the question names {values['identifier']!r}")
    return _valid()


def merge(values: Values) -> Answer:
    """A merge is valid if the element's name is gone and the end is still that of the core's question."""
    question, core, identifier = values["question"], values["core_question"], values["identifier"]
    parts = opened(values["auxiliary_question"])
    title = parts.title if parts else ""
    if title.casefold() not in question.casefold():
        return _invalid(f"the question does not name {title!r}")
    if contains_words(question.replace(title, " ") if title else question, identifier):
        return _invalid(f"the question still names {identifier!r}")
    asked = re.split(re.escape(identifier), core, flags=re.I)[-1].lstrip("”》\"', ，")
    return _valid() if question.endswith(asked) else _invalid("the question no longer asks the same at its end")


def parts(values: Values) -> Answer:
    """Which parts a width question does not ask, and what it asks besides."""
    asked, wanted = decompose(values["question"]), numbered(values["parts"])
    missing = [part for part in wanted if part not in asked]
    added = [part for part in asked if part not in wanted]
    if not missing and not added and asked != wanted:
        missing = [part for part, other in zip(wanted, asked, strict=False) if part != other]
    return {"missing": missing, "added": added}


def _valid() -> Answer:
    return {"reason": "", "valid": True}


def _invalid(reason: str) -> Answer:
    return {"reason": reason, "valid": False}
