"""The two agents, by the rules of the embedded engine: one solves a question, one looks for a superset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from taskcraft_core.corpus import folded
from taskcraft_core.loopback.authoring import Answer, Values, stated
from taskcraft_core.loopback.replaying import Replay, finished
from taskcraft_core.loopback.unrender import unrender
from taskcraft_core.models import AtomicTask, Conclusion, Definitions, Document, Figure, Items, Table, content_hash
from taskcraft_core.roles.extractive.reading.guessing import guesses
from taskcraft_core.roles.extractive.reading.observation import Observation
from taskcraft_core.roles.extractive.reading.session import Found, Session
from taskcraft_core.roles.extractive.solver import ExtractiveSolver
from taskcraft_core.roles.extractive.writing.conclusions import block_at, entries_of
from taskcraft_core.roles.extractive.writing.questions import ask
from taskcraft_core.roles.extractive.writing.supersets import NAMING_SOURCES, names

LONGEST_QUESTION = 4_000
_MEDIA = {"read_page": "page", "read_pdf": "PDF", "view_image": "image"}
_FIRST_CHARS = 80
_VALUES = 3
_VALUED = re.compile(r"[^:：]{1,40}[:：] ?([^:：]*[0-9][^:：]{0,30})")


def solve(values: Values, tools: Replay, most_steps: int) -> Answer:
    """Every answer that the embedded solver finds.

    Raises:
        Unanswered: It has a tool call to make.
    """
    found = finished(ExtractiveSolver().solve(values["question"], tools, most_steps))
    return {"answers": list(found.answers)}


def guess(values: Values) -> Answer:
    """What can be read off the question itself."""
    return {"answers": guesses(values["question"]) if len(values["question"]) <= LONGEST_QUESTION else []}


def find_superset(values: Values, tools: Replay, most_steps: int) -> Answer:
    """An entry of another document that describes the element.

    Raises:
        Unanswered: There is a tool call to make.
    """
    return finished(_look(values, Session(tools, most_steps)))


async def _look(values: Values, session: Session) -> Answer:
    """Searches, and reads first what a snippet shows an entry of, then whatever else was found."""
    identifier, excluded = values["identifier"], set(values["excluded"].split("\n"))
    own: set[str] = set()
    likely: dict[str, Found] = {}
    others: dict[str, Found] = {}
    for query in _queries(identifier, values["about"]):
        for hit, snippet in await _search(query, session):
            if folded(hit.title) == folded(identifier):
                own.add(hit.uri)
            elif hit.uri not in excluded:
                (likely if _is_entry(identifier, snippet) else others).setdefault(hit.uri, hit)
        if found := await _first_entry(identifier, own, likely, session):
            return found
    unread = {uri: hit for uri, hit in others.items() if uri not in likely}
    found = await _first_entry(identifier, own, unread, session)
    return found or {"uri": None, "quote": "", "told_apart_by": "", "relation": ""}


def _queries(identifier: str, about: str) -> list[str]:
    """The name; then with it a value of the element's own document, which an entry about it may well give too."""
    values = [match[1] for line in about.split("\n") if (match := _VALUED.fullmatch(line.strip()))]
    return list(dict.fromkeys([identifier, *(f"{identifier} {value}" for value in values[:_VALUES])]))


async def _search(query: str, session: Session) -> list[tuple[Found, str]]:
    """The hits of a search, each with its snippet."""
    hits = await session.search(query)
    said = json.loads(session.messages[-1].content) if hits else []
    snippets = {str(one.get("uri")): str(one.get("snippet", "")) for one in said}
    return [(hit, snippets.get(hit.uri, "")) for hit in hits]


def _is_entry(identifier: str, snippet: str) -> bool:
    """Whether a snippet shows a row, an item or a definition that begins with the name."""
    name = re.escape(identifier)
    return re.search(rf"(?:^|… )(?:\| {name} \||(?:- )?{name}(?::| [—–-]) )", snippet) is not None


async def _first_entry(identifier: str, own: set[str], hits: dict[str, Found], session: Session) -> Answer | None:
    for uri, hit in hits.items():
        if found := await _entry(identifier, own, hit, session):
            return {"uri": uri, **found}
    return None


async def _entry(identifier: str, own: set[str], hit: Found, session: Session) -> Answer | None:
    """The entry of a document that describes the element, one of several by a hash, so that none is preferred."""
    seen = await session.read(hit.reader, hit.uri, hit.part)
    if seen is None:
        return None
    document = _shown(session.messages[-1].content, seen, hit)
    found = [*_namings(identifier, own, document, seen), *_figures(own, document, seen)]
    return min(found, key=lambda one: content_hash([identifier, one]), default=None)


def _shown(text: str, seen: Observation, hit: Found) -> Document:
    """What a reading tool showed, as a document; in Chinese if most of its beginning is."""
    body = text.partition("\n\n")[2].partition("\n\nLinks:\n")[0]
    chinese = sum("\u3400" <= character <= "\u9fff" for character in seen.title + body[:_FIRST_CHARS])
    return unrender(body, seen.title, "Chinese" if chinese > 10 else "English", _MEDIA[hit.reader])


def _namings(identifier: str, own: set[str], document: Document, seen: Observation) -> Iterator[Answer]:
    for one in stated(document):
        if one.source not in NAMING_SOURCES or not names(one.answer, identifier):
            continue
        if _leads(one.evidence.answer_span, identifier, own, document, seen) and isinstance(
            ask(document, one), AtomicTask
        ):
            yield {"quote": one.evidence.quote, "told_apart_by": _telling(document, one), "relation": one.relation}


def _leads(name: str, identifier: str, own: set[str], document: Document, seen: Observation) -> bool:
    """Whether an entry means the element: by the link that its name is, else by its title (see `Corpus.named`)."""
    linked = {uri for text, uri in seen.links if folded(text) == folded(name)}
    if linked:
        return linked <= own
    if document.media_type == "text/html":
        return folded(name) == folded(identifier) and any(uri in own for _, uri in seen.links)
    return name == identifier


def _telling(document: Document, conclusion: Conclusion) -> str:
    """The part of an entry that tells it apart: a cell, or the description."""
    block, row = block_at(document, conclusion.evidence.place)
    assert row is not None and isinstance(block, Table | Definitions | Items)
    if isinstance(block, Table):
        header = conclusion.relation.removeprefix(f"{block.header[0]} by ")
        return block.rows[row][block.header.index(header)]
    entry = entries_of(block)[row]
    return entry[1] if entry else ""


def _figures(own: set[str], document: Document, seen: Observation) -> Iterator[Answer]:
    """Captions under which the element, an image, is shown."""
    shown = {folded(text) for text, uri in seen.links if uri in own}
    for block in document.blocks:
        if isinstance(block, Figure) and block.caption and folded(block.caption) in shown:
            yield {"quote": block.caption, "told_apart_by": block.caption, "relation": "title of the figure"}


def second_call(values: Values) -> tuple[str, str]:
    """A call that can be made beside a first one: a search for the first words of what is asked."""
    words = (values.get("question") or values.get("identifier") or "").split()
    return "search", json.dumps({"query": " ".join(words[:3])}, ensure_ascii=False)
