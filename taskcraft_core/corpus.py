"""All documents of a build together: found by id, uri and title, and linked to each other.

A document knows its links only as they are written; what they lead to depends on which documents there are,
so it is worked out here. Everything is built when first asked for, in time linear in the size of the corpus.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from taskcraft_core.documents.chunks import PART_CHARS, Part, split
from taskcraft_core.documents.render import render
from taskcraft_core.models import Document, Figure, Link, Place, content_hash

_TEXTS_KEPT = 512
_INDEX_PAGES = ("index.html", "index.htm")


@dataclass(frozen=True, slots=True)
class Inbound:
    """A link that leads to a document: where it stands, and the link as written."""

    source: Document
    link: Link


class Corpus:
    """The documents of a build.

    Args:
        documents: In any order. Of documents with the same id the one with the smallest uri is kept; the
            other uris still lead to it.
        part_chars: About how long the parts of a document are; only a second reading gives another length.
    """

    documents: Mapping[str, Document]
    """Every document by its id, sorted by id."""

    def __init__(self, documents: Iterable[Document], part_chars: int = PART_CHARS) -> None:
        """Sorts the documents; everything else waits until it is asked for."""
        given = sorted(documents, key=lambda document: (document.id, document.uri))
        kept: dict[str, Document] = {}
        for document in given:
            kept.setdefault(document.id, document)
        self.documents = MappingProxyType(kept)
        self.fingerprint: str = content_hash(sorted({(d.id, d.uri, d.title) for d in given}))
        self._uris: dict[str, Document] = {}
        for document in given:
            self._uris.setdefault(document.uri, kept[document.id])
        self._links_at = lru_cache(maxsize=_TEXTS_KEPT)(_links_by_place)
        self._target = lru_cache(maxsize=None)(self._find_target)
        self._text = lru_cache(maxsize=_TEXTS_KEPT)(lambda key: render(kept[key]))
        self._parts = lru_cache(maxsize=_TEXTS_KEPT)(lambda key: split(kept[key], part_chars))

    def by_uri(self, uri: str) -> Document | None:
        """The document with exactly this uri."""
        return self._uris.get(uri)

    def by_title(self, title: str) -> list[Document]:
        """The documents with this title, whatever its case and spacing, sorted by id."""
        return list(self._titles.get(folded(title), ()))

    def text(self, document_id: str) -> str:
        """The rendered document.

        Raises:
            KeyError: There is no document with this id.
        """
        return self._text(document_id)

    def parts(self, document_id: str) -> tuple[Part, ...]:
        """The rendered document in parts, as the reading tools show it.

        Raises:
            KeyError: There is no document with this id.
        """
        return self._parts(document_id)

    def resolve(self, source: Document, href: str) -> Document | None:
        """The document that a link leads to.

        Args:
            source: The document that the link stands in; any document, also one that is not in the corpus.
            href: The link as written: absolute or relative, with or without query and fragment.

        Returns:
            The document, `source`'s own one for a link inside the page, or None if none is in the corpus.
        """
        href = href.strip()
        if not href or href[0] in "#?":
            return self.documents.get(source.id)
        return self._target(_folder(source.uri), href)

    def named(self, source: Document, place: Place, name: str) -> Document | None:
        """The document that an entry names: by the link that the name is, else by its title.

        Args:
            source: The document that the entry stands in.
            place: The place of the entry.
            name: What the entry is called, as written.

        Returns:
            The document, or None if there is none in the corpus or more than one.
        """
        linked = {
            target.id: target
            for link in self._links_at(source).get(place, ())
            if folded(link.text) == folded(name) and (target := self.resolve(source, link.href))
        }
        found = list(linked.values()) or self.by_title(name)
        return found[0] if len(found) == 1 else None

    def links_to(self, document_id: str) -> tuple[Inbound, ...]:
        """The links from other documents to this one, by the id of their document and then as they stand."""
        return tuple(self._inbound.get(document_id, ()))

    def containers(self, document_id: str) -> tuple[tuple[Document, Figure], ...]:
        """The other documents that show this one as a figure, by their id and then as the figures stand."""
        return tuple(self._containers.get(document_id, ()))

    @cached_property
    def _titles(self) -> Mapping[str, list[Document]]:
        titles: defaultdict[str, list[Document]] = defaultdict(list)
        for document in self.documents.values():
            titles[folded(document.title)].append(document)
        return dict(titles)

    @cached_property
    def _paths(self) -> Mapping[str, Document]:
        """Documents by their uri in normal form; one that has a query or a fragment is known by it."""
        paths: dict[str, Document] = {}
        for uri in sorted(self._uris):
            for key in _normal(uri if "://" in uri else quote(uri))[0]:
                paths.setdefault(key, self._uris[uri])
        return paths

    def _find_target(self, folder: str, href: str) -> Document | None:
        try:
            # urljoin leaves "./a.html" as it is when there is no folder, so a root stands in for it.
            forms = _normal(urljoin(folder, href) if folder else urljoin("/", href).removeprefix("/"))
        except ValueError:  # a malformed address, such as "http://[": it leads nowhere
            return None
        return next((self._paths[key] for keys in forms for key in keys if key in self._paths), None)

    @cached_property
    def _inbound(self) -> Mapping[str, list[Inbound]]:
        inbound: defaultdict[str, list[Inbound]] = defaultdict(list)
        for source in self.documents.values():
            for link in source.links:
                target = self.resolve(source, link.href)
                if target and target.id != source.id:
                    inbound[target.id].append(Inbound(source, link))
        return dict(inbound)

    @cached_property
    def _containers(self) -> Mapping[str, list[tuple[Document, Figure]]]:
        containers: defaultdict[str, list[tuple[Document, Figure]]] = defaultdict(list)
        for source in self.documents.values():
            for block in source.blocks:
                target = self.shown(source, block) if isinstance(block, Figure) else None
                if isinstance(block, Figure) and target and target.id != source.id:
                    containers[target.id].append((source, block))
        return dict(containers)

    def shown(self, source: Document, figure: Figure) -> Document | None:
        """The document that a figure of `source` shows, if it is in the corpus."""
        if figure.document_id is not None:
            return self.documents.get(figure.document_id)
        return self.resolve(source, figure.href) if figure.href else None


def _links_by_place(document: Document) -> Mapping[Place, list[Link]]:
    links: defaultdict[Place, list[Link]] = defaultdict(list)
    for link in document.links:
        links[link.place].append(link)
    return links


def folded(text: str) -> str:
    """Text as it is compared: one form of every character, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _folder(uri: str) -> str:
    """What the links of the document at `uri` are relative to; the path of a local file is quoted first."""
    if "://" not in uri:
        return quote(uri.rpartition("/")[0] + "/") if "/" in uri else ""
    path = urldefrag(uri).url.partition("?")[0]
    return path[: path.rfind("/") + 1] if path.count("/") > 2 else f"{path}/"


def _normal(uri: str) -> tuple[tuple[str, ...], ...]:
    """The normal forms of an address: whole, then without its fragment, then without its query.

    The whole address comes first because a query or fragment may tell two documents apart, or be mere decoration.
    Each form is without scheme and quoting, and given with and without the name of an index page.
    """
    found = urlsplit(uri)
    if found.scheme not in ("", "http", "https", "file"):
        return ((),)
    host = f"//{found.netloc.lower()}" if found.netloc else ""
    path = unquote(found.path) or ("/" if host else "")
    folder, _, name = path.rpartition("/")
    paths = [host + path]
    if name in _INDEX_PAGES:
        paths.append(f"{host}{folder}/")
    elif not name:
        paths += [f"{host}{path}{page}" for page in _INDEX_PAGES]
    query = f"?{found.query}" if found.query else ""
    fragment = f"#{found.fragment}" if found.fragment else ""
    rests = dict.fromkeys((query + fragment, query, ""))
    return tuple(tuple(path + rest for path in paths) for rest in rests)
