"""All documents of a build together: found by id, uri and title, and linked to each other.

A document knows its links only as they are written; what they lead to depends on which documents there are,
so it is worked out here. Everything is built when first asked for, in time linear in the size of the corpus.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from urllib.parse import quote, unquote, urljoin, urlsplit

from taskcraft_core.documents.chunks import PART_CHARS, Part, split
from taskcraft_core.documents.render import render
from taskcraft_core.models import Document, Figure, Link, MediaType, Place, Tool, content_hash, tool_for

_TEXTS_KEPT = 256
_DOCUMENTS_KEPT = 64
_TARGETS_KEPT = 65_536
_INDEX_PAGES = ("index.html", "index.htm")


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a document without looking into it."""

    id: str
    uri: str
    title: str
    media_type: MediaType
    language: str

    @property
    def tool(self) -> Tool:
        """The tool that reads the document."""
        return tool_for(self.media_type)


class Packed(Mapping[str, Document]):
    """Documents by id, kept compressed and unpacked when asked for: a tenth of the memory of whole ones.

    Args:
        documents: In any order; of those with the same id the one with the smallest uri is kept.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        packed: dict[str, bytes] = {}
        heads: dict[str, Head] = {}
        self.named: set[tuple[str, str, str]] = set()
        for one in documents:
            self.named.add((one.id, one.uri, one.title))
            if one.id not in heads or one.uri < heads[one.id].uri:
                heads[one.id] = Head(one.id, one.uri, one.title, one.media_type, one.language)
                packed[one.id] = zlib.compress(one.model_dump_json().encode(), 1)
        self.heads = {key: heads[key] for key in sorted(heads)}
        self._unpack = lru_cache(maxsize=_DOCUMENTS_KEPT)(
            lambda key: Document.model_validate_json(zlib.decompress(packed[key]))
        )

    def __getitem__(self, key: str) -> Document:
        """The document with this id."""
        return self._unpack(key)

    def __iter__(self) -> Iterator[str]:
        """The ids, sorted."""
        return iter(self.heads)

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self.heads)

    def __contains__(self, key: object) -> bool:
        """Whether there is a document with this id."""
        return key in self.heads


class Corpus:
    """The documents of a build.

    Args:
        documents: In any order. Of documents with the same id the one with the smallest uri is kept; the
            other uris still lead to it.
        part_chars: About how long the parts of a document are; only a second reading gives another length.
    """

    documents: Packed
    """Every document by its id, sorted by id."""
    heads: Mapping[str, Head]
    """What is known of every document without looking into it, by its id, sorted by id."""

    def __init__(self, documents: Iterable[Document] | Packed, part_chars: int = PART_CHARS) -> None:
        packed = documents if isinstance(documents, Packed) else Packed(documents)
        self.documents, self.heads = packed, MappingProxyType(packed.heads)
        self.fingerprint: str = content_hash(sorted(packed.named))
        self._uris: dict[str, str] = {}
        for key, uri, _ in sorted(packed.named):
            self._uris.setdefault(uri, key)
        self._links_at = lru_cache(maxsize=_TEXTS_KEPT)(lambda key: _links_by_place(packed[key]))
        self._target = lru_cache(maxsize=_TARGETS_KEPT)(self._find_target)
        self._text = lru_cache(maxsize=_TEXTS_KEPT)(lambda key: render(packed[key]))
        self._parts = lru_cache(maxsize=_TEXTS_KEPT)(lambda key: split(packed[key], part_chars))

    def by_uri(self, uri: str) -> Head | None:
        """The document with exactly this uri."""
        return self._head(self._uris.get(uri))

    def by_title(self, title: str) -> list[Head]:
        """The documents with this title, whatever its case and spacing, sorted by id."""
        return [self.heads[key] for key in self._titles.get(folded(title), ())]

    def _head(self, document_id: str | None) -> Head | None:
        return self.heads.get(document_id) if document_id is not None else None

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

    def resolve(self, source: Document, href: str) -> Head | None:
        """The document that a link leads to.

        Args:
            source: The document that the link stands in; any document, also one that is not in the corpus.
            href: The link as written: absolute or relative, with or without query and fragment.

        Returns:
            The document, `source`'s own one for a link inside the page, or None if none is in the corpus.
        """
        href = href.strip()
        if not href or href[0] in "#?":
            return self._head(source.id)
        return self._target(_folder(source.uri), href)

    def named(self, source: Document, place: Place, name: str) -> Head | None:
        """The document that an entry names: by the link that the name is, else by its title.

        A page can link: where it does not, an entry that is called as some page is may well mean something else.

        Args:
            source: The document that the entry stands in.
            place: The place of the entry.
            name: What the entry is called, as written.

        Returns:
            The document, or None if there is none in the corpus or more than one.
        """
        links = self._links_at(source.id).get(place, ())
        linked = {link: target for link in links if (target := self.resolve(source, link.href))}
        called = {target.id: target for link, target in linked.items() if folded(link.text) == folded(name)}
        found = list(called.values())
        if not found and source.media_type == "text/html":
            # the entry may be called as a page is, and link to it in its description
            found = [head for head in self.by_title(name) if head in linked.values()]
        elif not found:
            found = [head for head in self.by_title(name) if head.title == name]
        return found[0] if len(found) == 1 else None

    def containers(self, document_id: str) -> tuple[tuple[Document, Figure], ...]:
        """The other documents that show this one as a figure, by their id and then as the figures stand."""
        return tuple((self.documents[key], figure) for key, figure in self._containers.get(document_id, ()))

    @cached_property
    def _titles(self) -> Mapping[str, list[str]]:
        titles: defaultdict[str, list[str]] = defaultdict(list)
        for key, head in self.heads.items():
            titles[folded(head.title)].append(key)
        return dict(titles)

    @cached_property
    def _paths(self) -> Mapping[str, str]:
        """Documents by their uri in normal form; one that has a query or a fragment is known by it."""
        paths: dict[str, str] = {}
        for uri in sorted(self._uris):
            with suppress(ValueError):  # a record may call itself "http://[": no link leads there
                for key in _normal(uri if "://" in uri else quote(uri))[0]:
                    paths.setdefault(key, self._uris[uri])
        return paths

    def _find_target(self, folder: str, href: str) -> Head | None:
        try:
            # urljoin leaves "./a.html" as it is when there is no folder, so a root stands in for it.
            forms = _normal(urljoin(folder, href) if folder else urljoin("/", href).removeprefix("/"))
        except ValueError:  # a malformed address, such as "http://[": it leads nowhere
            return None
        return self._head(next((self._paths[key] for keys in forms for key in keys if key in self._paths), None))

    @cached_property
    def _containers(self) -> Mapping[str, list[tuple[str, Figure]]]:
        containers: defaultdict[str, list[tuple[str, Figure]]] = defaultdict(list)
        for source in self.documents.values():
            for block in source.blocks:
                target = self.shown(source, block) if isinstance(block, Figure) else None
                if isinstance(block, Figure) and target and target.id != source.id:
                    containers[target.id].append((source.id, block))
        return dict(containers)

    def shown(self, source: Document, figure: Figure) -> Head | None:
        """The document that a figure of `source` shows, if it is in the corpus."""
        if figure.document_id is not None:
            return self._head(figure.document_id)
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
    path = uri.partition("#")[0].partition("?")[0]
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
