"""What a question asks, read from its words alone: which documents, in which steps, for what.

A question is a chain: a named document, relations that each lead to a further document, and a last clause. A width
question is several such questions in one; `decompose` says which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from taskcraft_core.roles.extractive.reading.clause import QUESTION_WORD, Clause, clause_of, hide_quotes, relation_of
from taskcraft_core.roles.extractive.reading.parts import ORDERED, chinese_parts, english_parts

Kind = Literal["page", "pdf", "image", "any"]
Piece = tuple[str, str]

_OPENING = re.compile(rf"According to (?P<place>.*?), (?P<clause>{QUESTION_WORD}.*)", re.S)
_VERB = "lists|contains|includes|has|shows|names|mentions|describes|links to|refers to"
_NEXT = re.compile(rf"(?<=\.) (?=(?:That|This|The) [\w -]{{1,40}}? (?:{_VERB}) |According to )")
_STATEMENT = re.compile(
    rf"(?:(?P<kind>[^“]{{0,30}}?) ?“(?P<id>\0+)”|(?:That|This|The) [\w -]{{1,40}}?) "
    rf"(?:{_VERB}) (?P<relation>.*)\.",
    re.S,
)
_ZH_OPENING = re.compile(r"根据(?P<place>[^，]*)，(?P<clause>.*)", re.S)
_ZH_STATEMENT = re.compile(
    r"(?:(?P<kind>[^《]{0,10}?)《(?P<id>\0+)》|[该此那][^，]{0,12}?)"
    r"(?:中?列出了|中?列有|中有|里有|中?包含|中?提到了?|有)(?P<relation>.*)",
    re.S,
)
_FIGURE_TITLE = re.compile(r"what is the title of the (?P<figure>figure captioned “.+”)", re.S)
_ZH_FIGURE_TITLE = re.compile("(?P<figure>图注为“.+”)的图的标题是什么", re.S)
TITLE = Clause("what is the title", "title", False, ())


@dataclass(frozen=True)
class Chain:
    """One question as steps.

    Attributes:
        document: The title that the question names.
        kind: What it calls that document.
        hops: Relations that lead from document to document, in the order in which they are followed.
        final: What is asked of the last one.
        final_kind: What the question calls the last document.
    """

    document: str
    kind: Kind
    hops: tuple[Clause, ...]
    final: Clause
    final_kind: Kind


def decompose(question: str) -> list[str]:
    """The part questions of a width question, in its order; the question itself when it has one part."""
    text = " ".join(question.split())
    if not ORDERED.search(hide_quotes(text)):
        return [text]
    return chinese_parts(text) if _chinese(text) else english_parts(text)


def parse(question: str) -> Chain | None:
    """The steps of a question with one part.

    Returns:
        The chain, or None when the question is in no form that this reader knows.
    """
    text = " ".join(question.split())
    if not text:
        return None
    chinese = _chinese(text)
    *before, last = _pieces(text, chinese)
    opening = (_ZH_OPENING if chinese else _OPENING).fullmatch(last[1])
    steps = [_step(piece, chinese) for piece in before]
    if opening is None or any(step is None for step in steps):
        return None
    asked = _cut(last, opening, "clause").rstrip("?？ ")
    place = _cut(last, opening, "place")
    document, kind = (steps[0][0], steps[0][1]) if steps and steps[0] else (_title(place), _kind(place))
    hops = tuple(step[2] for step in steps if step)
    if not document:
        return None
    if shown := (_ZH_FIGURE_TITLE if chinese else _FIGURE_TITLE).fullmatch(asked):
        # the title stands in the figure itself: one step more than the words say
        return Chain(document, kind, (*hops, relation_of(shown["figure"], chinese)), TITLE, "image")
    return Chain(document, kind, hops, clause_of(asked, chinese), _kind(place))


def _chinese(text: str) -> bool:
    return "根据" in hide_quotes(text)


def _pieces(text: str, chinese: bool) -> list[Piece]:
    """The statements and the last sentence, each as written and with its quotes hidden."""
    hidden = hide_quotes(text)
    cuts = [match.start() for match in (re.finditer("。", hidden) if chinese else _NEXT.finditer(hidden))]
    bounds = list(zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(text)], strict=True))
    return [(text[a:b], hidden[a:b]) for a, b in bounds if a < b]


def _step(piece: Piece, chinese: bool) -> tuple[str, Kind, Clause] | None:
    match = (_ZH_STATEMENT if chinese else _STATEMENT).fullmatch(piece[1])
    if match is None:
        return None
    title = _cut(piece, match, "id") if match["id"] else ""
    return title, _kind(match["kind"] or ""), relation_of(_cut(piece, match, "relation"), chinese)


def _cut(piece: Piece, match: re.Match[str], group: str) -> str:
    return piece[0][match.start(group) : match.end(group)]


def _title(place: str) -> str:
    found = re.search("\0+", hide_quotes(place))
    return place[found.start() : found.end()] if found else ""


def _kind(place: str) -> Kind:
    outside = hide_quotes(place).lower()
    if "pdf" in outside:
        return "pdf"
    if re.search(r"image|figure|chart|图片|图", outside):
        return "image"
    return "page" if "page" in outside or "页" in outside else "any"
