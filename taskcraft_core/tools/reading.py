"""The reading tools: read_page, read_pdf and view_image show a document as text, with where its links lead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import lru_cache

from taskcraft_core.corpus import Corpus, Head
from taskcraft_core.documents.chunks import Part
from taskcraft_core.models import Document, Figure
from taskcraft_core.models import Tool as Kind
from taskcraft_core.tools.toolbox import Parameter, Tool

MAX_LINKS = 60
_OBSERVATIONS_KEPT = 512
_URI = Parameter("string", "The uri of a document, as a search result or a list of links gives it.")
_PART = Parameter("integer", "Which part of the document to read, from 1.", default=1)

READERS: Mapping[Kind, str] = {"page": "read_page", "pdf": "read_pdf", "image": "view_image"}
"""The tool that reads each kind of document."""

_CALLED: Mapping[Kind, str] = {"page": "a page", "pdf": "a PDF", "image": "an image"}


def reading_tools(corpus: Corpus) -> tuple[Tool, ...]:
    """The tools that read the documents of a corpus."""
    return (
        Tool(
            name=READERS["page"],
            description="Reads a part of a web page or text document and lists where its links lead.",
            parameters={"uri": _URI, "part": _PART},
            run=_reader(corpus, "page"),
        ),
        Tool(
            name=READERS["pdf"],
            description="Reads a part of a PDF and lists where its links and figures lead.",
            parameters={"uri": _URI, "part": _PART},
            run=_reader(corpus, "pdf"),
        ),
        Tool(
            name=READERS["image"],
            description="Views an image: returns the text that can be read in it.",
            parameters={"uri": _URI},
            run=_reader(corpus, "image"),
        ),
    )


def _reader(corpus: Corpus, kind: Kind) -> Callable[..., Awaitable[str]]:
    async def read(uri: str, part: int = 1) -> str:
        return observed(uri, part)

    @lru_cache(maxsize=_OBSERVATIONS_KEPT)
    def observed(uri: str, part: int) -> str:
        head = corpus.by_uri(uri) or corpus.by_uri(uri.strip().partition("#")[0])
        if head is None:
            return f"Error: there is no document with the uri {uri!r}; search, and use a uri from the results."
        if head.tool != kind:
            return f"Error: {uri!r} is {_CALLED[head.tool]}; call {READERS[head.tool]}."
        document = corpus.documents[head.id]
        parts = corpus.parts(document.id)
        if kind == "image":
            return _shown(document, 1, 1, corpus.text(document.id), _links(corpus, document, parts))
        if not 1 <= part <= len(parts):
            return f"Error: {uri!r} has {len(parts)} part(s), not a part {part}; ask for one from 1 to {len(parts)}."
        chosen = parts[part - 1]
        return _shown(document, part, len(parts), chosen.text, _links(corpus, document, (chosen,)))

    return read


def _shown(document: Document, part: int, parts: int, text: str, links: list[str]) -> str:
    """An observation: a head, a blank line, the text as it is, and the links."""
    head = f"uri: {document.uri}\ntitle: {_line(document.title)}\npart: {part} of {parts}"
    return "\n\n".join([head, text, *(["Links:\n" + "\n".join(links)] if links else [])])


def _links(corpus: Corpus, document: Document, parts: tuple[Part, ...]) -> list[str]:
    """Where the links and figures of these parts lead inside the corpus, as they stand, each pair once."""
    lines: dict[str, None] = {}
    for place, text, target in _references(corpus, document):
        if target and target.id != document.id and any(part.holds(place) for part in parts):
            lines[f"- {_line(text) or _line(target.title)} -> {target.uri}"] = None
            if len(lines) == MAX_LINKS:
                break
    return list(lines)


def _references(corpus: Corpus, document: Document) -> Iterator[tuple[str, str, Head | None]]:
    """(place, text, target) of the links, then of the figures of a document."""
    for link in document.links:
        yield link.place, link.text, corpus.resolve(document, link.href)
    for block in document.blocks:
        if isinstance(block, Figure):
            yield block.place, block.caption, corpus.shown(document, block)


def _line(text: str) -> str:
    """Text on one line, so that a document cannot write lines of its own into the head or the links."""
    return " ".join(text.split())
