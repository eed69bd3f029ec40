"""Answers told in a sentence: a date, a year, a measure, a number, or who did it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from taskcraft_core.roles.extractive.reading.clause import Clause
from taskcraft_core.roles.extractive.reading.matching import Layer, bag, explain, likeness
from taskcraft_core.roles.extractive.reading.observation import Observation
from taskcraft_core.roles.extractive.reading.spans import Span, spans
from taskcraft_core.roles.extractive.reading.stems import words
from taskcraft_core.roles.extractive.reading.values import amount_of, fits

PROSE = 0.9
LOOSE = 0.8
_BREAK = re.compile(r"[,;:()，；：（）]| and | but | while |而")
_BY = re.compile(r"\bby ((?:[A-Z][\w.’'-]*)(?: (?:(?:de|van|von|der|la|of|the) )?[A-Z][\w.’'-]*){0,4})")
_ZH_BY = re.compile("由([^，。、]{2,12}?)(?=发现|设计|建造|创建|提出|编写|主持|于|在)")


def told(clause: Clause, seen: Observation, title: Layer) -> Iterator[tuple[float, str]]:
    """The answers in running text, each with the score of its sentence."""
    if clause.wants in ("place", "name") or not clause.needed:
        return
    for sentence in seen.sentences:
        own = bag(sentence.text)
        if not any(likeness(word, own) for word in clause.needed):
            continue
        match = explain(clause, [Layer(own, 1.0), Layer(bag(sentence.section), 0.9), title])
        if match and 0 in match.layers:
            score = (LOOSE if clause.wants == "any" else PROSE) * match.score + _density(clause, sentence.text)
            yield from ((score, text) for text in _answers(clause, sentence.text))


def _density(clause: Clause, text: str) -> float:
    """A sentence that says little else is the likelier source."""
    return 0.06 * min(1.0, len(clause.needed) / max(1, len(words(text))))


def _answers(clause: Clause, text: str) -> list[str]:
    if clause.wants == "person":
        return [match[1] for pattern in (_BY, _ZH_BY) for match in pattern.finditer(text)]
    fitting = [span for span in spans(text) if fits(span, clause.wants) and not _asked_with(span, clause)]
    if clause.wants == "any":
        fitting = _after_property(clause, text, fitting)
    return [amount_of(span, clause.wants) for span in _closest(clause, text, fitting)]


def _asked_with(span: Span, clause: Clause) -> bool:
    """A number that the question itself names is not what it asks for."""
    return all(any(word.surface == needed.surface for needed in clause.needed) for word in words(span.text))


def _closest(clause: Clause, text: str, found: list[Span]) -> list[Span]:
    """Of several, those whose part of the sentence has most of the clause's words."""
    if len(found) < 2:
        return found
    scored = [(sum(likeness(w, bag(_stretch(text, span))) > 0 for w in clause.needed), span) for span in found]
    most = max(score for score, _ in scored)
    return [span for score, span in scored if score == most]


def _stretch(text: str, span: Span) -> str:
    """The piece of the sentence that a span stands in."""
    before = [match.end() for match in _BREAK.finditer(text, 0, span.start)]
    after = _BREAK.search(text, span.end)
    return text[before[-1] if before else 0 : after.start() if after else len(text)]


def _after_property(clause: Clause, text: str, found: list[Span]) -> list[Span]:
    """The question "what is the diameter" is answered by the first amount after the word, if there is one."""
    first = clause.needed[0]
    at = min((m.start() for m in re.finditer(r"[^\W\d_]+", text) if likeness(first, bag(m[0]))), default=-1)
    following = [span for span in found if span.start > at]
    return following[:1] or found
