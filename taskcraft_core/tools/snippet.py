"""The lines of a text that fit a query best."""

from __future__ import annotations

import re
from collections.abc import Sequence

SNIPPET_CHARS = 200
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_JOIN = " … "


def snippet(text: str, terms: Sequence[tuple[str, float]]) -> str:
    """The lines or sentences of a text that hold most of what is looked for.

    Args:
        text: The text of a part.
        terms: Beginnings of words, in lower case, and how much each of them tells.

    Returns:
        At most 200 characters: the best lines, verbatim but perhaps clipped, in the order of the text.
    """
    lines = [piece.strip() for piece in _SENTENCE_END.split(text) if piece.strip()]
    pieces = [line for line in lines if not line.startswith("#")] or lines  # headings tell less than what they head
    scores = [_score(piece.lower(), terms) for piece in pieces]
    best = sorted(range(len(pieces)), key=lambda index: (-scores[index], index))
    chosen: list[int] = []
    room = SNIPPET_CHARS
    for index in best[:4]:
        if chosen and (scores[index] == 0 or len(pieces[index]) > room):
            break
        chosen.append(index)
        room -= len(pieces[index]) + len(_JOIN)
    if len(chosen) == 1:
        return _clip(pieces[chosen[0]], terms)
    return _JOIN.join(pieces[index] for index in sorted(chosen))


def _score(line: str, terms: Sequence[tuple[str, float]]) -> float:
    return round(sum(weight for term, weight in terms if _at(line, term) >= 0), 6)


def _at(line: str, term: str) -> int:
    """Where a word that begins with the term stands in the line, -1 if nowhere; Chinese has no word borders."""
    at = line.find(term)
    while at > 0 and term.isascii() and line[at - 1].isascii() and line[at - 1].isalnum():
        at = line.find(term, at + 1)
    return at


def _clip(line: str, terms: Sequence[tuple[str, float]]) -> str:
    """At most 200 characters of a line, from a little before the first thing looked for."""
    if len(line) <= SNIPPET_CHARS:
        return line
    places = [at for term, _ in terms if (at := _at(line.lower(), term)) >= 0]
    start = max(0, min(min(places, default=0) - 40, len(line) - SNIPPET_CHARS))
    if start and (space := line.find(" ", start, start + 30)) > 0:
        start = space + 1
    return line[start : start + SNIPPET_CHARS].strip()
