"""A clause of a question: what is wanted, of which kind, and by which words it is told apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from taskcraft_core.roles.extractive.reading.stems import Word, words
from taskcraft_core.roles.extractive.units import is_unit

Wanted = Literal["any", "name", "date", "year", "number", "amount", "length", "mass", "person", "place", "title"]

QUESTION_WORD = r"(?:(?:in|on|at|by|from|since|to|for|of|with) )?(?:what|when|who|whom|whose|where|how|which)\b"

_HOW = r"how (?P<how>long|tall|high|deep|wide|far|thick|heavy|much|many|fast|old|large|big|hot|cold|bright|strong)\b"
_NOT_A_NAME = r"\b(?! (?:has|have|had|is (?:described|listed)|belongs)\b)"
_OPENERS: tuple[tuple[str, Wanted], ...] = (
    (rf"(?:in |by |from |since )?(?:what|which) year{_NOT_A_NAME}", "year"),
    (rf"(?:on |at |by )?(?:what|which) (?:date|day){_NOT_A_NAME}|when\b", "date"),
    (r"who(?:m)?\b|by whom\b", "person"),
    (r"where\b|in which (?:city|country|place|town)\b", "place"),
    (_HOW, "amount"),
    (r"what value is (?:shown|given|listed) for\b", "any"),
    (r"what (?=(?:[\w-]+ ){1,3}(?:does|did|do|has|have)\b)", "amount"),
)
_DIMENSIONS: dict[str, Wanted] = {
    "many": "number", "tall": "length", "high": "length", "deep": "length", "wide": "length", "far": "length",
    "thick": "length", "heavy": "mass",
}  # fmt: skip
_VERB = r"(?:is|are|was|were|has|have|had|does|did|can|will|lists|returns|takes|sets|holds|belongs|stands|comes)"
_WHICH = re.compile(rf"(?:which|what) (?P<noun>[\w/-]+(?: [\w/-]+){{0,3}}?) (?P<rest>{_VERB}\b.*)", re.I | re.S)
_WHICH_LOOSE = re.compile(r"which (?P<noun>[\w/-]+) (?P<rest>.*)", re.I | re.S)
_WHAT_IS = re.compile(r"what (?:is|was) (?P<rest>(?:described|listed|referred to|known) (?:as|with)\b.*)", re.I | re.S)
_FILLER = re.compile(
    r"\b(?:(?:is |are |was )?described as|listed with|(?:is |are |was )?(?:listed|shown|given) (?:for|as|with|in)"
    r"|what (?:is|are|was|were)|has|as its|as the|under|captioned|whose|known as|referred to as)\b",
    re.I,
)
_RELATION = re.compile(
    r"(?:an?|one|the) (?P<noun>.+?) (?P<rest>(?:described|whose|with|listed|captioned|that|which|named|having)\b.*)",
    re.I | re.S,
)
_ZH_OPENERS: tuple[tuple[str, Wanted], ...] = (
    ("哪一?年(?:份)?|何年", "year"),
    ("何时|什么时候|哪一?天|何日", "date"),
    ("由?谁|由?何人|哪位", "person"),
    ("位?于?(?:哪里|何处|哪儿|何地)", "place"),
    ("有?(?:多少|多长|多高|多深|多宽|多重|多远|多大|几)", "amount"),
)
_ZH_WHICH = re.compile(
    "(?:哪|何)(?:一)?(?:[个项种座颗条部位款家所本幅只张首届艘台辆]|处)?(?P<noun>[^的“是为对有]{0,10}?)"
    "(?P<rest>(?:的|被|是|为|对应|有|“|特点).*)",
    re.S,
)
_ZH_FILLER = re.compile(
    "被?描述为?|对应(?:的是|于)?|是多少|为多少|是什么|是谁|什么|图注为?|各自|它们|分别|依次|有一|一[个项幅种座]"
)
_ZH_RELATION = re.compile(r"一?[个项幅种座颗条部张份]?(?P<field>[^“]*?)为?(?P<value>“.*”)(?:的(?P<noun>[^“”]+))?", re.S)


@dataclass(frozen=True)
class Clause:
    """What is asked of one document.

    Attributes:
        text: The clause as written.
        wants: The kind of answer.
        reverse: A description or value is given and the name that has it is asked.
        needed: Words that must be accounted for.
        hints: Words that help to choose but may be missing (the noun asked for, a unit).
        quotes: Quoted values (reverse) or labels (forward).
        figure: The answer is a figure, known by its caption.
    """

    text: str
    wants: Wanted
    reverse: bool
    needed: tuple[Word, ...]
    hints: tuple[Word, ...] = ()
    quotes: tuple[str, ...] = ()
    figure: bool = False


@lru_cache(maxsize=1024)
def hide_quotes(text: str) -> str:
    """The text with everything inside “…” and 《…》 blanked out, at the same length."""
    depth, hidden = 0, []
    for character in text:
        if character in "”》":
            depth = max(0, depth - 1)
        hidden.append("\0" if depth else character)
        depth += character in "“《"
    return "".join(hidden)


def quoted(text: str) -> tuple[str, ...]:
    """The outermost quoted strings of a text, in order."""
    hidden = hide_quotes(text)
    return tuple(text[m.start() : m.end()] for m in re.finditer("\0+", hidden))


def clause_of(text: str, chinese: bool) -> Clause:
    """Reads a clause such as "what is the melting point" or "which moon is described as “…”"."""
    return _chinese_clause(text) if chinese else _english_clause(text)


def relation_of(text: str, chinese: bool) -> Clause:
    """Reads what a statement says of the element: "a moon whose mean radius is 1,560.8 km"."""
    if chinese:
        figure = "图注" in hide_quotes(text)
        match = _ZH_RELATION.fullmatch(text)
        field = match["field"] if match and not figure else ""
        return _reverse(text, _ZH_FILLER.sub(" ", field), (match["noun"] or "") if match else "", figure)
    figure = "captioned" in hide_quotes(text)
    match = _RELATION.fullmatch(text)
    noun, rest = (match["noun"], match["rest"]) if match else ("", text)
    return _reverse(text, rest, noun, figure)


def _english_clause(text: str) -> Clause:
    hidden = hide_quotes(text)
    for opener, wants in _OPENERS:
        if match := re.match(opener, hidden, re.I):
            how = match.groupdict().get("how") or ""
            return _forward(text, text[match.end() :], _DIMENSIONS.get(how, wants), how)
    which = _WHICH.fullmatch(text) or _WHICH_LOOSE.fullmatch(text)
    if which:
        return _reverse(text, which["rest"], which["noun"])
    if what := _WHAT_IS.fullmatch(text):
        return _reverse(text, what["rest"], "")
    return _forward(text, text, "any", "")


def _forward(text: str, rest: str, wants: Wanted, how: str) -> Clause:
    rest = _FILLER.sub(" ", hide_quotes(rest)) if not quoted(rest) else _filler_outside(rest)
    rest, unit = _unit_suffix(rest)
    needed = words(rest)
    hints = words(f"{how} {unit}" if how not in ("many", "much") else unit)
    hints += words("located") if wants == "place" else ()
    return Clause(text, wants, False, needed or hints, hints if needed else (), quoted(text))


def _filler_outside(text: str) -> str:
    """Drops filler outside the quotes only, then the quote marks."""
    parts = re.split(r"(“[^”]*”)", text)
    return " ".join(part.strip("“”") if part.startswith("“") else _FILLER.sub(" ", part) for part in parts)


def _unit_suffix(text: str) -> tuple[str, str]:
    match = re.search(r" in ([\w/²³° ]{1,30}) *$", text)
    return (text[: match.start()], match[1]) if match and is_unit(match[1].strip()) else (text, "")


def _reverse(text: str, rest: str, noun: str, figure: bool = False) -> Clause:
    label = re.search(r"\bunder “([^”]*)”", rest)
    quotes = tuple(q for q in quoted(text) if not label or q != label[1])
    outside = _FILLER.sub(" ", re.sub("\0+", " ", hide_quotes(rest)))
    needed = words(f"{outside} {label[1] if label else ''}")
    return Clause(text, "name", True, needed, words(noun), quotes, figure)


def _chinese_clause(text: str) -> Clause:
    hidden = hide_quotes(text)
    for opener, wants in _ZH_OPENERS:
        if match := re.search(opener, hidden):
            rest = text[: match.start()] + " " + text[match.end() :]
            needed = words(_ZH_FILLER.sub(" ", rest).replace("“", " ").replace("”", " "))
            dimension = match[0][-1] if match[0][-1] in "长高深宽重远大" else ""
            hints = words(dimension + ("位" if wants == "place" else ""))
            return Clause(text, wants, False, needed or hints, hints if needed else (), quoted(text))
    if which := _ZH_WHICH.search(hidden):
        noun, rest = which["noun"], text[which.start("rest") : which.end("rest")]
        clause = _reverse(text, _ZH_FILLER.sub(" ", rest), noun)
        if clause.quotes:  # "特点" may be a header or only a way of speaking
            return Clause(text, "name", True, (), clause.hints + clause.needed, clause.quotes)
        return clause
    return Clause(text, "any", False, words(_ZH_FILLER.sub(" ", text)), (), quoted(text))
