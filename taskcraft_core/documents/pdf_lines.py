"""The text lines of a PDF page with their sizes and positions, and its ruled tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from taskcraft_core.documents.hygiene import fold


@dataclass(frozen=True)
class Line:
    """A line of text; positions are points from the page's top left, `size` is the font size."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float
    bold: bool = False


@dataclass(frozen=True)
class RuledTable:
    """A table drawn with ruling lines: where it stands, its cells, and whether the first row looks like a header."""

    top: float
    bottom: float
    left: float
    right: float
    rows: tuple[tuple[str, ...], ...]
    headed: bool

    def covers(self, line: Line) -> bool:
        """Whether a line of text stands inside the table."""
        y, x = (line.top + line.bottom) / 2, (line.left + line.right) / 2
        return self.top - 1 <= y <= self.bottom + 1 and self.left - 1 <= x <= self.right + 1


def page_lines(textpage: Any, page_height: float) -> list[Line]:
    """The lines of a page in reading order: the order of the text, where pieces on one base line are joined."""
    lines: list[Line] = []
    for i in range(textpage.count_rects()):
        left, bottom, right, top = textpage.get_rect(i)
        text = fold(textpage.get_text_bounded(left, bottom, right, top))
        if not text:
            continue
        size, bold = _font(textpage, left, right, bottom, top)
        piece = Line(text, left, right, page_height - top, page_height - bottom, size, bold)
        if lines and _continues(lines[-1], piece):
            lines[-1] = _join(lines[-1], piece)
        else:
            lines.append(piece)
    return lines


def _font(textpage: Any, left: float, right: float, bottom: float, top: float) -> tuple[float, bool]:
    """Font size and weight of a piece of text; the height of its box where the font cannot be asked."""
    import pypdfium2.raw as raw

    index = textpage.get_index(left + 0.5, (bottom + top) / 2, 6, 6)
    if index is None or index < 0:
        return top - bottom, False
    size = float(raw.FPDFText_GetFontSize(textpage, index))
    weight = int(raw.FPDFText_GetFontWeight(textpage, index))
    height = top - bottom
    plausible = 0.4 * height <= size <= 4 * height
    return (size if plausible else height), weight >= 600


def _continues(line: Line, piece: Line) -> bool:
    """Whether a piece goes on where a line ends: same base line, to its right, no wide gap."""
    overlap = min(line.bottom, piece.bottom) - max(line.top, piece.top)
    shortest = min(line.bottom - line.top, piece.bottom - piece.top)
    gap = piece.left - line.right
    return overlap > 0.5 * shortest and -line.size * 0.5 <= gap < line.size * 2.5


def _join(line: Line, piece: Line) -> Line:
    space = " " if piece.left - line.right > 0.12 * line.size and not line.text.endswith(" ") else ""
    return Line(
        line.text + space + piece.text,
        line.left,
        max(line.right, piece.right),
        min(line.top, piece.top),
        max(line.bottom, piece.bottom),
        max(line.size, piece.size),
        line.bold and piece.bold,
    )


def ruled_tables(page: Any) -> list[RuledTable]:
    """The tables of a pdfplumber page that are drawn with lines and have two rows and columns or more."""
    found = []
    for table in page.find_tables():
        rows = tuple(tuple(fold(cell or "") for cell in row) for row in table.extract())
        rows = tuple(row for row in rows if any(row))
        if len(rows) >= 2 and len(rows[0]) >= 2:
            left, top, right, bottom = table.bbox
            found.append(RuledTable(top, bottom, left, right, rows, _is_headed(page, table)))
    return found


def _is_headed(page: Any, table: Any) -> bool:
    """Whether the first row is set in another font than the last cell of the second."""
    first = _fonts(page, table.rows[0].bbox)
    last_cell = next((cell for cell in reversed(table.rows[1].cells) if cell), table.rows[1].bbox)
    return bool(first) and not first & _fonts(page, last_cell)


def _fonts(page: Any, box: tuple[float, float, float, float]) -> set[tuple[str, str]]:
    chars = page.crop(box, strict=False).chars
    return {(c["fontname"], str(c.get("non_stroking_color"))) for c in chars if c["text"].strip()}
