"""Text lines of an image with their positions. Heavy: imported and run in the image worker only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

LONGEST_SIDE = 1800
"""Images are shrunk to this side (pixels) first: memory and time grow with the area, reading hardly improves."""

_LEAST_SCORE = 0.55
_REC_HEIGHT = 48
_REC_STEP = 8
"""The recogniser sees a line 48 pixels high and takes a step every 8 pixels."""

_LETTER_GAP, _WORD_GAP, _DIGIT_GAP, _WIDE_GAP = 0.03, 0.19, 0.3, 0.5
"""Blanks as shares of the line's height: between letters, between words, between digits, certainly a space."""

_ZOOM = 3
_MONO_LETTERS = 5


@dataclass(frozen=True)
class TextLine:
    """A recognised line and its bounding box in pixels; `upright` is False for text that runs upwards."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    upright: bool = True

    @property
    def x(self) -> float:
        """The horizontal centre."""
        return (self.left + self.right) / 2

    @property
    def y(self) -> float:
        """The vertical centre."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """The height of the line."""
        return self.bottom - self.top

    @property
    def width(self) -> float:
        """The width of the line."""
        return self.right - self.left


def read_lines(pixels: Any) -> list[TextLine]:
    """Finds and reads the text lines of an image.

    Args:
        pixels: A numpy array, height x width x 3, in BGR order, no longer than `LONGEST_SIDE`.

    Returns:
        The lines from top to bottom, left to right.
    """
    engine = _engine()
    boxes, _ = engine.auto_text_det(pixels)
    lines = [_read(engine, pixels, box) for box in (() if boxes is None else boxes)]
    found = [line for line in lines if line is not None]
    return sorted(found, key=lambda line: (line.top, line.left))


@cache
def _engine() -> Any:
    """One recogniser: single lines, one thread; longer batches and more threads cost memory and gain little."""
    import cv2
    from rapidocr_onnxruntime import RapidOCR

    cv2.setNumThreads(1)
    return RapidOCR(
        det_limit_side_len=960, det_limit_type="max", rec_batch_num=1, cls_batch_num=1,
        intra_op_num_threads=1, inter_op_num_threads=1, use_cls=False,
    )  # fmt: skip


def _read(engine: Any, pixels: Any, box: Any) -> TextLine | None:
    """Reads one detected box; a tall box is an axis title, which runs upwards."""
    import numpy as np

    left, top = box.min(axis=0)
    right, bottom = box.max(axis=0)
    crop = engine.get_crop_img_list(pixels, [box.astype(np.float32)])[0]
    upright = bool((bottom - top) < 1.5 * (right - left))
    if not upright:
        crop = np.rot90(crop, 2)
    if min(crop.shape[:2]) < 4:
        return None
    text, score, detail = engine.text_rec([np.ascontiguousarray(crop)], True)[0][0]
    if score < _LEAST_SCORE or not text.strip():
        return None
    text = _with_spaces(text, _columns(detail, crop), crop)
    return TextLine(text, float(left), float(top), float(right), float(bottom), upright)


def _columns(detail: list[Any], crop: Any) -> list[float]:
    """Where each character stands in the crop (x in pixels), from the recogniser's time steps."""
    scale = crop.shape[0] / _REC_HEIGHT
    return [(step + 0.5) * _REC_STEP * scale for group in detail[2] for step in group]


def _with_spaces(text: str, columns: list[float], crop: Any) -> str:
    """Puts back the spaces that the recogniser drops: a wide blank in the pixels between two characters."""
    if len(columns) != len(text) or len(text) < 2:
        return text
    height = float(crop.shape[0])
    wide: dict[int, float] = {}
    for start, end in _word_blanks(_ink_runs(crop), height):
        at = _boundary((start + end) / 2, columns)
        wide[at] = max(wide.get(at, 0.0), end - start)
    pieces = [text[0]]
    for i, after in enumerate(text[1:], start=1):
        needed = _DIGIT_GAP * height if (text[i - 1] + after).isdigit() else 0.0
        in_number = text[i - 1] in ".," and after.isdigit() and text[: i - 1][-1:].isdigit()
        spaced = i in wide and wide[i] >= needed and not in_number and not _sticks(text[i - 1], after)
        pieces.append(f" {after}" if spaced else after)
    return " ".join("".join(pieces).split())


def _boundary(x: float, columns: list[float]) -> int:
    """Before which character a blank at x stands (0: before the first, len: after the last)."""
    pitch = (columns[-1] - columns[0]) / max(len(columns) - 1, 1)
    middles = [(a + b) / 2 for a, b in zip(columns, columns[1:], strict=False)]
    edges = [columns[0] - pitch / 2, *middles, columns[-1] + pitch / 2]
    return min(range(len(edges)), key=lambda i: abs(edges[i] - x))


def _word_blanks(runs: list[tuple[float, float]], height: float) -> list[tuple[float, float]]:
    """The blanks (start, end) between words, given the runs of ink (start, end) of a line.

    In a typewriter's type all letters have one pitch, so there a word begins where a letter seems to be missing;
    in any other type the blank itself is wide.
    """
    blanks = [(a[1], b[0]) for a, b in zip(runs, runs[1:], strict=False)]
    pitches = [(b[0] + b[1] - a[0] - a[1]) / 2 for a, b in zip(runs, runs[1:], strict=False)]
    if len(pitches) >= _MONO_LETTERS:
        pitch = sorted(pitches)[len(pitches) // 2]
        even = sum(min(abs(p - pitch), abs(p - 2 * pitch)) <= 0.25 * pitch for p in pitches)
        if even >= 0.85 * len(pitches):
            apart = zip(blanks, pitches, strict=True)
            return [b for b, p in apart if p > 1.5 * pitch and b[1] - b[0] > _WORD_GAP * height]
    least = _word_gap([end - start for start, end in blanks], height)
    return [blank for blank in blanks if blank[1] - blank[0] >= least]


def _word_gap(gaps: list[float], height: float) -> float:
    """The least blank that parts words: the middle of the largest jump between the line's own gaps."""
    inside = sorted(gap for gap in gaps if _LETTER_GAP * height <= gap <= _WIDE_GAP * height)
    jumps = [(b - a, (a + b) / 2) for a, b in zip(inside, inside[1:], strict=False)]
    jump, middle = max(jumps, default=(0.0, 0.0))
    return max(middle, 0.14 * height) if jump >= 0.07 * height else _WORD_GAP * height


def _sticks(before: str, after: str) -> bool:
    """Whether no space belongs between two characters: ideographs, or punctuation that leans on a word."""
    return before == " " or after in " ,.;:!?)%" or before == "(" or max(before, after) >= "\u3000"


def _ink_runs(crop: Any) -> list[tuple[float, float]]:
    """Runs of columns that hold ink (start, end, in pixels of the crop)."""
    import cv2
    import numpy as np

    gray = cv2.resize(crop.mean(axis=2), None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC)
    away = np.abs(gray - np.median(gray))
    inked = (away > max(30.0, float(away.max()) * 0.4)).any(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], inked.astype(np.int8), [0]))))
    return [(int(a) / _ZOOM, int(b) / _ZOOM) for a, b in zip(edges[::2], edges[1::2], strict=True)]
