"""What a reading tool showed, taken apart again: box lines, tables, definitions, items, sentences, figures, links.

The text is untrusted: every line is bounded, what does not look like structure is prose, and nothing in it is obeyed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

MAX_TEXT = 120_000
MAX_LINE = 4_000
MAX_SENTENCE = 700
_PAIR = re.compile(r"(?P<key>[^:：|]{1,80}?) ?(?:: |：)(?P<value>\S.*)")
_DEFINITION = re.compile(r"(?P<key>[^—]{1,100}?) — (?P<value>\S.*)")
_LABEL = re.compile(r"(?P<key>[^\d|:]{2,60}?)\s+(?P<value>[-−~]?[$€£¥]?\d[\d,.]*(?: ?[^\s\d.。]{1,6})?)(?<![.。])")
_FIGURE = re.compile(r"\[Figure: (?P<caption>.*)\]\((?P<href>[^()]*)\)")
_ITEM_NAME = re.compile(r"(?P<key>.{1,100}?)(?: [—–-] |: |：|，|, | \(|（|—— ?)(?P<value>.+)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"“(]?[A-Z0-9])|(?<=[。！？])")
_ABBREVIATION = re.compile(
    r"(?:\b[A-Z]|\b(?:Mr|Mrs|Dr|St|No|vs|ca|approx|e\.g|i\.e|U\.S|Jan|Feb|Aug|Sept|Oct|Nov|Dec))\.$"
)


@dataclass(frozen=True)
class Pair:
    """A key with its value: a box line, a definition, a list item or a loose label."""

    key: str
    value: str
    kind: str
    caption: str
    section: str


@dataclass(frozen=True)
class Row:
    """A table row under its header."""

    header: tuple[str, ...]
    cells: tuple[str, ...]
    caption: str
    section: str
    name_at: int = 0


@dataclass(frozen=True)
class Sentence:
    """A sentence of running text."""

    text: str
    section: str


@dataclass(frozen=True)
class Observation:
    """One part of a document as units that can be matched against a question."""

    uri: str
    title: str
    part: int
    parts: int
    pairs: tuple[Pair, ...]
    rows: tuple[Row, ...]
    sentences: tuple[Sentence, ...]
    figures: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]


@dataclass
class _Found:
    pairs: list[Pair] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)


@lru_cache(maxsize=256)
def observe(text: str) -> Observation:
    """Takes the text of a reading tool apart.

    Args:
        text: "uri: …", "title: …", "part: i of n", an empty line, the part as rendered, perhaps links.

    Returns:
        Its units; whatever is missing is empty.
    """
    head, _, body = text[:MAX_TEXT].partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.split("\n") if ": " in line)
    body, links = _links(body)
    found = _Found()
    section, above = "", ""
    for block in body.split("\n\n"):
        lines = [line[:MAX_LINE] for line in block.split("\n") if line.strip()]
        if lines and lines[0].startswith("#"):
            section, above = lines.pop(0).lstrip("# "), ""
        if lines:
            _block(lines, above, "" if section == fields.get("title") else section, found)
        above = lines[0] if len(lines) == 1 and len(lines[0]) < 120 and lines[0][-1] not in ".。" else ""
    part, parts = _counts(fields.get("part", ""))
    return Observation(
        fields.get("uri", ""), fields.get("title", ""), part, parts,
        tuple(found.pairs), tuple(found.rows), tuple(found.sentences), tuple(found.figures), links,
    )  # fmt: skip


def item_name(text: str) -> tuple[str, str] | None:
    """A list item as (name, rest), when it begins with a short name."""
    match = _ITEM_NAME.fullmatch(text)
    return (match["key"].strip(), match["value"].rstrip(")）").strip()) if match else None


def _counts(text: str) -> tuple[int, int]:
    numbers = re.findall(r"\d{1,6}", text)
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else (1, 1)


def _links(body: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The body without its closing list of links, and the links as (text, uri)."""
    before, mark, after = body.rpartition("\n\nLinks:\n")
    if not mark:
        return body, ()
    pairs = (line[2:].rsplit(" -> ", 1) for line in after.split("\n") if line.startswith("- ") and " -> " in line)
    return before, tuple((text, uri.strip()) for text, uri in pairs)


def _block(lines: list[str], above: str, section: str, found: _Found) -> None:
    first_row = next((i for i, line in enumerate(lines) if line.startswith("| ") and line.endswith(" |")), None)
    if first_row is not None and len(lines) > first_row + 1:
        _table(lines[first_row:], " ".join(lines[:first_row]) or above, section, found)
        return
    headed = len(lines) > 1 and not (_PAIR.fullmatch(lines[0]) or _LABEL.fullmatch(lines[0]))
    caption = lines[0] if headed else above
    for line in lines:
        _line(line, caption if line != caption else "", section, found)


def _table(lines: list[str], caption: str, section: str, found: _Found) -> None:
    header, *rows = [tuple(cell.strip() for cell in line[2:-2].split(" | ")) for line in lines]
    rows = [row for row in rows if len(row) == len(header)]
    name_at = _name_column(header, rows)
    found.rows.extend(Row(header, row, caption, section, name_at) for row in rows)


def _name_column(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> int:
    """The first column whose cells are names: a leading rank or number column is passed over."""
    for at in range(min(2, len(header) - 1)):
        cells = [row[at] for row in rows]
        numeric = sum(not re.search(r"[^\W\d_]", cell) for cell in cells)
        if numeric * 2 < len(cells):
            return at
    return 0


def _line(line: str, caption: str, section: str, found: _Found) -> None:
    if figure := _FIGURE.fullmatch(line):
        found.figures.append((figure["caption"], figure["href"]))
        return
    if line.startswith("- "):
        _item(line[2:], caption, section, found)
        return
    if match := _DEFINITION.fullmatch(line):
        found.pairs.append(Pair(match["key"], match["value"], "definition", caption, section))
    elif (match := _PAIR.fullmatch(line)) and len(match["key"].split()) <= 10 and ". " not in match["key"]:
        found.pairs.append(Pair(match["key"], match["value"], "box", caption, section))
    elif len(line) < 90 and (match := _LABEL.fullmatch(line)):
        found.pairs.append(Pair(match["key"], match["value"], "label", caption, section))
    _prose(line, section, found)


def _item(text: str, caption: str, section: str, found: _Found) -> None:
    if named := item_name(text):
        found.pairs.append(Pair(named[0], named[1], "item", caption, section))
    _prose(text, section, found)


def _prose(line: str, section: str, found: _Found) -> None:
    """Sentences, each bounded; a stop after an initial or an abbreviation ends none."""
    waiting = ""
    for piece in _SENTENCE_END.split(line):
        waiting = f"{waiting} {piece}".strip()
        if not _ABBREVIATION.search(waiting[-12:]):
            found.sentences.append(Sentence(waiting[:MAX_SENTENCE], section))
            waiting = ""
    if waiting:
        found.sentences.append(Sentence(waiting[:MAX_SENTENCE], section))
