"""Dates, years, measures and numbers inside running text, each where it stands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from taskcraft_core.roles.extractive.normalise import CURRENCY, DAY, MONTH, NUMBER
from taskcraft_core.roles.extractive.units import unit_at

_DATE = re.compile(
    rf"\b{DAY}(?: of)? {MONTH},? [0-9]{{4}}\b|\b{MONTH} {DAY},? [0-9]{{4}}\b|\b{MONTH},? [0-9]{{4}}\b"
    r"|\b[0-9]{4}[-/][01]?[0-9][-/][0-3]?[0-9]\b|(?<![0-9])[0-9]{4} ?年 ?[01]?[0-9] ?月(?: ?[0-3]?[0-9] ?[日号])?"
    r"|(?<![0-9])[0-9]{4} ?年",
    re.I,
)
_AMOUNT = re.compile(rf"(?<![A-Za-z0-9_.,-])(?P<cur>{CURRENCY} ?)?(?P<num>[-−]?{NUMBER})(?![0-9])")
_SCALE = re.compile(r" (?:thousand|million|billion|trillion)\b")
_PERCENT = re.compile(r" ?(?:%|％|per ?cent\b)")
_YEAR = re.compile(r"1[0-9]{3}|20[0-9]{2}")

SpanKind = Literal["date", "year", "measure", "number"]


class Span(NamedTuple):
    """A piece of text that is a date, a year, a measure or a number."""

    start: int
    end: int
    text: str
    kind: SpanKind


@lru_cache(maxsize=4096)
def spans(text: str) -> tuple[Span, ...]:
    """Every date, year, measure and number of the text, in order, none inside another."""
    dates = [Span(m.start(), m.end(), m[0], "date") for m in _DATE.finditer(text)]
    amounts = [span for span in _amounts(text) if not any(d.start < span.end and span.start < d.end for d in dates)]
    return tuple(sorted(dates + amounts))


def _amounts(text: str) -> list[Span]:
    return [_amount(text, match) for match in _AMOUNT.finditer(text)]


def _amount(text: str, match: re.Match[str]) -> Span:
    start, end = match.span()
    if match["cur"]:
        scale = _SCALE.match(text, end)
        end = scale.end() if scale else end
        return Span(start, end, text[start:end], "measure")
    if percent := _PERCENT.match(text, end):
        return Span(start, percent.end(), text[start : percent.end()], "measure")
    after = end + 1 if text[end : end + 1] == "-" else end
    with_unit = unit_at(text, after)
    if with_unit > after:
        return Span(start, with_unit, text[start:with_unit], "measure")
    kind: SpanKind = "year" if _YEAR.fullmatch(match["num"]) else "number"
    return Span(start, end, text[start:end], kind)
