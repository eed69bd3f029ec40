"""Retirement: which rows of earlier builds must not stay, now that the sources hold other documents.

Only rows that are not among those of the build at hand are looked at: those were checked against today's documents
already. What is not known for sure is no reason to leave: a document that could not be parsed this time is there
all the same, and so are the figures in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from taskcraft_core.corpus import Corpus
from taskcraft_core.dataset.cascade import drop_with_descendants
from taskcraft_core.extension.selector import targets
from taskcraft_core.models import Figure, Reason, Rejection, Selector

COLUMNS = ("task_id", "kind", "question", "identifier", "selector", "parent_ids", "evidence")
"""What of a row has to be read."""

_EMBEDDED = re.compile(r"(?P<container>.+)#page=(?P<page>\d+)&figure=\d+", re.S)
_RECORD = re.compile(r".+#\d+", re.S)

Why = tuple[Reason, str]


@dataclass(frozen=True)
class Listing:
    """What the sources hold now, all of them listed completely.

    Attributes:
        documents: Ids of everything listed, parsed or not, and of the figures embedded in what was parsed.
        uris: What it is called.
        unparsed: Uris of what is listed and could not be parsed.
        copies: Uris of what is listed and has the bytes of something else that is.
        corpus: Gives the parsed documents; asked only where a row has to be compared with them.
    """

    documents: Collection[str]
    uris: Collection[str]
    unparsed: Collection[str]
    corpus: Callable[[], Corpus]
    copies: Collection[str] = frozenset()

    @classmethod
    def of(cls, parsed: Mapping[str, str], left_out: Iterable[Rejection], corpus: Callable[[], Corpus]) -> Listing:
        """What ingesting gave.

        Args:
            parsed: By id, the uri of everything that was parsed.
            left_out: What was not; what has no id was not listed.
            corpus: Gives what was parsed.
        """
        listed = [one for one in left_out if one.document_id is not None]
        return cls(
            documents=parsed.keys() | {one.document_id for one in listed if one.document_id is not None},
            uris={*parsed.values(), *(one.item for one in listed)},
            unparsed={one.item for one in listed if one.reason != Reason.DUPLICATE_DOCUMENT},
            copies={one.item for one in listed if one.reason == Reason.DUPLICATE_DOCUMENT},
            corpus=corpus,
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the dataset, as far as it matters here; `evidence` is the id and uri of every document it quotes."""

    task_id: str
    kind: str
    question: str
    identifier: str
    selector: Selector | None
    parent_ids: tuple[str, ...]
    evidence: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Stored:
        """The row that has these `COLUMNS`."""
        return cls(
            task_id=row["task_id"],
            kind=row["kind"],
            question=row["question"],
            identifier=row["identifier"],
            selector=Selector.model_validate(row["selector"]) if row["selector"] else None,
            parent_ids=tuple(row["parent_ids"]),
            evidence=tuple((item["document_id"], item["uri"]) for item in row["evidence"]),
        )


def not_listed(left_out: Iterable[Rejection], failed: int, limit: int | None) -> str | None:
    """Why nobody can say which documents are gone.

    Args:
        left_out: What ingesting left out.
        failed: Shards of documents that the build went on without.
        limit: The configured limit.

    Returns:
        A clause, or None where every source was listed completely. What was listed and could not be parsed, a record
        without text, and a file that is too large to be a document do no harm: what they hold is known well enough.
    """
    if limit is not None:
        return f"no more than {limit} documents are looked at (limit)"
    if failed:
        return f"{failed} {'shard' if failed == 1 else 'shards'} of ingest failed"
    unread = sorted({one.detail.rstrip(".") for one in left_out if _unread(one)})
    if not unread:
        return None
    return f"{unread[0]} (and {len(unread) - 1} more)" if len(unread) > 1 else unread[0]


def _unread(left_out: Rejection) -> bool:
    """Whether a source names something whose bytes could not be had."""
    if left_out.document_id is not None:
        return False
    if left_out.reason == Reason.NO_CONTENT:
        return _RECORD.fullmatch(left_out.item) is None
    return left_out.reason != Reason.TOO_LARGE or "://" in left_out.item


def retirements(
    stored: Iterable[Stored],
    parents: Mapping[str, Collection[str]],
    identifiers: Mapping[str, str],
    listing: Listing,
) -> list[Rejection]:
    """The rows that must not stay, each with the reason.

    Args:
        stored: The rows of the dataset that are not among those of the build at hand.
        parents: For every row of the dataset, the ids of its parents.
        identifiers: For every row of the dataset, its identifier.
        listing: What the sources hold now.

    Returns:
        Rejections of the stage publish, sorted by id. A row leaves where a document that it quotes is gone or has
        changed, where its identifier names no or two documents, where its relation leads to another target than the
        one, and where a row leaves that it was built on.
    """
    found: dict[str, Rejection] = {}
    questions: dict[str, tuple[str, str | None]] = {}
    for row in stored:
        document_id = row.evidence[0][0] if row.evidence else None
        questions[row.task_id] = row.question, document_id
        if (why := _why(row, identifiers, listing)) is not None:
            found[row.task_id] = _retired(row.task_id, row.question, why, document_id)
    lost = drop_with_descendants(parents, found.keys())
    for task_id in lost.keys() & questions.keys():
        question, document_id = questions[task_id]
        why = Reason.PARENT_LEFT, f"it is built on {lost[task_id]}, which leaves"
        found[task_id] = _retired(task_id, question, why, document_id)
    return [found[task_id] for task_id in sorted(found)]


def _retired(task_id: str, question: str, why: Why, document_id: str | None) -> Rejection:
    reason, detail = why
    return Rejection(
        stage="publish", reason=reason, item=task_id, detail=f"{question} Retired: {detail}.", document_id=document_id
    )


def _why(row: Stored, identifiers: Mapping[str, str], listing: Listing) -> Why | None:
    for document_id, uri in row.evidence:
        if _gone(document_id, uri, listing):
            return _departed(uri, listing)
    superset = row.selector.document_id if row.selector else None
    if superset and superset not in listing.documents and superset not in (key for key, _ in row.evidence):
        return Reason.DOCUMENT_GONE, "the document that shows its figure is not there any more, or has changed"
    return _misnamed(row, listing) or _misled(row, identifiers, listing)


# --- documents ---------------------------------------------------------------------------------------------


def _gone(document_id: str, uri: str, listing: Listing) -> bool:
    """Neither listed nor a figure in something listed, as far as anybody can tell."""
    if document_id in listing.documents:
        return False
    embedded = _EMBEDDED.fullmatch(uri)
    if embedded is None:
        return True
    container, page = embedded["container"], embedded["page"]
    unseen = container in listing.unparsed or container in listing.copies
    return not unseen and not _has_unread_figure(container, page, listing.corpus())


def _has_unread_figure(container: str, page: str, corpus: Corpus) -> bool:
    """Whether this page shows a figure that could not be read this time; which one it is nobody knows."""
    head = corpus.by_uri(container)
    return head is not None and any(
        isinstance(block, Figure) and block.document_id is None and block.place.startswith(f"p{page}.")
        for block in corpus.documents[head.id].blocks
    )


def _departed(uri: str, listing: Listing) -> Why:
    embedded = _EMBEDDED.fullmatch(uri)
    if (embedded["container"] if embedded else uri) in listing.uris:
        return Reason.DOCUMENT_CHANGED, f"it quotes {uri} as it was before it changed"
    return Reason.DOCUMENT_GONE, f"it quotes {uri}, which is not among the documents any more"


# --- uniqueness --------------------------------------------------------------------------------------------


def _misnamed(row: Stored, listing: Listing) -> Why | None:
    """Its identifier must name one document; that of a width task joins those of its parts, which are rows too."""
    if row.kind == "width":
        return None
    corpus = listing.corpus()
    found = corpus.by_title(row.identifier)
    if len(found) > 1:
        return Reason.IDENTIFIER, f"{len(found)} documents are titled {row.identifier!r} now"
    parsed = not listing.unparsed and all(document_id in corpus.heads for document_id, _ in row.evidence)
    if not found and parsed:
        return Reason.IDENTIFIER, f"no document is titled {row.identifier!r} any more"
    return None


def _misled(row: Stored, identifiers: Mapping[str, str], listing: Listing) -> Why | None:
    """Its relation must lead to the one document that its core names; it cannot be read off what was not parsed."""
    corpus = listing.corpus()
    if row.selector is None or row.selector.document_id not in corpus.heads:
        return None
    named = corpus.by_title(identifiers.get(row.parent_ids[0], ""))
    if len(named) != 1:
        return None  # the core leaves for it, or nobody can tell
    found = targets(row.selector, corpus)
    if found == {named[0].id}:
        return None
    told = f"{len(found)} targets" if len(found) != 1 else "another target"
    return Reason.SECOND_TARGET, f"its relation leads to {told} now"
