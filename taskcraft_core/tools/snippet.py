"""The lines of a text that fit a query best."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

SNIPPET_CHARS = 200
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_JOIN = " … "
_TEXTS_KEPT = 1_024


def snippet(text: str, terms: Sequence[tuple[str, float]]) -> str:
    """The lines or sentences of a text that hold most of what is looked for.

    Args:
        text: The text of a part.
        terms: Beginnings of words, in lower case, and how much each of them tells.

    Returns:
        At most 200 characters: the best lines, verbatim but perhaps clipped, in the order of the text.
    """
    pieces, starts, lowered = _split(text)
    scores = [0.0] * len(pieces)
    for term, weight in terms:
        for index in {bisect_right(starts, at) - 1 for at in _places(lowered, term)}:
            scores[index] += weight
    # headings tell less than what they head
    plain = [index for index, piece in enumerate(pieces) if not piece.startswith("#")] or range(len(pieces))
    best = sorted(plain, key=lambda index: (-round(scores[index], 6), index))
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


@lru_cache(maxsize=_TEXTS_KEPT)
def _split(text: str) -> tuple[tuple[str, ...], tuple[int, ...], str]:
    """The pieces of a text, where each begins in it put together again, and all of it in lower case."""
    pieces = tuple(piece.strip() for piece in _SENTENCE_END.split(text) if piece.strip()) or ("",)
    # one character at a time: a few letters grow when they are made small
    lowered = ["".join(c.lower()[:1] or c for c in piece) if not piece.isascii() else piece.lower() for piece in pieces]
    starts, at = [], 0
    for piece in lowered:
        starts.append(at)
        at += len(piece) + 1
    return pieces, tuple(starts), "\n".join(lowered)


def _places(text: str, term: str) -> Iterator[int]:
    """Where words that begin with the term stand in the text; Chinese has no word borders."""
    at = text.find(term)
    while at >= 0:
        inside = at > 0 and term.isascii() and text[at - 1].isascii() and text[at - 1].isalnum()
        if not inside:
            yield at
        at = text.find(term, at + 1)


def _clip(line: str, terms: Sequence[tuple[str, float]]) -> str:
    """At most 200 characters of a line, from a little before the first thing looked for."""
    if len(line) <= SNIPPET_CHARS:
        return line
    lowered = line.lower()
    places = [at for term, _ in terms for at in _places(lowered, term)]
    start = max(0, min(min(places, default=0) - 40, len(line) - SNIPPET_CHARS))
    if start and (space := line.find(" ", start, start + 30)) > 0:
        start = space + 1
    return line[start : start + SNIPPET_CHARS].strip()
