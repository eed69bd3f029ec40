"""The reading tools: read_page, read_pdf and view_image show a document as text, with where its links lead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import lru_cache, partial
from urllib.parse import urldefrag, urljoin

from taskcraft_core.corpus import Corpus, Head
from taskcraft_core.documents.chunks import Part, split
from taskcraft_core.documents.fetch import is_url
from taskcraft_core.documents.render import render
from taskcraft_core.models import Document, Figure, Place
from taskcraft_core.models import Tool as Kind
from taskcraft_core.tools.toolbox import Parameter, Tool

MAX_LINKS = 60
_OBSERVATIONS_KEPT = 512
_LONGEST_LINK = 500
_URI = Parameter("string", "The uri of a document, as a search result or a list of links gives it.")
_PART = Parameter("integer", "Which part of the document to read, from 1.", default=1)

READERS: Mapping[Kind, str] = {"page": "read_page", "pdf": "read_pdf", "image": "view_image"}
"""The tool that reads each kind of document."""

_CALLED: Mapping[Kind, str] = {"page": "a page", "pdf": "a PDF", "image": "an image"}


Targets = Callable[[Document], Iterator[tuple[Place, str, str]]]
Elsewhere = Callable[[str, str], Awaitable[Document | str]]
"""Gives the document at an address that is not in the corpus, for the tool of this name; or an error to show."""


def reading_tools(corpus: Corpus, elsewhere: Elsewhere | None = None) -> tuple[Tool, ...]:
    """The tools that read documents.

    Args:
        corpus: Its documents are read first of all.
        elsewhere: Where addresses lead that are not in the corpus; without it, nowhere.
    """
    return (
        Tool(
            name=READERS["page"],
            description="Reads a part of a web page or text document and lists where its links lead.",
            parameters={"uri": _URI, "part": _PART},
            run=_reader(corpus, "page", elsewhere),
        ),
        Tool(
            name=READERS["pdf"],
            description="Reads a part of a PDF and lists where its links and figures lead.",
            parameters={"uri": _URI, "part": _PART},
            run=_reader(corpus, "pdf", elsewhere),
        ),
        Tool(
            name=READERS["image"],
            description="Views an image: returns the text that can be read in it.",
            parameters={"uri": _URI},
            run=_reader(corpus, "image", elsewhere),
        ),
    )


def _reader(corpus: Corpus, kind: Kind, elsewhere: Elsewhere | None) -> Callable[..., Awaitable[str]]:
    async def read(uri: str, part: int = 1) -> str:
        if elsewhere is None or find(corpus, uri) or not is_url(uri.strip()):
            return observed(uri, part)
        document = await elsewhere(uri.strip(), READERS[kind])
        if isinstance(document, str):
            return document
        return _observation(document, split(document), kind, uri, part, partial(_targets_outside, corpus))

    @lru_cache(maxsize=_OBSERVATIONS_KEPT)
    def observed(uri: str, part: int) -> str:
        head = find(corpus, uri)
        if head is None:
            return f"Error: there is no document with the uri {_quoted(uri)}; search, and use a uri from the results."
        if head.tool != kind:  # known without looking into the document
            return _mistaken(head.tool, uri)
        document = corpus.documents[head.id]
        return _observation(document, corpus.parts(head.id), kind, uri, part, partial(_targets_inside, corpus))

    return read


def find(corpus: Corpus, uri: str) -> Head | None:
    """The document of a corpus that a reading tool takes a uri for."""
    return corpus.by_uri(uri) or corpus.by_uri(uri.strip().partition("#")[0])


def _mistaken(is_a: Kind, uri: str) -> str:
    return f"Error: {_quoted(uri)} is {_CALLED[is_a]}; call {READERS[is_a]}."


def _observation(document: Document, parts: tuple[Part, ...], kind: Kind, uri: str, part: int, targets: Targets) -> str:
    """A part of a document (of an image: all of it) as a tool of this kind shows it."""
    if document.tool != kind:
        return _mistaken(document.tool, uri)
    if kind == "image":
        return _shown(document, 1, 1, render(document), _links(document, parts, targets))
    if not 1 <= part <= len(parts):
        return f"Error: {_quoted(uri)} has {len(parts)} part(s), not a part {part}; ask for one from 1 to {len(parts)}."
    chosen = parts[part - 1]
    return _shown(document, part, len(parts), chosen.text, _links(document, (chosen,), targets))


def _shown(document: Document, part: int, parts: int, text: str, links: list[str]) -> str:
    """An observation: a head, a blank line, the text as it is, and the links."""
    head = f"uri: {document.uri}\ntitle: {_line(document.title)}\npart: {part} of {parts}"
    return "\n\n".join([head, text, *(["Links:\n" + "\n".join(links)] if links else [])])


def _links(document: Document, parts: tuple[Part, ...], targets: Targets) -> list[str]:
    """Where the links and figures of these parts lead, as they stand, each pair once."""
    lines: dict[str, None] = {}
    for place, text, target in targets(document):
        if any(part.holds(place) for part in parts):
            lines[f"- {_line(text)} -> {target}"] = None
            if len(lines) == MAX_LINKS:
                break
    return list(lines)


def _targets_inside(corpus: Corpus, document: Document) -> Iterator[tuple[Place, str, str]]:
    """(place, text, uri) of the links, then of the figures of a document that lead to another one of the corpus."""
    for place, text, _, target in _references(corpus, document):
        if target and target.id != document.id:
            yield place, _line(text) or target.title, target.uri


def _targets_outside(corpus: Corpus, document: Document) -> Iterator[tuple[Place, str, str]]:
    """The same for a document of the web, whose links lead to documents of the corpus or to other pages."""
    here = document.uri.partition("#")[0]
    for place, text, href, target in _references(corpus, document):
        if target is None and (address := _address(here, href)):
            yield place, _line(text) or address, address
        elif target is not None and target.id != document.id:
            yield place, _line(text) or target.title, target.uri


def _address(here: str, href: str) -> str | None:
    """The page that a link leads to; None if it is this one, or no page."""
    try:
        address = "%20".join(urldefrag(urljoin(here, href)).url.split())
    except ValueError:
        return None
    return address if address != here and is_url(address) and len(address) <= _LONGEST_LINK else None


def _references(corpus: Corpus, document: Document) -> Iterator[tuple[Place, str, str, Head | None]]:
    """(place, text, address as written, document of the corpus) of the links, then of the figures of a document."""
    for link in document.links:
        yield link.place, link.text, link.href, corpus.resolve(document, link.href)
    for block in document.blocks:
        if isinstance(block, Figure):
            yield block.place, block.caption, block.href, corpus.shown(document, block)


def _quoted(uri: str) -> str:
    return repr(uri if len(uri) <= _LONGEST_LINK else f"{uri[:_LONGEST_LINK]}…")


def _line(text: str) -> str:
    """Text on one line, so that a document cannot write lines of its own into the head or the links."""
    return " ".join(text.split())
