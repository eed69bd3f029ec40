"""Turns the content of an HTML page into blocks, in document order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborNode

from taskcraft_core.documents import html_tables
from taskcraft_core.documents.draft import Draft
from taskcraft_core.documents.hygiene import fold, fold_code
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Box, Definitions, Figure, Reason

MAX_DEPTH: Final = 250

_INLINE_TAGS = (
    "a abbr acronym b bdi bdo big br cite code data del dfn em font i img ins kbd label mark q rp rt ruby s samp small"
    " span strike strong sub sup time tt u var wbr picture source math nobr"
)
_INLINE: Final = frozenset(_INLINE_TAGS.split())
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SHORT_VALUE, _SHORT_KEY = 60, 40
_ICON = 48


@dataclass
class Inline:
    """Running text that is being collected, with the links and pictures met on the way."""

    parts: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    images: list[tuple[str, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text so far, on one line."""
        return fold("".join(self.parts))


class Walker:
    """Walks the content once, filling a draft; too deep a nesting is an error, not a crash."""

    def __init__(self, draft: Draft, uri: str, skip_heading: set[str]) -> None:
        """Writes into `draft`; headings that only repeat the title open no section."""
        self.draft = draft
        self.uri = uri
        self.skip_heading = skip_heading
        self.pending = Inline()

    def walk(self, node: LexborNode, depth: int = 0) -> None:
        """Reads everything inside a container."""
        self._check(depth)
        for child in children(node):
            tag = child.tag or ""
            if child.is_text_node or tag in _INLINE:
                self.collect(child, self.pending, depth + 1)
            elif child.is_element_node:
                self.flush()
                self._block(child, tag, depth + 1)
        self.flush()

    def flush(self) -> None:
        """Ends the paragraph that is being collected."""
        pending, self.pending = self.pending, Inline()
        place = self.draft.passage(pending.text)
        if place:
            self.add_links(place, pending)
        for caption, href in pending.images:
            self.draft.add(Figure, caption=caption, href=href)

    def add_links(self, place: str, inline: Inline) -> None:
        """Notes the links of a piece of text at its place."""
        for text, href in inline.links:
            self.draft.link(place, text, href)

    def collect(self, node: LexborNode, into: Inline, depth: int = 0) -> None:
        """Adds the text, links and pictures of a node to running text."""
        self._check(depth)
        if node.is_text_node:
            into.parts.append(node.text(deep=False) or node.raw_value or "")
            return
        tag = node.tag
        if tag == "br":
            into.parts.append(" ")
        elif tag == "img":
            into.images.extend(picture(node))
        elif node.is_element_node:
            spaced = "" if tag in _INLINE else " "
            into.parts.append(spaced)
            start = len(into.parts)
            for child in children(node):
                self.collect(child, into, depth + 1)
            if tag == "a" and (href := node.attributes.get("href")):
                into.links.append(("".join(into.parts[start:]), href))
            into.parts.append(spaced)

    def inline(self, node: LexborNode, depth: int) -> Inline:
        """The text of a node that is read as one line."""
        found = Inline()
        self.collect(node, found, depth)
        return found

    def _check(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise DocumentError(
                Reason.TOO_DEEP, f"{self.uri}: its elements are nested deeper than {MAX_DEPTH}; simplify the page."
            )

    def _block(self, node: LexborNode, tag: str, depth: int) -> None:
        if tag in _HEADINGS:
            self._heading(node, depth)
        elif tag == "table":
            html_tables.read_table(self, node, depth)
        elif tag in ("ul", "ol", "menu"):
            self._list(node, depth)
        elif tag == "dl":
            self._definitions(node, depth)
        elif tag == "pre":
            self.draft.lines(fold_code(line) for line in node.text(separator="").split("\n"))
        elif tag == "figure" and node.css_first("img") is not None:
            self._figure(node)
        else:
            self.walk(node, depth)

    def _heading(self, node: LexborNode, depth: int) -> None:
        text = self.inline(node, depth).text.removesuffix("¶").strip()
        if text:
            self.draft.section = "" if text in self.skip_heading else text

    def _figure(self, node: LexborNode) -> None:
        image, caption = node.css_first("img"), node.css_first("figcaption")
        for alt, href in picture(image) if image is not None else ():
            text = fold(caption.text(separator="")) if caption is not None else ""
            self.draft.add(Figure, caption=text or alt, href=href)

    def _list(self, node: LexborNode, depth: int) -> None:
        if node.css_first("table, dl, pre, figure") is not None:
            self.walk(node, depth)
            return
        entries = [item for li in list_items(node) if (item := self._item(li, depth)).text]
        place = self.draft.items(entry.text for entry in entries)
        for row, entry in enumerate(entries):
            self.add_links(f"{place}.r{row}", entry)

    def _item(self, li: LexborNode, depth: int) -> Inline:
        """The item's own text; lists inside it give items of their own."""
        found = Inline()
        for child in children(li):
            if child.tag not in ("ul", "ol", "menu"):
                self.collect(child, found, depth + 1)
        return found

    def _definitions(self, node: LexborNode, depth: int) -> None:
        pairs = list(definition_pairs(node))
        entries, rest = [], []
        for terms, body in pairs:
            text = self.inline(first_paragraph(body), depth + 1)
            term = ", ".join(name for name in (term_name(t) for t in terms) if name)
            if term and text.text:
                entries.append((term, text))
            rest.append(body)
        self._add_entries([(term, text.text) for term, text in entries], [text for _, text in entries])
        for body in rest:
            self._walk_rest(body, depth + 1)

    def _add_entries(self, entries: list[tuple[str, str]], inlines: list[Inline]) -> None:
        if not entries:
            return
        kind = Box if is_key_value(entries) else Definitions
        place = self.draft.add(kind, entries=tuple(entries))
        for row, inline in enumerate(inlines):
            self.add_links(f"{place}.r{row}", inline)

    def _walk_rest(self, body: LexborNode, depth: int) -> None:
        """What a description holds besides its first paragraph."""
        first = first_paragraph(body)
        if first.mem_id == body.mem_id:
            return
        self._check(depth)
        for child in children(body):
            if child.mem_id == first.mem_id:
                continue
            if child.is_element_node and child.tag not in _INLINE:
                self._block(child, child.tag or "", depth + 1)
            else:
                self.collect(child, self.pending, depth + 1)
        self.flush()


def children(node: LexborNode) -> Iterator[LexborNode]:
    """The direct children of a node, text included."""
    child = node.first_child
    while child is not None:
        following = child.next
        yield child
        child = following


def picture(node: LexborNode) -> list[tuple[str, str]]:
    """(alternative text, address) of a picture; none for icons and for pictures inside the page's own text."""
    attributes = node.attributes
    source = attributes.get("src") or attributes.get("data-src") or ""
    sizes = [
        v for k in ("width", "height") if re.fullmatch("[0-9]{1,9}", v := (attributes.get(k) or "").removesuffix("px"))
    ]
    if not source or source.startswith("data:") or any(int(size) < _ICON for size in sizes):
        return []
    return [(fold(attributes.get("alt") or attributes.get("title") or ""), source)]


def list_items(node: LexborNode) -> Iterator[LexborNode]:
    """Every item of a list and of the lists inside it, in order."""
    return iter(node.css("li"))


def definition_pairs(node: LexborNode) -> Iterator[tuple[list[LexborNode], LexborNode]]:
    """(terms, description) of a definition list; pairs may be wrapped in div."""
    terms: list[LexborNode] = []
    for child in children(node):
        if child.tag == "div":
            yield from definition_pairs(child)
        elif child.tag == "dt":
            terms.append(child)
        elif child.tag == "dd" and terms:
            yield terms, child
            terms = []


def first_paragraph(body: LexborNode) -> LexborNode:
    """The first paragraph of a description, or the description itself when it is plain text."""
    for child in children(body):
        if child.is_text_node and not (child.text(deep=False) or "").strip():
            continue
        if child.tag == "p":
            return child
        break
    return body.css_first("p") or body


def term_name(term: LexborNode) -> str:
    """The name that a term gives: for documented code the dotted name without its signature."""
    names = [*term.css(".descclassname"), *term.css(".descname")] if term.css_first(".descname") else [term]
    text = "".join(_term_text(node) for node in names)
    return fold(text).removesuffix("¶").strip(" ,")


def _term_text(node: LexborNode) -> str:
    """The text of a term; several names on lines of their own are told apart by commas."""
    if node.is_text_node:
        return node.text(deep=False) or ""
    return ", " if node.tag == "br" else "".join(_term_text(child) for child in children(node))


def is_key_value(entries: list[tuple[str, str]]) -> bool:
    """Whether pairs read like a data sheet rather than like a glossary: short keys, short values, no sentences."""
    return len(entries) > 1 and all(
        len(key) <= _SHORT_KEY and len(value) <= _SHORT_VALUE and not value.endswith((".", "。"))
        for key, value in entries
    )
