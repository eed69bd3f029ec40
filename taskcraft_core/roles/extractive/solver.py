"""The extractive solver: finds the documents by searching, the answer by reading, and no model anywhere.

It sees the question and the tools only. What it reads comes from `reading`, what it is asked from `question`.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

from taskcraft_core.models import Message, Solution
from taskcraft_core.roles.extractive.normalise import fold
from taskcraft_core.roles.extractive.reading.answers import Candidate, best, read
from taskcraft_core.roles.extractive.reading.clause import Clause
from taskcraft_core.roles.extractive.reading.guessing import guesses
from taskcraft_core.roles.extractive.reading.observation import Observation
from taskcraft_core.roles.extractive.reading.question import Kind, decompose, parse
from taskcraft_core.roles.extractive.reading.session import Found, Session
from taskcraft_core.roles.extractive.reading.stems import tokens, words
from taskcraft_core.tools import Toolbox

NOTHING = "I could not find it."
MAX_COMBINATIONS = 16
MAX_BRANCHES = 3


class ExtractiveSolver:
    """Answers by rules over the structure of what the tools show."""

    spec = "extractive"

    async def solve(self, question: str, tools: Toolbox, max_steps: int) -> Solution:
        """Every candidate answer that fits, best first, and the trajectory.

        Args:
            question: In a form of the extractive author; any other gives no answer.
            tools: `search` and the reading tools.
            max_steps: How many tool calls may be made.

        Raises:
            ProviderError: A service behind a tool failed.
        """
        session = Session(tools, max_steps, [Message(role="user", content=question)])
        parts = [await _solve_part(part, session) for part in decompose(question)]
        combined = itertools.islice(itertools.product(*parts), MAX_COMBINATIONS)
        answers = tuple("; ".join(answers) for answers in combined)
        last = Message(role="assistant", content=answers[0] if answers else NOTHING)
        return Solution(answers=answers, trajectory=(*session.messages, last))

    async def guess(self, question: str) -> list[str]:
        """What can be answered from the words of the question alone, most likely first."""
        return guesses(question)


async def _solve_part(question: str, session: Session) -> list[str]:
    chain = parse(question)
    if chain is None:
        return []
    places = await _find(chain.document, chain.kind, session)
    for hop in chain.hops:
        places = await _follow(hop, places, session)
    places = [place for place in places if _is_kind(place, chain.final_kind)] or places
    return [candidate.text for candidate in best(await _read_all(chain.final, places, session))]


async def _find(title: str, kind: Kind, session: Session) -> list[Found]:
    """The documents that carry exactly this title; two different ones are both taken."""
    hits = _distinct(await session.search(title))
    exact = [hit for hit in hits if fold(hit.title) == fold(title)] or [
        hit for hit in hits if _letters(hit.title) == _letters(title)
    ]
    return [hit for hit in exact if _is_kind(hit, kind)] or exact


async def _read_all(clause: Clause, places: list[Found], session: Session) -> list[Candidate]:
    found = [await _read_place(clause, place, session) for place in places[:MAX_BRANCHES]]
    return [candidate for each in found for candidate, _ in each]


async def _read_place(clause: Clause, place: Found, session: Session) -> list[tuple[Candidate, Observation]]:
    """What a document answers: its likeliest part first, others while nothing is found and steps remain."""
    async for seen in _parts(clause, place, session):
        if found := read(clause, seen):
            return [(candidate, seen) for candidate in found]
    return []


async def _parts(clause: Clause, place: Found, session: Session) -> AsyncIterator[Observation]:
    """The parts of a document, the likeliest first, as far as the steps reach."""
    part: int | None = await _likeliest_part(clause, place, session)
    tried: set[int] = set()
    while part is not None and (seen := await session.read(place.reader, place.uri, part)):
        yield seen
        tried.add(part)
        part = next((other for other in range(1, seen.parts + 1) if other not in tried), None)


async def _likeliest_part(clause: Clause, place: Found, session: Session) -> int:
    """The part that a search finds; for a long document it is worth a search with the clause's words.

    The title stays out of it: the first part, which holds the title, would always win.
    """
    if place.parts <= 2 or session.left < 2:
        return place.part
    telling = dict.fromkeys(word.surface for text in clause.quotes for word in words(text))
    telling |= dict.fromkeys(word.surface for word in clause.needed)
    hits = await session.search(" ".join(telling))
    return next((hit.part for hit in hits if hit.uri == place.uri), place.part)


async def _follow(hop: Clause, places: list[Found], session: Session) -> list[Found]:
    """The documents that a relation leads to from any of these documents."""
    reached: list[Found] = []
    for place in places[:MAX_BRANCHES]:
        if hop.figure:
            reached += await _figure(hop, place, session)
            continue
        found = await _read_place(hop, place, session)
        top = best(candidate for candidate, _ in found)
        for candidate, seen in found:
            if candidate in top:
                reached += await _element(candidate.text, seen, session)
    return _distinct(reached)


async def _element(name: str, seen: Observation, session: Session) -> list[Found]:
    """The document about a named element: by a link with that text, else by searching the name."""
    linked = _linked(name, seen)
    if linked:
        return [linked]
    hits = _distinct(await session.search(name))
    exact = [hit for hit in hits if fold(hit.title) == fold(name)]
    return exact or [hit for hit in hits if _about(hit.title, name)][:1]


async def _figure(hop: Clause, place: Found, session: Session) -> list[Found]:
    """The image with the caption that the relation quotes, if this document shows it."""
    caption = hop.quotes[0] if hop.quotes else ""
    async for seen in _parts(hop, place, session):
        if linked := _linked(caption, seen):
            return [linked]
        if any(fold(shown) == fold(caption) for shown, _ in seen.figures):
            hits = await session.search(caption)
            return [hit for hit in hits if hit.reader == "view_image" and fold(hit.title) == fold(caption)][:1]
    return []


def _linked(name: str, seen: Observation) -> Found | None:
    uris = {uri for text, uri in seen.links if fold(text) == fold(name)}
    if len(uris) != 1:
        return None
    uri = uris.pop()
    return Found(name, uri, _media_type(uri), 1, 1)


def _media_type(uri: str) -> str:
    """What a uri looks like; which reader is right is known for sure only when it was tried."""
    ending = uri.lower().partition("#")[0].partition("?")[0].rpartition(".")[2]
    if ending == "pdf":
        return "application/pdf"
    images = ("png", "jpg", "jpeg", "gif", "webp", "tif", "tiff", "bmp", "svg")
    return "image/any" if ending in images else "text/html"


def _is_kind(hit: Found, kind: Kind) -> bool:
    readers = {"pdf": "read_pdf", "image": "view_image", "page": "read_page"}
    return kind == "any" or hit.reader == readers[kind]


def _about(title: str, name: str) -> bool:
    """Whether a title is the name with something to tell it apart: "Io (moon)", "Io | Moons"."""
    short, long = fold(name), fold(title)
    rest = long.removeprefix(short)
    return bool(short) and rest != long and rest.lstrip()[:1] in set("(（,|:–—-·")


def _letters(text: str) -> str:
    return "".join(tokens(text)).casefold()


def _distinct(hits: list[Found]) -> list[Found]:
    return list({hit.uri: hit for hit in reversed(hits)}.values())[::-1]
