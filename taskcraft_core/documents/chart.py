"""Bar charts from the positions of their texts: which value stands at which category."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from taskcraft_core.documents.grid import rows_of
from taskcraft_core.documents.hygiene import fold
from taskcraft_core.documents.ocr import TextLine

_UNIT = r"[%°]?[^\W\d_]{0,12}\.?(?:[/ ²³·.][^\W\d_]{1,8}[²³]?){0,3}|%|‰"
_VALUE = re.compile(rf"^[≈~<>$€£¥+−–-]?\s*\d[\d,.\s]*\s*(?:{_UNIT})$")
_NUMBER = re.compile(r"^[+−–-]?\d[\d,]*(?:\.\d+)?\s*%?$")
_LEAST_BARS = 3


@dataclass(frozen=True)
class Chart:
    """A bar chart: (category, value) in reading order, the title of its value axis, and the lines it is read from."""

    entries: tuple[tuple[str, str], ...]
    axis_title: str
    used: frozenset[TextLine]


def read_chart(lines: list[TextLine]) -> Chart | None:
    """The bar chart that the lines show, upright or lying; None if every bar cannot be given its value."""
    upright = [line for line in lines if line.upright]
    return _lying(upright, lines) or _standing(upright, lines)


def _lying(upright: list[TextLine], lines: list[TextLine]) -> Chart | None:
    """Bars from left to right: the categories end at one x, each value stands on the height of its category."""
    ticks = _ticks(max(rows_of(upright), key=_number_count, default=[]), lambda line: line.x)
    rest = [line for line in upright if line not in ticks]
    labels = _aligned_labels([line for line in rest if not _NUMBER.match(line.text)])
    values = [line for line in rest if line not in labels and _VALUE.match(line.text)]
    pairs = _match(labels, values, lambda a, b: abs(a.y - b.y), lambda a, b: b.left > a.right)
    if pairs is None or len({round(value.left / 8) for _, value in pairs}) < 2:
        return None
    return _chart(pairs, ticks, lines, upright_axis=False)


def _standing(upright: list[TextLine], lines: list[TextLine]) -> Chart | None:
    """Bars from below: the categories stand in one row, each value above the middle of its category."""
    ticks = _left_ticks(upright)
    rest = [line for line in upright if line not in ticks]
    rows = [row for row in rows_of(rest) if len(row) >= _LEAST_BARS]
    for labels in reversed(rows):
        others = [line for line in rest if line not in labels]
        values = [line for line in others if _VALUE.match(line.text)]
        pairs = _match(labels, values, lambda a, b: abs(a.x - b.x), lambda a, b: b.bottom < a.top)
        if pairs and len({round(value.top / 8) for _, value in pairs}) > 1:
            return _chart(pairs, ticks, lines, upright_axis=True)
    return None


def _match(
    labels: list[TextLine],
    values: list[TextLine],
    distance: Callable[[TextLine, TextLine], float],
    beyond: Callable[[TextLine, TextLine], bool],
) -> list[tuple[TextLine, TextLine]] | None:
    """Each label with its own value, the nearest one; None unless labels and values pair off one to one."""
    if not _LEAST_BARS <= len(labels) == len(values):
        return None
    pairs = []
    for label in labels:
        near = sorted((distance(label, value), i) for i, value in enumerate(values) if beyond(label, value))
        if not near or near[0][0] > 0.9 * label.height:
            return None
        pairs.append((label, values[near[0][1]]))
    return pairs if len({id(value) for _, value in pairs}) == len(pairs) else None


def _chart(
    pairs: list[tuple[TextLine, TextLine]], ticks: list[TextLine], lines: list[TextLine], upright_axis: bool
) -> Chart:
    entries = tuple((_category(label.text), fold(value.text)) for label, value in pairs)
    used = {line for pair in pairs for line in pair} | set(ticks)
    axis = _axis_title([line for line in lines if line not in used], max(line.bottom for line in used), upright_axis)
    junk = {line for line in lines if not line.upright}
    return Chart(entries, fold(axis.text) if axis else "", frozenset(used | junk | ({axis} if axis else set())))


def _axis_title(rest: list[TextLine], lowest: float, upright_axis: bool) -> TextLine | None:
    """The title of the value axis: it runs upwards beside standing bars, and lies below lying ones."""
    words = [line for line in rest if re.search(r"[^\W\d_]", line.text)]
    if upright_axis:
        turned = [line for line in words if not line.upright]
        return next(iter(turned or (words if len(words) == 1 else [])), None)
    return next((line for line in words if line.upright and line.top >= lowest - 2), None)


def _category(text: str) -> str:
    """A category without the tick mark that the recogniser takes for a dash."""
    return re.sub(r"\s*[-–—_.]+$", "", fold(text)) or fold(text)


def _number_count(row: list[TextLine]) -> int:
    return sum(bool(_NUMBER.match(line.text)) for line in row)


def _aligned_labels(lines: list[TextLine]) -> list[TextLine]:
    """The largest group of words that end at one x (the axis), from top to bottom."""
    best: list[TextLine] = []
    for line in (line for line in lines if not _VALUE.match(line.text)):
        same = [other for other in lines if abs(other.right - line.right) < 0.6 * line.height]
        best = max(best, same, key=len)
    return sorted(best, key=lambda line: line.y)


def _left_ticks(lines: list[TextLine]) -> list[TextLine]:
    """The numbers of an upright axis: those that end at the x of the leftmost number."""
    numbers = [line for line in lines if _NUMBER.match(line.text)]
    if not numbers:
        return []
    edge = min(numbers, key=lambda line: line.right)
    column = [line for line in numbers if abs(line.right - edge.right) < 0.8 * edge.height]
    return _ticks(column, lambda line: -line.y)


def _ticks(row: list[TextLine], position: Callable[[TextLine], float]) -> list[TextLine]:
    """The numbers of a row or column if they grow evenly with their position, as on an axis; else none."""
    numbers = sorted((line for line in row if _NUMBER.match(line.text)), key=position)
    if len(numbers) < 3:
        return []
    slopes = []
    for a, b in zip(numbers, numbers[1:], strict=False):
        step = position(b) - position(a)
        slopes.append((_value(b.text) - _value(a.text)) / step if step > 1 else 0.0)
    even = min(slopes) > 0 and max(slopes) <= 1.3 * min(slopes)
    return numbers if even else []


def _value(text: str) -> float:
    digits = re.sub(r"[^\d.]", "", text)
    return float(digits) * (-1 if text[0] in "−–-" else 1) if digits.count(".") <= 1 and digits != "." else 0.0
