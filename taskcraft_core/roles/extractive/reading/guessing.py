"""Answers that need no document: whatever can be read off the question itself.

A test-taker without the documents tries the names, quotes, numbers and dates that the question mentions. If one of
them is right, the question gives its answer away.
"""

from __future__ import annotations

import re

from taskcraft_core.roles.extractive.normalise import answer_type, fold, normalise
from taskcraft_core.roles.extractive.reading.clause import Wanted, quoted
from taskcraft_core.roles.extractive.reading.question import decompose, parse
from taskcraft_core.roles.extractive.reading.spans import Span, spans
from taskcraft_core.roles.extractive.reading.stems import STOP, tokens
from taskcraft_core.roles.extractive.reading.values import amount_of

MAX_GUESSES = 40
_AMOUNTS = ("number", "measure", "year")
_KINDS: dict[Wanted, tuple[str, ...]] = {
    "date": ("date", "year"), "year": ("year",),
    "number": _AMOUNTS, "amount": _AMOUNTS, "length": _AMOUNTS, "mass": _AMOUNTS,
}  # fmt: skip
_NAME = re.compile(r"\b[A-Z][\w’'-]*(?:\.[\w-]+)*(?: (?:(?:of|the|de|van|von|and) )?[A-Z0-9][\w’'-]*)*")
_CODE = re.compile(r"\b[^\W\d]\w*(?:[._]\w+)+\b(?:\(\))?")
_ZH_PIECE = re.compile("[\u3400-\u9fff]{2,}")
_OPENING = re.compile(r"\b(?:According|That|This|The|PDF|In|When|What|Which|Who|Where|How)\b")


def guesses(question: str) -> list[str]:
    """Candidate answers from the question alone.

    Args:
        question: With one part or several; of several, the first guesses of each are joined.

    Returns:
        Candidates in canonical form, distinct, likeliest first, at most `MAX_GUESSES`.
    """
    parts = decompose(question)
    if len(parts) == 1:
        return _of_one(parts[0])
    each = [_of_one(part) for part in parts]
    longest = max(map(len, each))
    padded = [guess + [guess[-1]] * (longest - len(guess)) for guess in each if guess]
    return ["; ".join(row) for row in zip(*padded, strict=True)] if len(padded) == len(parts) else []


def _of_one(question: str) -> list[str]:
    chain = parse(question)
    wants: Wanted = chain.final.wants if chain else "any"
    amounts = [amount_of(span, wants) for span in spans(question) if _may_be(span, wants)]
    names = _names(question)
    if chain and wants in ("any", "name"):
        names += [word.surface for word in (*chain.final.needed, *chain.final.hints)]
    order = names + amounts if wants in ("name", "person", "place") else amounts + names
    kinds = _KINDS.get(wants)
    order = [guess for guess in order if not kinds or answer_type(guess) in kinds]
    distinct = {fold(guess): normalise(guess) for guess in reversed(order) if normalise(guess)}
    return list(distinct.values())[::-1][:MAX_GUESSES]


def _may_be(span: Span, wants: Wanted) -> bool:
    if wants in ("date", "year"):
        return span.kind in ("date", "year")
    return wants not in ("person", "place")


def _names(question: str) -> list[str]:
    """Quoted strings, names inside them, names outside, identifiers of programs, Chinese words."""
    titles = list(quoted(question))
    inside = [name for title in titles for name in (*_NAME.findall(title), *_CODE.findall(title))]
    outside = [name for name in _NAME.findall(_OPENING.sub(" ", re.sub("“[^”]*”", " ", question)))]
    words = [word for title in titles for word in tokens(title) if word.casefold() not in STOP and len(word) > 1]
    chinese = [piece for title in titles for piece in _ZH_PIECE.findall(title)]
    found = [*titles, *inside, *outside, *_CODE.findall(question), *words, *chinese]
    return [name for name in found if answer_type(name) != "text"]
