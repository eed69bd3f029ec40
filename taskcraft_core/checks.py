"""The adversarial checks that need no agent: each looks for one way in which a question could be bad.

Every function answers None where the question passes, and one sentence that tells what is wrong otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.language import identified, script_language
from taskcraft_core.documents.render import block_lines
from taskcraft_core.models import Document, Evidence
from taskcraft_core.roles.extractive.normalise import answer_type, normalise
from taskcraft_core.roles.extractive.writing.sentences import sentences
from taskcraft_core.roles.extractive.writing.words import contains_words, content_words, words

LONGEST_QUESTION = 420
MOST_WORDS = 75
RIVAL_SHARE = 0.8
SURE = 0.99
"""A detected language counts from this probability on."""
ENOUGH_LETTERS = 24
"""Fewer letters than these are not enough to tell languages of one script apart."""
_VALUES = re.compile(
    r"\d{1,2} [A-Z][a-z]+ \d{4}|[A-Z][a-z]+ \d{1,2}, \d{4}|[A-Z][a-z]+ \d{4}|\d{4}年(?:\d{1,2}月(?:\d{1,2}日)?)?"
    r"|[-−]?\d[\d,]*(?:\.\d+)?(?: ?(?:[a-zA-Z°%²³/]{1,12}|[\u4e00-\u9fff]{1,4}))?"
)
_QUOTED = re.compile(r"“[^”]*”|《[^》]*》|「[^」]*」|\"[^\"]*\"|`[^`]*`")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[a-zA-Z\u00c0-\u024f]")
_ASKING = {
    "en": re.compile(r"\b(?:what|which|whose?|whom|when|where|why|how|according)\b", re.I),
    "zh": re.compile("什么|多少|哪|谁|几|何|吗|根据"),
}
"""Words that no question of another language has."""


def evidence_missing(evidence: Evidence, answer: str, corpus: Corpus) -> str | None:
    """The quote stands in the document as it is now, the span in the quote, and the span is the answer."""
    if evidence.document_id not in corpus.documents:
        return "the document of the evidence is not in the corpus"
    if evidence.quote not in corpus.text(evidence.document_id):
        return "the quote does not stand in the document"
    if evidence.answer_span not in evidence.quote or normalise(evidence.answer_span) != answer:
        return "the answer is not the one form of its span in the quote"
    return None


def identifier_ambiguous(identifier: str, corpus: Corpus) -> str | None:
    """Exactly one document carries the identifier as its title."""
    found = corpus.by_title(identifier)
    return None if len(found) == 1 else f"{len(found)} documents are titled {identifier!r}"


def readable(question: str) -> str | None:
    """The question reads like a person's: bounded, quotes in pairs, nothing doubled, one question mark at its end."""
    if len(question) > LONGEST_QUESTION or len(question.split()) > MOST_WORDS:
        return "the question is too long to be read at once"
    if not question.endswith(("?", "？")) or question.count("?") + question.count("？") != 1:
        return "the question does not end in its only question mark"
    if any(question.count(a) != question.count(b) for a, b in ("“”", "《》", "()", "（）")):
        return "quotes or brackets do not come in pairs"
    if re.search(r"\b(\w+) \1\b(?! \1)|  |\.\.|,,| [,.?]", question, re.I):
        return "a word or a mark stands twice"
    return None


def wrong_language(question: str, language: str, *names: str) -> str | None:
    """The question is in the language of its document: what is quoted, and the names in it, may be in any.

    The script decides; among languages of the Latin script only a sure detection counts.
    """
    said = _QUOTED.sub(" ", question)
    for name in names:
        said = re.sub(re.escape(name), " ", said, flags=re.I)
    letters = len(_LETTER.findall(said))
    script = script_language(said, letters)
    asks = _ASKING.get(language)
    if not letters or (asks and asks.search(said) and script not in {"ja", "ko"}):
        return None
    spoken = script or (_detected(said, letters) if language != "zh" else "another language")
    return f"the question is not in {language!r} as its document is" if spoken not in ("", language) else None


def _detected(said: str, letters: int) -> str:
    """The language of a text that is sure to be in it, else ""."""
    if letters < ENOUGH_LETTERS and len(_LATIN.findall(said)) * 2 >= letters:
        return ""
    detected, sure = identified(said)
    return detected if sure >= SURE else ""


def guess(question: str, answer: str) -> str | None:
    """The answer, or all its words, cannot be read off the question."""
    if contains_words(question, answer):
        return f"the answer {answer!r} stands in the question"
    meant = content_words(answer)
    if meant and meant <= content_words(question):
        return f"every word of the answer {answer!r} stands in the question"
    return None


def leak(question: str, answer: str, identifier: str, generic: str = "") -> str | None:
    """Neither the answer nor the replaced identifier, nor a part of it that is no generic word, is left."""
    if contains_words(question, answer):
        return f"the answer {answer!r} stands in the question"
    if contains_words(question, identifier):
        return f"the replaced element {identifier!r} stands in the question"
    asked = set(words(question))
    kept = [part for part in words(identifier) if part in asked and part not in set(words(generic))]
    telling = [part for part in kept if content_words(part) and (len(part) > 1 or not part.isascii())]
    # a single Chinese character is no part; two in a row are
    if telling and all(not part.isascii() for part in telling):
        pairs = {a + b for a, b in zip(identifier, identifier[1:], strict=False)}
        telling = [pair for pair in pairs if pair in question and pair not in generic]
    return f"a part of the replaced element is left: {', '.join(telling)}" if telling else None


def rival(clause: str, identifier: str, answer: str, evidence: Evidence, document: Document) -> str | None:
    """No second unit of the document fits the clause and holds another answer of the same kind."""
    asked = content_words(clause) - content_words(identifier)
    if not asked:
        return None
    kind = answer_type(answer)
    for unit, structured in _units(document):
        if evidence.quote in unit or unit in evidence.quote:
            continue
        share = len(asked & content_words(unit)) / len(asked)
        if share < (1.0 if structured else RIVAL_SHARE):
            continue
        other = _other_value(unit, answer, kind, structured)
        if other is not None:
            return f"{unit[:120]!r} answers it too, with {other!r}"
    return None


def _units(document: Document) -> Iterator[tuple[str, bool]]:
    """Every unit that could answer: sentences, entries, and table rows read together with their header."""
    for block in document.blocks:
        lines = block_lines(block)
        if block.kind == "table":
            yield from ((f"{lines[0]}\n{line}", True) for line in lines[1:])
        elif block.kind == "passage":
            yield from ((sentence, False) for sentence in sentences(block.text))
        else:
            yield from ((line, True) for line in lines)


def _other_value(unit: str, answer: str, kind: str, structured: bool) -> str | None:
    """A value of the answer's kind in the unit that is not the answer; a name counts only in a list or table."""
    if contains_words(unit, answer):
        return None
    if kind in {"name", "text"}:
        return unit if structured else None
    unit_of = _unit_of(answer)
    for found in _VALUES.findall(unit.partition("\n")[2] or unit):
        value = normalise(found)
        dated = {kind, answer_type(value)} <= {"date", "year"}
        if value != answer and (dated or (answer_type(value) == kind and _unit_of(value) == unit_of)):
            return value
    return None


def _unit_of(value: str) -> str:
    return re.sub(r"^[-−]?[\d,.]+ ?", "", value)


def shortcut(texts: Sequence[str], target: str, hits: Sequence[Sequence[str]]) -> str | None:
    """None of the searched texts leads to the target (`hits`: the document ids found for each text)."""
    for text, found in zip(texts, hits, strict=True):
        if target in found:
            return f"a search for {text[:120]!r} leads to the document already"
    return None
