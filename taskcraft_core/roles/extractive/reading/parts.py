"""Width questions taken apart into the questions that they join."""

from __future__ import annotations

import re

from lemminflect import getAllLemmas

from taskcraft_core.roles.extractive.reading.clause import QUESTION_WORD, hide_quotes
from taskcraft_core.roles.extractive.units import is_unit

ORDERED = re.compile(r",? (?:in that order|respectively)(?=\?$)|依次|分别")

_ENGLISH = re.compile(rf"(?P<before>.*?)According to (?P<place>.*?), (?P<clause>{QUESTION_WORD}.*)\?", re.S)
_NAMED = re.compile(r"(?:(?:the )?(?P<kind>[A-Za-z ]*?) ?)?“(?P<title>\0+)”")
_EACH = re.compile(r" (?:of|for) each\b(?: of them)?")
_WHAT = re.compile(r"what (?:is|are) (?P<list>.*)", re.S)


def english_parts(text: str) -> list[str]:
    """The parts of an English width question; the question alone when it cannot be taken apart."""
    hidden = hide_quotes(text)
    match = _ENGLISH.fullmatch(ORDERED.sub("", hidden))
    if not match:
        return [text]
    before, place, clause = (text[match.start(g) : match.end(g)] for g in ("before", "place", "clause"))
    named = _named(place)
    if len(named) > 1:
        single = _singular_clause(clause)
        return [f"{before}According to the {kind} “{title}”, {single}?" for kind, title in named]
    clauses = _question_words(clause) or _several_rows(clause) or _several_relations(clause)
    return [f"{before}According to {place}, {single}?" for single in clauses] if len(clauses) > 1 else [text]


def _named(place: str) -> list[tuple[str, str]]:
    """Kind and title of every document that an opening names; a kind holds until the next one."""
    found, kind = [], "page"
    for match in _NAMED.finditer(hide_quotes(place)):
        own = re.sub(r"^(?:and |the )+", "", (match["kind"] or "").strip() + " ").strip()
        kind = own.removesuffix("s") if own and own != "and" else kind
        found.append((kind, place[match.start("title") : match.end("title")]))
    return found


def _singular_clause(clause: str) -> str:
    """The clause asked of each document, asked of one: "when was each discovered" -> "when was it discovered"."""
    single = _EACH.sub("", clause, count=1)
    if single == clause:
        single = re.sub(r"\beach\b", "it", clause, count=1)
    return re.sub(r"^what values are shown", "what value is shown", single)


def _question_words(clause: str) -> list[str]:
    """Whole clauses that follow one another: "what is the mass, and when was it discovered"."""
    hidden = hide_quotes(clause)
    cuts = list(re.finditer(rf"(?:, and |, | and )(?={QUESTION_WORD})", hidden))
    bounds = zip([0, *(m.end() for m in cuts)], [*(m.start() for m in cuts), len(clause)], strict=True)
    return _filled_in([clause[a:b] for a, b in bounds]) if cuts else []


def _filled_in(clauses: list[str]) -> list[str]:
    """What later clauses leave out, put back: "which moon is described as “A” and which as “B”"."""
    opening = re.match(r"which .+? is (?:described|listed) (?=as |with )", hide_quotes(clauses[0]))
    if not opening:
        return clauses
    return [clauses[0], *(re.sub(r"^which (?=as |with )", opening[0], clause) for clause in clauses[1:])]


def _several_rows(clause: str) -> list[str]:
    """One relation of several rows: "the orbital period of Io and of Europa in days"."""
    hidden = hide_quotes(clause)
    for link in (" for ", " of "):
        more = [m for m in re.finditer(rf"(?:, and|,| and){link}", hidden)]
        first = hidden.rfind(link, 0, more[0].start()) if more else -1
        if first < 0:
            continue
        starts = [first + len(link), *(m.end() for m in more)]
        ends = [*(m.start() for m in more), len(clause)]
        names = [clause[a:b] for a, b in zip(starts, ends, strict=True)]
        stem = re.sub(r"^what (?:values are|value is) shown", "what value is shown", clause[: first + len(link)])
        stem = re.sub(r"^what are ", "what is ", stem)
        names, unit = _shared_unit(names)
        return [f"{stem}{name}{unit}" for name in names]
    return []


def _shared_unit(names: list[str]) -> tuple[list[str], str]:
    match = re.search(r" in (\S+(?: \S+)?)$", names[-1])
    if match and is_unit(match[1]):
        return [*names[:-1], names[-1][: match.start()]], match[0]
    return names, ""


def _several_relations(clause: str) -> list[str]:
    """Several relations of one document: "what are the melting point and the atomic number"."""
    match = _WHAT.fullmatch(clause)
    if not match:
        return []
    text = match["list"]
    hidden = hide_quotes(text)
    cuts = list(re.finditer(r"(?:, and |, | and )(?=the\b|“)", hidden))
    bounds = zip([0, *(m.end() for m in cuts)], [*(m.start() for m in cuts), len(text)], strict=True)
    relations = [text[a:b] for a, b in bounds]
    return [f"what {'are' if _plural(relation) else 'is'} {relation}" for relation in relations]


def _plural(phrase: str) -> bool:
    """Whether the head of "the official languages of Malta" is a plural."""
    before = re.split(r" (?:of|in|for|on|at|per|to|by|with) ", phrase.strip("“” "))[0]
    head = before.rpartition(" ")[2].strip("”").lower()
    lemmas = getAllLemmas(head).get("NOUN", ())
    return bool(lemmas) and head not in lemmas and head.endswith("s")


def chinese_parts(text: str) -> list[str]:
    """The parts of a Chinese width question; the question alone when it cannot be taken apart."""
    hidden = hide_quotes(text)
    match = re.fullmatch(r"(?P<before>.*?)根据(?P<place>[^，]*)，(?P<clause>.*?)[？?]", hidden, re.S)
    if not match:
        return [text]
    before, place, clause = (text[match.start(g) : match.end(g)] for g in ("before", "place", "clause"))
    named = _chinese_named(place)
    if len(named) > 1:
        single = re.sub("依次|分别", "", re.sub("它们?各自的?|它们的?|各自的?|每个的?", "", clause))
        return [f"{before}根据{kind}《{title}》，{single}？" for kind, title in named]
    asked = re.fullmatch("(?P<list>.*?)(?:依次|分别)(?P<rest>.*)", clause)
    several = _chinese_list(asked["list"]) if asked else []
    if not asked or len(several) < 2:
        return [text]
    return [f"{before}根据{place}，{single}{asked['rest']}？" for single in several]


def _chinese_named(place: str) -> list[tuple[str, str]]:
    found, kind = [], ""
    for match in re.finditer("(?P<kind>[^《》、和与]*)《(?P<title>\0+)》", hide_quotes(place)):
        kind = match["kind"] or kind
        found.append((kind, place[match.start("title") : match.end("title")]))
    return found


def _chinese_list(text: str) -> list[str]:
    """Thus "面积和海拔" -> two relations; "甲和乙的面积" -> the relation of two rows."""
    pieces = [piece for piece in re.split("、|和|与|以及|及", text) if piece]
    if not pieces:
        return []
    if "的" in pieces[-1] and not any("的" in piece for piece in pieces[:-1]):
        relation = pieces[-1].partition("的")[2]
        return [f"{piece.partition('的')[0]}的{relation}" for piece in pieces]
    if "的" in pieces[0] and not any("的" in piece for piece in pieces[1:]):
        owner = pieces[0].partition("的")[0]
        return [pieces[0], *(f"{owner}的{piece}" for piece in pieces[1:])]
    return pieces
