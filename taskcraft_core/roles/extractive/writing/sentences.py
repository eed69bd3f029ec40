"""Sentences that hold one date, one measure or one defining name, and the clause that asks for it.

A sentence is used only where its own words give a whole question by turning them round; a blank is never cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from taskcraft_core.models import Source
from taskcraft_core.roles.extractive.writing.words import (
    PRONOUNS,
    base_verb,
    is_atomic,
    is_noun,
    is_participle,
    words,
)

MOST_WORDS = 30
MOST_CHARACTERS = 300
_SPLIT = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\b(?:St|Dr|Mr|No|Lt)\.)(?<!\bMrs\.)(?<!\bProf\.)(?<!e\.g\.)(?<!i\.e\.)\s+(?=[A-Z“\"])"
)
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = rf"(?:\d{{1,2}} (?:{_MONTH}) \d{{4}}|(?:{_MONTH}) \d{{1,2}}, \d{{4}}|(?:{_MONTH}) \d{{4}}|1[0-9]\d\d|20\d\d)"
_UNIT = (
    r"(?:km/h|km/s|m/s|km²|m²|km|cm|mm|nm|m|kg|g|t|°C|K|GPa|MW|GW|kW|V|Hz|%|AU|"
    r"kilometres|metres|kilometers|meters|centimetres|millimetres|feet|ft|miles|inches|"
    r"kilograms|grams|tonnes|tons|litres|hours|days|years|months|minutes|seconds|degrees|per cent|bytes|bits)"
)
_MEASURE = rf"[−-]?\d[\d,]*(?:\.\d+)? ?{_UNIT}(?![\w/])"
_NAME = r"[A-Z][\w’'.-]*(?:(?: (?:de|van|von|der|la|of|the|and))? [A-Z][\w’'.-]*){0,4}"
_SUBJECT = r"(?P<subject>[A-Z][^,;:()“”]*?)"


class Asked(NamedTuple):
    """A sentence turned into a clause: its answer as written, what asks for it, and the kind of fact."""

    answer: str
    clause: str
    source: Source


def sentences(text: str) -> list[str]:
    """The sentences of a passage."""
    return [part.strip() for part in _SPLIT.split(text) if part.strip()]


def ask_sentence(sentence: str) -> Asked | None:
    """The one question that a sentence answers, or None where its words do not give one."""
    if not _usable(sentence):
        return None
    body = sentence.rstrip(".")
    return next((asked for pattern, turn in _TURNS for asked in _try(pattern, turn, body)), None)


def _usable(sentence: str) -> bool:
    if len(sentence) > MOST_CHARACTERS:
        return False
    tokens = words(sentence)
    if not sentence.endswith(".") or not 4 <= len(tokens) <= MOST_WORDS:
        return False
    if re.search(r"[;:“”\"()\[\]{}<>|=`_…]|\s[-–—]\s", sentence):
        return False
    # "which" may stand in a clause of its own; every other pronoun points outside the sentence
    if any(token in PRONOUNS and token not in {"which", "who", "its", "other"} for token in tokens):
        return False
    return not re.search(
        r"\b(?:about|around|roughly|approximately|nearly|almost|over|more than|up to|or so)\b", sentence
    )


def _try(pattern: re.Pattern[str], turn: Callable[[re.Match[str]], str | None], body: str) -> Iterator[Asked]:
    match = pattern.fullmatch(body)
    if match is None:
        return
    answer = match["answer"].strip()
    clause = turn(match)
    if clause is None or not is_atomic(answer) or body.count(answer) != 1:
        return
    source: Source = "measure" if re.fullmatch(_MEASURE, answer) else "defining_name"
    yield Asked(answer, clause, "date" if re.fullmatch(_DATE, answer) else source)


def _subject(match: re.Match[str]) -> str | None:
    """The subject, as it reads inside a sentence; None when it is no plain noun phrase."""
    return _plain_subject(match["subject"].strip())


def _plain_subject(subject: str) -> str | None:
    tokens = subject.split()
    if len(tokens) > 8 or any(word in PRONOUNS for word in words(subject)):
        return None
    if tokens[0] in {"In", "On", "At", "By", "From", "For", "After", "Before", "When", "While", "If", "With", "As"}:
        return None
    if any(word in {"was", "were", "is", "are", "had", "has"} for word in tokens):
        return None
    if tokens[0] in {"A", "An", "Its", "Each", "Every", "All", "Both", "Some", "Many", "Most", "No", "Another"}:
        return None
    return subject[0].lower() + subject[1:] if tokens[0] in {"The", "Work", "Construction"} else subject


def _question_word(match: re.Match[str]) -> str:
    return "in what year" if re.fullmatch(r"\d{4}", match["answer"]) else "when"


def _dated_or_joined(rest: str) -> bool:
    """Whether the rest holds a second date, or a second verb: "was called Solstice and began"."""
    joined = re.findall(r"\b(?:and|but) ([a-z]+)", rest)
    return bool(re.search(_DATE, rest)) or any(base_verb(word) for word in joined)


def _tail(match: re.Match[str]) -> str:
    return (match.groupdict().get("tail") or "").rstrip()


def _passive_date(match: re.Match[str]) -> str | None:
    subject = _subject(match)
    verb = match["verb"].split()
    if subject is None or not is_participle(verb[-1]) or _dated_or_joined(match["rest"] + _tail(match)):
        return None
    return f"{_question_word(match)} {match['be']} {subject} {match['verb']}{match['rest'].rstrip()}{_tail(match)}"


def _active_date(match: re.Match[str]) -> str | None:
    """The first word in the past tense is the verb, what stands before it the subject."""
    tokens = match["head"].split()
    at = next((i for i, word in enumerate(tokens) if i and word.islower() and base_verb(word)), None)
    if at is None or set(tokens) & {"had", "was", "were", "did", "could", "would"}:
        return None
    subject, base, rest = _plain_subject(" ".join(tokens[:at])), base_verb(tokens[at]), " ".join(tokens[at + 1 :])
    if subject is None or base is None or _dated_or_joined(f"{rest} {_tail(match)}"):
        return None
    return " ".join(f"{_question_word(match)} did {subject} {base} {rest} {_tail(match)}".split())


def _how(match: re.Match[str]) -> str | None:
    subject = _subject(match)
    how = "far across" if match["adjective"] == "across" else match["adjective"]
    return subject and f"how {how} {match['be']} {subject}{_tail(match)}"


def _noun_of_subject(match: re.Match[str]) -> str | None:
    subject = _subject(match)
    if subject is None or not is_noun(match["noun"].split()[-1]):
        return None
    be = {"has": "is", "have": "is", "had": "was"}[match["have"]]
    return f"what {be} the {match['noun']} of {subject}{_tail(match)}"


def _noun_is(match: re.Match[str]) -> str | None:
    noun = match["noun"]
    if any(word in PRONOUNS for word in words(noun)) or re.search(r"\b(?:was|were|is|are|first|last)\b", noun):
        return None
    return f"what {match['be']} the {noun}{_tail(match)}"


def _weighs(match: re.Match[str]) -> str | None:
    subject = _subject(match)
    did = "does" if match["verb"] == "weighs" else "did"
    return subject and f"how much {did} {subject} weigh{_tail(match)}"


def _by(match: re.Match[str]) -> str | None:
    subject = _subject(match)
    if subject is None or not is_participle(match["verb"].split()[-1]) or re.search(r"\bby\b", match["rest"]):
        return None
    if any(character.isdigit() for character in match["answer"]) or match["answer"].isupper():
        return None
    return f"by whom {match['be']} {subject} {match['verb']}{match['rest'].rstrip()}{_tail(match)}"


def _after(match: re.Match[str]) -> str | None:
    subject = _subject(match)
    return subject and f"after whom or what {match['be']} {subject} named{_tail(match)}"


def _defining(match: re.Match[str]) -> str | None:
    asked = (
        "who" if re.search(r"\b(?:astronomer|person|man|woman|astronaut|engineer|chemist)\b", match["rest"]) else "what"
    )
    if any(word in PRONOUNS for word in words(match["rest"])):
        return None
    return f"{asked} {match['be']} {match['rest']}"


_BE = r"(?P<be>was|were|is|are)"
_VERB = r"(?P<verb>(?:(?:first|officially|formally|finally|originally|completely|fully) )?[a-z]+)"
_WHEN = rf"(?:on|in) (?P<answer>{_DATE})"
_TAIL = r"(?P<tail>(?: (?:by|at|from|with|for|after|as|aboard|near|to|into|over|using) [^,;]*)?)"
_SIZE = r"(?P<adjective>long|tall|high|wide|deep|thick|heavy|across)"
_NEAR = r"(?P<tail>(?: (?:in|on|at|from|for) [^,;]*)?)"
_REST = r"(?P<rest>(?: [^,;]*?)?)"
_FIRST = rf"(?:On|In) (?P<answer>{_DATE}),?"
_ANY_SUBJECT = _SUBJECT.replace("[A-Z]", "[A-Za-z]")
_HAS = r"(?P<have>has|have|had) an? (?P<noun>[a-z][a-z -]*?) of"
_SUPERLATIVE = r"(?P<rest>the (?:[a-z]+est|first|only|last|second|third|most [a-z]+) [^,;]*)"
_TURNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = tuple(
    (re.compile(pattern), turn)
    for pattern, turn in (
        (rf"{_SUBJECT} {_BE} {_VERB}{_REST} {_WHEN}{_TAIL}", _passive_date),
        (rf"{_FIRST} {_ANY_SUBJECT} {_BE} {_VERB}(?P<rest>(?: [^,;]*)?)", _passive_date),
        (rf"(?P<head>[A-Z][^,;:()“”]*?) {_WHEN}{_TAIL}", _active_date),
        (rf"{_FIRST} (?P<head>[A-Za-z][^,;:()“”]*)", _active_date),
        (rf"{_SUBJECT} {_BE} (?P<answer>{_MEASURE}) {_SIZE}{_TAIL}", _how),
        (rf"{_SUBJECT} {_HAS} (?P<answer>{_MEASURE}){_TAIL}", _noun_of_subject),
        (rf"The (?P<noun>[a-z][^,;]*?) {_BE} (?P<answer>{_MEASURE}){_TAIL}", _noun_is),
        (rf"{_SUBJECT} (?P<verb>weighs|weighed) (?P<answer>{_MEASURE}){_TAIL}", _weighs),
        (rf"{_SUBJECT} {_BE} named after (?P<answer>{_NAME}){_TAIL}", _after),
        (rf"{_SUBJECT} {_BE} {_VERB}{_REST} by (?P<answer>{_NAME}){_NEAR}", _by),
        (rf"(?P<answer>{_NAME}) {_BE} {_SUPERLATIVE}", _defining),
    )
)
