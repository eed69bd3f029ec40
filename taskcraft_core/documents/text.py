"""Reads Markdown and plain text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from taskcraft_core.documents.draft import Draft, Hints
from taskcraft_core.documents.hygiene import clean, decode, fold, fold_code, readable_name
from taskcraft_core.models import Figure, Table

# Every pattern is bounded or keeps what it took ("*+"): a line may be as long as the file, and say one thing over.
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*)$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-+)\s*$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+(.*)$")
_RULE = re.compile(r"^\s*+\|?\s*+:?-{2,}+:?\s*+(?:\|\s*+:?-{2,}+:?\s*+)*+\|?\s*+$")
_ADDRESS = r"\(\s{0,9}<?([^)\s>]{1,2000})>?(?:\s{1,9}\"[^\"]{0,300}\")?\s{0,9}\)"
_LINK = re.compile(rf"(?<!!)\[([^\]\n]{{1,300}})\]{_ADDRESS}")
_IMAGE = re.compile(rf"!\[([^\]\n]{{0,300}})\]{_ADDRESS}")
_MARKS = re.compile(r"(\*\*|__|\*|(?<!\w)_|_(?!\w)|`{1,9}|~~)(?=\S)(.{1,500}?)(?<=\S)\1")
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.S)
_SHORT_TITLE: Final = 100


def read_plain(data: bytes, uri: str, hints: Hints) -> Draft:
    """Reads plain text: the first line is the title if it is short and stands alone; then paragraphs."""
    text = clean(decode(data, uri)).strip()
    paragraphs = [p for p in re.split(r"\n[ \t]*\n", text) if p.strip()]
    draft = Draft(title=fold(hints.title))
    if not draft.title and paragraphs:
        first, _, rest = paragraphs[0].partition("\n")
        draft.title = fold(first) if _is_title(first) else readable_name(uri)
        if draft.title == fold(first):
            paragraphs[0] = re.sub(r"^\s*[=\-~]{3,}\s*(\n|$)", "", rest)
    for paragraph in paragraphs:
        _plain_paragraph(draft, paragraph)
    return draft


def _is_title(line: str) -> bool:
    return 0 < len(line.strip()) <= _SHORT_TITLE and not line.strip().endswith((".", ",", ";", "。"))


def _plain_paragraph(draft: Draft, paragraph: str) -> None:
    lines = paragraph.split("\n")
    if len(lines) > 1 and all(_ITEM.match(line) for line in lines):
        draft.items(match.group(1) for line in lines if (match := _ITEM.match(line)))
    else:
        add_text(draft, lines)


def add_text(draft: Draft, lines: list[str]) -> None:
    """Adds lines as a key-value box if every one is `Label: value`, else as one paragraph."""
    from taskcraft_core.documents.layout import label_values
    from taskcraft_core.models import Box

    if entries := label_values(lines):
        draft.add(Box, entries=entries)
    else:
        draft.passage(" ".join(lines))


def read_markdown(data: bytes, uri: str, hints: Hints) -> Draft:
    """Reads Markdown: headings, tables, lists, fenced code, pictures and paragraphs with their links."""
    text = _FRONT.sub("", clean(decode(data, uri)).lstrip("\n"))
    draft = Draft(title=fold(hints.title))
    _Markdown(draft, text.split("\n")).read()
    draft.title = draft.title or readable_name(uri)
    return draft


class _Markdown:
    """One pass over the lines; each `_take_…` reads one block and says whether it did."""

    def __init__(self, draft: Draft, lines: list[str]) -> None:
        self.draft = draft
        self.lines = lines
        self.at = 0

    def read(self) -> None:
        takers: tuple[Callable[[], bool], ...] = (
            self._take_blank, self._take_fence, self._take_heading, self._take_table, self._take_list,
            self._take_paragraph,
        )  # fmt: skip
        while self.at < len(self.lines):
            any(take() for take in takers)

    @property
    def line(self) -> str:
        return self.lines[self.at]

    @property
    def following(self) -> str:
        return self.lines[self.at + 1] if self.at + 1 < len(self.lines) else ""

    def _take_blank(self) -> bool:
        if self.line.strip():
            return False
        self.at += 1
        return True

    def _take_fence(self) -> bool:
        fence = _FENCE.match(self.line)
        if not fence:
            return False
        end = self.at + 1
        while end < len(self.lines) and not self.lines[end].lstrip().startswith(fence.group(1)):
            end += 1
        self.draft.lines(fold_code(line) for line in self.lines[self.at + 1 : end])
        self.at = end + 1
        return True

    def _take_heading(self) -> bool:
        match = _HEADING.match(self.line)
        underlined = bool(_UNDERLINE.match(self.following)) and "|" not in self.line and not _ITEM.match(self.line)
        if not match and not underlined:
            return False
        text, _ = unmark(_unclosed(match.group(2)) if match else self.line)
        top = match.group(1) == "#" if match else self.following.lstrip().startswith("=")
        if top and not self.draft.title:
            self.draft.title = text
        self.draft.section = "" if text == self.draft.title else text
        self.at += 1 if match else 2
        return True

    def _take_table(self) -> bool:
        if "|" not in self.line or not _RULE.match(self.following) or "|" not in self.following:
            return False
        header = _cells(self.line)
        self.at += 2
        rows = []
        while self.at < len(self.lines) and "|" in self.line and self.line.strip():
            rows.append(_cells(self.line))
            self.at += 1
        self._add_table(header, rows)
        return True

    def _add_table(self, header: list[str], rows: list[list[str]]) -> None:
        plain = [[unmark(cell) for cell in row] for row in rows]
        names = tuple(unmark(cell)[0] for cell in header)
        if not rows or any(len(row) != len(header) for row in rows) or not all(names[1:]) or len(names) < 2:
            self.draft.lines(" | ".join(text for text, _ in row) for row in plain)
            return
        place = self.draft.add(Table, header=names, rows=tuple(tuple(text for text, _ in row) for row in plain))
        for number, row in enumerate(plain):
            self._links(f"{place}.r{number}", [link for _, links in row for link in links])

    def _take_list(self) -> bool:
        if not _ITEM.match(self.line):
            return False
        items: list[str] = []
        while self.at < len(self.lines) and self.line.strip():
            if match := _ITEM.match(self.line):
                items.append(match.group(1))
            elif self.line.startswith((" ", "\t")):
                items[-1] += " " + self.line
            else:
                break
            self.at += 1
        plain = [unmark(item) for item in items]
        place = self.draft.items(text for text, _ in plain)
        for number, (_, links) in enumerate(plain):
            self._links(f"{place}.r{number}", links)
        return True

    def _take_paragraph(self) -> bool:
        start = self.at
        self.at += 1
        while self.at < len(self.lines) and self.line.strip() and not self._starts_block():
            self.at += 1
        raw = [re.sub(r"^\s*>\s?", "", line) for line in self.lines[start : self.at]]
        images = [image for line in raw for image in _IMAGE.findall(line)]
        plain = [unmark(_IMAGE.sub("", line)) for line in raw]
        place = self.draft.place
        add_text(self.draft, [text for text, _ in plain if text])
        self._links(place, [link for _, links in plain for link in links])
        for caption, href in images:
            self.draft.add(Figure, caption=fold(caption), href=href)
        return True

    def _starts_block(self) -> bool:
        return bool(_HEADING.match(self.line) or _FENCE.match(self.line) or _ITEM.match(self.line))

    def _links(self, place: str, links: list[tuple[str, str]]) -> None:
        for text, href in links:
            self.draft.link(place, text, href)


def _unclosed(heading: str) -> str:
    """A heading without the number signs that may close it; those of a name ("C#") stay."""
    bare = heading.rstrip().rstrip("#")
    return heading if bare[-1:].strip() else bare


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", inner)]


def unmark(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Text without Markdown's marks, and the (text, address) of its links."""
    links = [(_strip_marks(label), href) for label, href in _LINK.findall(text)]
    return fold(_strip_marks(_LINK.sub(r"\1", text))), links


def _strip_marks(text: str) -> str:
    for _ in range(3):
        text = _MARKS.sub(r"\2", text)
    return re.sub(r"\\([\\`*_{}\[\]()#+\-.!|>])", r"\1", text)
