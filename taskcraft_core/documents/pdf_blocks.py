"""Turns the lines of PDF pages into blocks: sections, paragraphs, boxes, lists, tables and captioned figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from taskcraft_core.documents.draft import Draft, Embedded
from taskcraft_core.documents.layout import figure_caption, label_value, label_values, table_caption
from taskcraft_core.documents.pdf_figures import Raster
from taskcraft_core.documents.pdf_lines import Line, RuledTable
from taskcraft_core.models import Box, Figure, Table

_BULLET = re.compile(r"^\s*(?:[•◦▪‣●·∙\u2013\u2014*-]|\d{1,2}[.)])\s+(?=\S)")
_NUMBERS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(r"(?i)(?:page|p\.|第)?[\s–-]*\d{1,4}\s*(?:(?:of|/)\s*\d{1,4})?\s*页?[\s–-]*")
_SENTENCE_END = (".", "!", "?", ":", "。", "”", "…")


def heading_size(body_size: float) -> float:
    """The least font size of a heading."""
    return body_size * 1.13


def without_running_lines(pages: list[list[Line]]) -> list[list[Line]]:
    """Pages less page numbers and the headers and footers that most pages repeat."""
    counts: Counter[str] = Counter()
    for lines in pages:
        counts.update({_running_key(line) for line in _edges(lines)})
    repeated = {key for key, count in counts.items() if count >= 3 and count * 2 >= len(pages)}

    def runs(line: Line, edges: list[Line]) -> bool:
        return line in edges and (_running_key(line) in repeated or bool(_PAGE_NUMBER.fullmatch(line.text)))

    return [[line for line in lines if not runs(line, _edges(lines))] for lines in pages]


def _edges(lines: list[Line]) -> list[Line]:
    by_height = sorted(lines, key=lambda line: line.top)
    return by_height[:2] + by_height[-2:] if len(by_height) > 4 else []


def _running_key(line: Line) -> str:
    return f"{_NUMBERS.sub('#', line.text)}@{round(line.top / 6)}"


def add_page(
    draft: Draft,
    lines: list[Line],
    tables: list[RuledTable],
    figures: list[tuple[Raster, Embedded]],
    least_heading: float,
) -> None:
    """Adds the blocks of one page in reading order; a table or figure stands after the line above it."""
    free = [line for line in lines if not any(table.covers(line) for table in tables)]
    drawn = [(raster.top, raster.bottom) for raster, _ in figures]
    of_figure = _nearest(free, drawn, figure_caption)
    of_table = _nearest(free, [(t.top, t.bottom) for t in tables], table_caption)
    above: dict[Line | None, list[int]] = {}
    for i, table in enumerate(tables):
        above.setdefault(_line_above(free, table), []).append(i)
    captions = {i: line.text for line, i in of_table.items() if i is not None}

    def add_tables(after: Line | None) -> None:
        for i in above.get(after, ()):
            add_ruled(draft, tables[i], captions.get(i, ""))

    add_tables(None)
    for group in merge_lists(paragraphs(free, least_heading)):
        first, text = group[0], join_lines(group)
        if first in of_figure:
            at = of_figure[first]
            draft.add(Figure, caption=text, document_id=None if at is None else figures[at][1].id)
        elif of_table.get(first) is None:
            _add_group(draft, group, text, least_heading)
        for line in group:
            add_tables(line)
    for i, (_, embedded) in enumerate(figures):
        if i not in of_figure.values():
            draft.add(Figure, document_id=embedded.id)


def _line_above(lines: list[Line], table: RuledTable) -> Line | None:
    """The line that stands closest above a table, which it follows in reading order."""
    over = [line for line in lines if line.bottom <= table.top + 3 and line.left <= table.right]
    return max(over, key=lambda line: line.bottom, default=None)


def _nearest(
    lines: list[Line], spans: list[tuple[float, float]], is_caption: Callable[[str], str | None]
) -> dict[Line, int | None]:
    """Each caption line with the number of the nearest (top, bottom) span not yet taken; None if none is left."""
    left = dict(enumerate(spans))
    matched: dict[Line, int | None] = {}
    for line in (line for line in lines if is_caption(line.text)):
        nearest = min(left, key=lambda i: min(abs(line.top - left[i][1]), abs(left[i][0] - line.bottom)), default=None)
        matched[line] = nearest
        if nearest is not None:
            del left[nearest]
    return matched


def paragraphs(lines: Sequence[Line], least_heading: float) -> Iterator[list[Line]]:
    """Groups lines that belong together: same size, close below one another, no new paragraph begun."""
    group: list[Line] = []
    for line in lines:
        if group and _breaks(group, line, least_heading):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def merge_lists(groups: Iterable[list[Line]]) -> Iterator[list[Line]]:
    """Puts together `Label: value` lines, and list items, that are set with space between them."""
    last: list[Line] = []
    for group in groups:
        if last and _list_kind(last) and _list_kind(last) == _list_kind(group):
            last = [*last, *group]
            continue
        if last:
            yield last
        last = group
    if last:
        yield last


def _list_kind(group: list[Line]) -> str:
    if _BULLET.match(group[0].text):
        return "items"
    captioned = figure_caption(group[0].text) or table_caption(group[0].text)
    return "pairs" if not captioned and all(label_value(line.text) for line in group) else ""


def _breaks(group: list[Line], line: Line, least_heading: float) -> bool:
    last = group[-1]
    gap, height = line.top - last.bottom, max(last.size, 1.0)
    ended = last.text.endswith(_SENTENCE_END) and last.right < max(g.right for g in group) - 3 * height
    indented = line.left > last.left + height and last.text.endswith(_SENTENCE_END) and len(group) > 1
    heading = (line.size >= least_heading) != (last.size >= least_heading)
    bolder = last.bold and not line.bold and len(group) == 1
    return (
        gap > 0.75 * height
        or gap < -2 * height
        or abs(line.size - last.size) > 0.12 * height
        or heading
        or bolder
        or ended
        or indented
        or bool(figure_caption(line.text) or table_caption(line.text))
    )


def join_lines(group: Sequence[Line]) -> str:
    """The lines of a paragraph as one; a word broken at a line's end is mended."""
    text = ""
    for line in group:
        if re.search(r"[a-zà-ÿ]-$", text) and re.match(r"[a-zà-ÿ]", line.text):
            text = text[:-1] + line.text
        else:
            wide = bool(re.search(r"[\u3000-\u9fff\uff00-\uffef]$", text)) and line.text[:1] > "\u3000"
            text += line.text if wide or not text else f" {line.text}"
    return text.strip()


def _add_group(draft: Draft, group: list[Line], text: str, least_heading: float) -> None:
    heading = group[0].size >= least_heading or (group[0].bold and len(group) == 1)
    if _BULLET.match(text) and (len(group) > 1 or not heading):
        draft.items(_BULLET.sub("", item) for item in _bullets(group))
    elif entries := label_values([line.text for line in group]):
        draft.add(Box, entries=entries)
    elif heading and len(text) <= 120 and not text.endswith((".", ",", ";")):
        draft.section = "" if text in draft.title else text
    else:
        draft.passage(text)


def _bullets(group: list[Line]) -> list[str]:
    """The lines of a list, each with the lines that go on below it."""
    items: list[list[Line]] = []
    for line in group:
        if _BULLET.match(line.text) or not items:
            items.append([])
        items[-1].append(line)
    return [join_lines(item) for item in items]


def add_ruled(draft: Draft, table: RuledTable, caption: str) -> None:
    """Adds a ruled table: two columns without a header are a Box, regular ones a Table, others Lines."""
    header, *body = table.rows
    full = all(all(row) for row in table.rows)
    if len(header) == 2 and full and not table.headed:
        draft.add(Box, caption=caption, entries=tuple((key.rstrip(":："), value) for key, value in table.rows))
    elif all(header) and all(len(row) == len(header) for row in body):
        draft.add(Table, caption=caption, header=header, rows=tuple(body))
    else:
        draft.lines([caption, *(" | ".join(cell for cell in row if cell) for row in table.rows)])
