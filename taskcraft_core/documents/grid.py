"""Rows and columns among text lines with positions."""

from __future__ import annotations

from collections.abc import Iterable

from taskcraft_core.documents.hygiene import fold
from taskcraft_core.documents.ocr import TextLine

_LEAST_ROWS = 3


def rows_of(lines: Iterable[TextLine]) -> list[list[TextLine]]:
    """Lines grouped by height on the page, from top to bottom, each row from left to right."""
    rows: list[list[TextLine]] = []
    for line in sorted((line for line in lines if line.upright), key=lambda line: (line.y, line.left)):
        if rows and abs(line.y - _middle(rows[-1])) < 0.5 * min(line.height, rows[-1][-1].height):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.left) for row in rows]


def _middle(row: list[TextLine]) -> float:
    return sum(line.y for line in row) / len(row)


def take_grids(lines: list[TextLine]) -> tuple[list[list[tuple[str, ...]]], list[TextLine]]:
    """Splits lines into grids (runs of rows with the same, aligned columns) and the lines outside of them."""
    rows = rows_of(lines)
    grids: list[list[tuple[str, ...]]] = []
    used: set[TextLine] = set()
    start = 0
    while start < len(rows):
        end = start + 1
        while end < len(rows) and _aligned(rows[start], rows[end]):
            end += 1
        run = rows[start:end]
        if len(run) >= _LEAST_ROWS and len(run[0]) >= 2:
            grids.append([tuple(fold(line.text) for line in row) for row in run])
            used.update(line for row in run for line in row)
        start = end
    return grids, [line for line in lines if line not in used]


def _aligned(first: list[TextLine], row: list[TextLine]) -> bool:
    """Whether two rows have the same columns: each pair of cells shares its left, centre or right edge."""
    return len(first) == len(row) and all(
        min(abs(a.left - b.left), abs(a.x - b.x), abs(a.right - b.right)) < 1.2 * a.height
        for a, b in zip(first, row, strict=True)
    )
