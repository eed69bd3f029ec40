"""Tables of HTML pages: a Table when regular, a Box when key and value, else Lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborNode

from taskcraft_core.documents.hygiene import fold
from taskcraft_core.models import Box, Table

if TYPE_CHECKING:
    from taskcraft_core.documents.html_blocks import Inline, Walker


@dataclass(frozen=True)
class Cell:
    """A cell as written."""

    is_header: bool
    spans: bool
    inline: Inline

    @property
    def text(self) -> str:
        """The cell's text on one line."""
        return self.inline.text


@dataclass(frozen=True)
class Row:
    """A row as written, and whether it stands in the table's head."""

    cells: list[Cell]
    in_head: bool


def read_table(walker: Walker, node: LexborNode, depth: int) -> None:
    """Adds a table to the draft of the walker."""
    if node.css_first("table table") is not None or node.attributes.get("role") in ("presentation", "none"):
        walker.walk(node, depth)
        return
    caption_node = node.css_first("caption")
    caption = fold(caption_node.text(separator="")).removesuffix("¶").strip() if caption_node is not None else ""
    rows = [row for row in _rows(walker, node, depth) if any(cell.text for cell in row.cells)]
    if not rows:
        return
    classes = (node.attributes.get("class") or "").lower()
    if "infobox" in classes or _is_box(rows):
        _add_box(walker, rows, caption)
    elif _is_regular(rows):
        _add_table(walker, rows, caption)
    else:
        _add_lines(walker, rows, caption)


def _rows(walker: Walker, node: LexborNode, depth: int) -> Iterator[Row]:
    for tr in node.css("tr"):
        section = tr.parent.tag if tr.parent is not None else ""
        if section == "tfoot":
            continue
        cells = [Cell(cell.tag == "th", _spans(cell), walker.inline(cell, depth + 2)) for cell in tr.css("th, td")]
        yield Row(cells, section == "thead")


def _spans(cell: LexborNode) -> bool:
    return any((cell.attributes.get(name) or "1").strip() not in ("1", "") for name in ("colspan", "rowspan"))


def _is_pair(row: Row) -> bool:
    return len(row.cells) == 2 and bool(row.cells[0].text and row.cells[1].text)


def _is_box(rows: list[Row]) -> bool:
    """Rows of a header cell and a value, besides full-width ones; at least two of them."""
    pairs = [row for row in rows if len(row.cells) == 2]
    full = [row for row in rows if len(row.cells) == 1]
    keyed = all(row.cells[0].is_header and not row.cells[1].is_header and not row.in_head for row in pairs)
    return len(pairs) >= 2 and len(pairs) + len(full) == len(rows) and keyed


def _is_regular(rows: list[Row]) -> bool:
    """One header row, at least one more row, equal widths, no spans, named columns (the corner may be bare)."""
    head, body = rows[0], rows[1:]
    width = len(head.cells)
    headed = all(cell.is_header for cell in head.cells) or head.in_head
    return (
        headed
        and bool(body)
        and width >= 2
        and all(cell.text for cell in head.cells[1:])
        and not any(row.in_head for row in body)
        and all(len(row.cells) == width for row in body)
        and not all(cell.is_header for row in body for cell in row.cells)
        and not any(cell.spans for row in rows for cell in row.cells)
    )


def _add_box(walker: Walker, rows: list[Row], caption: str) -> None:
    pairs = [row for row in rows if _is_pair(row)]
    if not pairs:
        _add_lines(walker, rows, caption)
        return
    first = rows[0]
    if not caption and len(first.cells) == 1:
        caption = first.cells[0].text
    entries = tuple((row.cells[0].text.rstrip(":： "), row.cells[1].text) for row in pairs)
    place = walker.draft.add(Box, caption=caption, entries=entries)
    _add_cell_links(walker, place, pairs)


def _add_table(walker: Walker, rows: list[Row], caption: str) -> None:
    header, *body = [tuple(cell.text for cell in row.cells) for row in rows]
    place = walker.draft.add(Table, caption=caption, header=header, rows=tuple(body))
    _add_cell_links(walker, place, rows[1:])


def _add_lines(walker: Walker, rows: list[Row], caption: str) -> None:
    lines = [" | ".join(cell.text for cell in row.cells if cell.text) for row in rows]
    place = walker.draft.lines([caption, *lines])
    if place:
        for row in rows:
            for cell in row.cells:
                walker.add_links(place, cell.inline)


def _add_cell_links(walker: Walker, place: str, rows: list[Row]) -> None:
    for number, row in enumerate(rows):
        for cell in row.cells:
            walker.add_links(f"{place}.r{number}", cell.inline)
