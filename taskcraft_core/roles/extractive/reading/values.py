"""Which part of a value answers, given the kind of answer that is wanted."""

from __future__ import annotations

import re

from taskcraft_core.roles.extractive.normalise import answer_type, normalise
from taskcraft_core.roles.extractive.reading.clause import Wanted
from taskcraft_core.roles.extractive.reading.spans import Span, spans

_FOOTNOTE = re.compile(r"\s*\[(?:\d{1,3}|[a-z]|note \d+)\]")
_LENGTHS = frozenset(
    """m km cm mm nm µm μm ft in mi yd au AU ly metre metres meter meters kilometre kilometres kilometer kilometers
    centimetre centimetres foot feet inch inches mile miles 米 公里 千米 厘米 毫米 里 英里 海里 光年""".split()
)
_MASSES = frozenset(
    """kg g mg t lb lbs tonne tonnes ton tons kilogram kilograms gram grams pound pounds 吨 千克 公斤 克 斤
    万吨""".split()
)


def fitting(value: str, wants: Wanted) -> list[str]:
    """The answers in a value (a cell, the text after a key) that are of the wanted kind.

    Args:
        value: As written.
        wants: The kind of answer.

    Returns:
        The whole value when it fits; for dates and years, the dates in it; nothing when it does not fit.
    """
    value = _FOOTNOTE.sub("", value).strip()
    if not value or value in "-–—?":
        return []
    if wants in ("date", "year"):
        return dates_in(value, wants)
    if wants in ("number", "amount", "length", "mass"):
        return [value] if re.search(r"\d|[一二三四五六七八九十百千万]", value) else []
    if wants in ("person", "place", "name"):
        return [value] if answer_type(value) in ("name", "text") and re.search(r"[^\W\d]", value) else []
    return [value]


def dates_in(text: str, wants: Wanted) -> list[str]:
    """The dates or years in a text; asked for a year, the year of a date."""
    if answer_type(text) in ("date", "year"):
        found = [normalise(text)]
    else:
        found = [normalise(span.text) for span in spans(text) if span.kind in ("date", "year")]
    return [date[:4] for date in found] if wants == "year" else found


def fits(span: Span, wants: Wanted) -> bool:
    """Whether a span of running text is of the wanted kind."""
    if wants in ("date", "year"):
        return span.kind in ("date", "year")
    if wants in ("length", "mass"):
        return span.kind == "measure" and unit_of(span) in (_LENGTHS if wants == "length" else _MASSES)
    if wants in ("amount", "number"):
        return span.kind in ("measure", "number") or (wants == "number" and span.kind == "year")
    return wants == "any" and span.kind in ("measure", "number")


def unit_of(span: Span) -> str:
    """The unit of a measure, as written."""
    return re.sub(r"^[^\d]*[\d.,]+[ -]?(?:thousand |million |billion |trillion )?", "", span.text)


def amount_of(span: Span, wants: Wanted) -> str:
    """A span as an answer: "how many" asks for the number alone, a year for the year alone."""
    if wants == "number":
        number = re.search(r"[\d.,]*\d", span.text)
        return number[0] if number else span.text
    if wants == "year":
        return normalise(span.text)[:4]
    return re.sub(r"(?<=\d)-(?=[a-z])", " ", span.text)
