"""Reads images: text with positions, and from the positions charts, boxes, tables and paragraphs."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any, Final

from taskcraft_core.documents.chart import read_chart
from taskcraft_core.documents.draft import Draft, Hints
from taskcraft_core.documents.grid import rows_of, take_grids
from taskcraft_core.documents.hygiene import fold, readable_name
from taskcraft_core.documents.layout import label_value
from taskcraft_core.documents.ocr import LONGEST_SIDE, TextLine, read_lines
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Box, Reason, Table

MAX_PIXELS: Final = 50_000_000


def read_image(data: bytes, uri: str, hints: Hints) -> Draft:
    """Reads an image.

    Raises:
        DocumentError: TOO_LARGE, TRUNCATED, PARSE_FAILED.
    """
    lines = read_lines(_pixels(data, uri))
    title = _title(lines)
    draft = Draft(title=fold(hints.title) or (fold(title.text) if title else "") or readable_name(uri))
    rest = [line for line in lines if line is not title]
    chart = read_chart(rest)
    if chart:
        caption = ": ".join(part for part in (title.text if title else "", chart.axis_title) if part)
        draft.add(Box, caption=fold(caption), entries=chart.entries)
        rest = [line for line in rest if line not in chart.used]
    _add_text(draft, rest)
    if title and not draft.blocks:
        draft.lines([fold(title.text)])
    return draft


def _pixels(data: bytes, uri: str) -> Any:
    """The image in BGR, no larger than what the recogniser uses; decoding is bounded before it begins."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    too_large = DocumentError(
        Reason.TOO_LARGE, f"{uri}: the image has more than {MAX_PIXELS // 10**6} million pixels; scale it down."
    )
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            image.load()
            image = _on_white(image)
            image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise too_large from None
    except UnidentifiedImageError:
        raise DocumentError(Reason.PARSE_FAILED, f"{uri}: cannot be opened as an image.") from None
    except (OSError, SyntaxError, ValueError, IndexError, EOFError) as error:
        cut = any(word in str(error).lower() for word in ("truncated", "unexpected end", "broken", "not enough"))
        reason = Reason.TRUNCATED if cut or isinstance(error, EOFError) else Reason.PARSE_FAILED
        raise DocumentError(reason, f"{uri}: the image cannot be decoded: {error}.") from None
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _on_white(image: Any) -> Any:
    """RGB, with transparent parts white: charts are often drawn in black on nothing."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _title(lines: list[TextLine]) -> TextLine | None:
    """The topmost prominent line: in the upper part, of words, at least as high as most lines, first of its height."""
    upright = [line for line in lines if line.upright]
    words = [line for line in upright if len(re.findall(r"[^\W\d_]", line.text)) >= 3 and not label_value(line.text)]
    if not words:
        return None
    top, bottom = min(line.top for line in upright), max(line.bottom for line in upright)
    upper = [line for line in words if line.top <= top + 0.3 * (bottom - top)] or words[:1]
    heights = sorted(line.height for line in upright)
    median, tallest = heights[len(heights) // 2], max(line.height for line in upper)
    if tallest < 0.9 * median:
        return None
    return next(line for line in upper if line.height >= 0.85 * tallest)


def _add_text(draft: Draft, lines: list[TextLine]) -> None:
    """Boxes and tables where lines stand in a grid; else label-value lines, paragraphs and loose lines."""
    grids, rest = take_grids(lines)
    for grid in grids:
        if len(grid[0]) == 2 and not _names_columns(grid):
            draft.add(Box, entries=tuple((row[0].rstrip(":："), row[1]) for row in grid))
        else:
            draft.add(Table, header=grid[0], rows=tuple(grid[1:]))
    texts = [" ".join(fold(line.text) for line in row) for row in rows_of(rest)]
    pairs = tuple(pair for text in texts if (pair := label_value(text)))
    if len(pairs) > 1 and len({key for key, _ in pairs}) == len(pairs):
        draft.add(Box, entries=pairs)
        texts = [text for text in texts if not label_value(text)]
    _add_running(draft, texts)


def _names_columns(grid: list[tuple[str, ...]]) -> bool:
    """Whether the first row of two columns names them: words over a column of numbers."""
    below = [row[1] for row in grid[1:]]
    return not re.search(r"\d", grid[0][1]) and all(re.match(r"[^\w]*\d", cell) for cell in below)


def _add_running(draft: Draft, texts: list[str]) -> None:
    """Runs of long lines are paragraphs; what is left are loose lines."""
    if len(texts) > 1 and sum(len(text.split()) >= 5 for text in texts) >= 0.6 * len(texts):
        draft.passage(" ".join(texts))
    else:
        draft.lines(texts)
