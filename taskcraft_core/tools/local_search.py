"""Search over the corpus with an index in memory: one entry a part, results in one order on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import log

import tantivy

from taskcraft_core.corpus import Corpus
from taskcraft_core.tools.hit import Hit
from taskcraft_core.tools.snippet import snippet
from taskcraft_core.tools.terms import ANALYZER, analyzer, as_written, grams, query_grams, query_words, spaced

HITS = 5
_FIELDS = ("title", "body", "title_grams", "grams")
_TITLE_WEIGHT = 3.0
_OVERSAMPLE = 64
_QUERIES_KEPT = 2_048
_HEAP = 64_000_000


class LocalSearch:
    """Searches the documents of a corpus; the index is built at once.

    Args:
        corpus: What is searched.
    """

    def __init__(self, corpus: Corpus) -> None:
        """Builds the index."""
        self._corpus = corpus
        self._index, self._entries = _build(corpus)
        self._searcher = self._index.searcher()
        self._hits = lru_cache(maxsize=_QUERIES_KEPT)(self._find_hits)
        self._ranked = lru_cache(maxsize=_QUERIES_KEPT)(self._rank)

    async def search(self, query: str) -> list[Hit]:
        """At most five documents, each by its best part, best first."""
        return list(self._hits(query))

    def _find_hits(self, query: str) -> list[Hit]:
        if not (ranked := self._ranked(query, HITS)):
            return []
        terms = self._terms(query)
        return [self._hit(document_id, part, terms) for document_id, part in ranked]

    def top(self, query: str, k: int = HITS) -> list[str]:
        """The ids of the `k` documents that fit best, best first."""
        return [document_id for document_id, _ in self._ranked(query, k)]

    def _rank(self, query: str, k: int) -> list[tuple[str, int]]:
        """(document id, part from 0), best first; documents that have the query as their title come before all."""
        titled = {document.id: 0 for document in self._corpus.by_title(as_title(query))}
        found = self._found(query, k + len(titled))
        first = sorted(titled, key=lambda key: (-found.get(key, (0.0, 0))[0], key))
        rest = sorted((key for key in found if key not in titled), key=lambda key: (-found[key][0], key))
        return [(key, found.get(key, (0.0, 0))[1]) for key in (first + rest)[:k]]

    def _found(self, query: str, k: int) -> dict[str, tuple[float, int]]:
        """(score, best part) of the best documents: all that could be among the first k, whatever the ties."""
        parsed = self._query(query)
        if parsed is None:
            return {}
        limit = max(_OVERSAMPLE, 4 * k)
        while True:
            result = self._searcher.search(parsed, limit, count=False)
            found = self._by_document(result.hits)
            scores = sorted((score for score, _ in found.values()), reverse=True)
            exhausted = len(result.hits) < limit
            if exhausted or (len(scores) >= k and _rounded(result.hits[-1][0]) < scores[k - 1]):
                return found
            limit *= 4

    def _by_document(self, hits: list[tuple[float, tantivy.DocAddress]]) -> dict[str, tuple[float, int]]:
        best: dict[str, tuple[float, int]] = {}
        numbers = self._searcher.fast_field_values("entry", [address for _, address in hits]) if hits else []
        for (score, _), number in zip(hits, numbers, strict=True):
            document_id, part = self._entries[int(number or 0)]
            candidate = (_rounded(score), part)
            held = best.get(document_id)
            if held is None or (-candidate[0], part) < (-held[0], held[1]):
                best[document_id] = candidate
        return best

    def _query(self, query: str) -> tantivy.Query | None:
        """Any text as a query: one of its terms must be there, the more the better."""
        wanted = [(field, word) for word in query_words(query) for field in ("title", "body")]
        wanted += [(field, gram) for gram in query_grams(query) for field in ("title_grams", "grams")]
        clauses = [self._clause(field, term) for field, term in wanted]
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _clause(self, field: str, term: str) -> tuple[tantivy.Occur, tantivy.Query]:
        found = tantivy.Query.term_query(self._index.schema, field, term, index_option="freq")
        boosted = tantivy.Query.boost_query(found, _TITLE_WEIGHT) if field.startswith("title") else found
        return tantivy.Occur.Should, boosted

    def _terms(self, query: str) -> list[tuple[str, float]]:
        """What a snippet looks for: beginnings of words and Chinese grams, rare ones weighing more."""
        # A stem may end in another letter than its word ("discoveri"), so that letter is left out.
        words = [
            (written.removesuffix("i") or written, self._rarity("body", word))
            for word in query_words(query)
            for written in as_written(word)
        ]
        return words + [(gram, self._rarity("grams", gram)) for gram in query_grams(query)]

    def _rarity(self, field: str, term: str) -> float:
        return 1.0 + log((1 + len(self._entries)) / (1 + self._searcher.doc_freq(field, term)))

    def _hit(self, document_id: str, part: int, terms: list[tuple[str, float]]) -> Hit:
        document = self._corpus.heads[document_id]
        parts = self._corpus.parts(document_id)
        return Hit(
            title=document.title,
            uri=document.uri,
            media_type=document.media_type,
            part=part + 1,
            parts=len(parts),
            snippet=snippet(parts[part].text, terms),
        )


def as_title(query: str) -> str:
    """The title that a query may be, in quotation marks or not."""
    return query.strip(" \t\n\"'“”«»《》")


def _rounded(score: float) -> float:
    """A score without the last digits, which differ with the order of addition."""
    return round(score, 4)


def _build(corpus: Corpus) -> tuple[tantivy.Index, list[tuple[str, int]]]:
    """The index, and for the number of each entry its document and part."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("entry", fast=True)
    for field in _FIELDS:
        tokenizer = "whitespace" if field.endswith("grams") else ANALYZER
        builder.add_text_field(field, tokenizer_name=tokenizer, index_option="freq")
    index = tantivy.Index(builder.build())
    index.register_tokenizer(ANALYZER, analyzer())
    writer = index.writer(heap_size=_HEAP, num_threads=1)
    entries: list[tuple[str, int]] = []
    for document_id, part, title, text in _texts(corpus):
        entry = tantivy.Document(title=spaced(title), body=spaced(text), title_grams=grams(title), grams=grams(text))
        entry.add_unsigned("entry", len(entries))
        writer.add_document(entry)
        entries.append((document_id, part))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return index, entries


def _texts(corpus: Corpus) -> Iterator[tuple[str, int, str, str]]:
    for document_id, document in corpus.documents.items():
        for number, part in enumerate(corpus.parts(document_id)):
            yield document_id, number, document.title, part.text
