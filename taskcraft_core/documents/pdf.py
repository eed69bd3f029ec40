"""Reads PDF files: text by page with its sections, ruled tables, captions and embedded figures."""

from __future__ import annotations

import io
import re
from collections import Counter
from typing import Any, Final

from taskcraft_core.documents.draft import Draft, Hints
from taskcraft_core.documents.hygiene import fold, readable_name
from taskcraft_core.documents.pdf_blocks import add_page, heading_size, without_running_lines
from taskcraft_core.documents.pdf_figures import Raster, as_embedded, rasters
from taskcraft_core.documents.pdf_lines import Line, RuledTable, page_lines, ruled_tables
from taskcraft_core.errors import DocumentError
from taskcraft_core.models import Reason

MAX_BYTES: Final = 50_000_000
MAX_PAGES: Final = 300
MAX_CHARS: Final = 5_000_000
MAX_PAGE_CHARS: Final = 400_000
MAX_RULED_PAGES: Final = 40
"""Pages whose ruling lines are followed: a hundred times slower than reading text."""

_PATHS_OF_A_TABLE: Final = range(3, 1500)
_NO_TITLE = re.compile(
    r"^\W*(untitled|anonymous|document\d*|microsoft word.*|.*\.(docx?|tex|indd|pdf|dvi|pptx?))\W*$", re.I
)


def read_pdf(data: bytes, uri: str, hints: Hints) -> Draft:
    """Reads a PDF file.

    Raises:
        DocumentError: TOO_LARGE, TRUNCATED, PASSWORD, PARSE_FAILED.
    """
    if len(data) > MAX_BYTES:
        raise DocumentError(Reason.TOO_LARGE, f"{uri}: the PDF is over {MAX_BYTES // 10**6} MB; split it.")
    if b"%%EOF" not in data[-2048:]:
        raise DocumentError(Reason.TRUNCATED, f"{uri}: the PDF breaks off before its end; fetch it again.")
    pdf = _open(data, uri)
    try:
        return _read(pdf, data, uri, hints)
    finally:
        pdf.close()


def _open(data: bytes, uri: str) -> Any:
    import pypdfium2 as pdfium

    try:
        pdf = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise DocumentError(Reason.PASSWORD, f"{uri}: the PDF asks for a password; unlock it first.") from None
        raise DocumentError(Reason.PARSE_FAILED, f"{uri}: cannot be opened as a PDF: {error}") from None
    if len(pdf) > MAX_PAGES:
        raise DocumentError(Reason.TOO_LARGE, f"{uri}: the PDF has more than {MAX_PAGES} pages; split it.")
    return pdf


def _read(pdf: Any, data: bytes, uri: str, hints: Hints) -> Draft:
    pages, found, ruled = _pages(pdf, uri)
    tables = _tables(data, ruled)
    taken = as_embedded(found, uri, hints.max_figures)
    body_size = _body_size(pages)
    draft = Draft(
        title=fold(hints.title) or _metadata_title(pdf) or _largest_text(pages, body_size) or readable_name(uri)
    )
    sizes = heading_size(body_size)
    for number, lines in enumerate(without_running_lines(pages), start=1):
        draft.page = number
        figures = [(raster, embedded) for raster, embedded in taken if raster.page == number]
        add_page(draft, lines, tables.get(number, []), figures, sizes)
    draft.figures = [embedded for _, embedded in taken]
    return draft


def _pages(pdf: Any, uri: str) -> tuple[list[list[Line]], list[Raster], list[int]]:
    """The lines of each page, all raster figures, and the numbers of the pages that have ruling lines."""
    import pypdfium2.raw as raw

    pages, found, ruled, chars = [], [], [], 0
    for number, page in enumerate(pdf, start=1):
        textpage = page.get_textpage()
        chars += textpage.count_chars()
        if chars > MAX_CHARS or textpage.count_chars() > MAX_PAGE_CHARS:
            raise DocumentError(Reason.TOO_LARGE, f"{uri}: the PDF holds too much text to read; split it.")
        pages.append(page_lines(textpage, page.get_height()))
        kinds = Counter(obj.type for obj in page.get_objects(max_depth=3))
        if kinds[raw.FPDF_PAGEOBJ_PATH] in _PATHS_OF_A_TABLE:
            ruled.append(number)
        if kinds[raw.FPDF_PAGEOBJ_IMAGE]:
            found += rasters(page, number)
        textpage.close()
        page.close()
    return pages, found, ruled


def _tables(data: bytes, ruled: list[int]) -> dict[int, list[RuledTable]]:
    if not ruled:
        return {}
    import pdfplumber

    with pdfplumber.open(io.BytesIO(data)) as pdf:
        tables = {}
        for number in ruled[:MAX_RULED_PAGES]:
            page = pdf.pages[number - 1]
            tables[number] = ruled_tables(page)
            page.close()
        return tables


def _body_size(pages: list[list[Line]]) -> float:
    """The height of the running text: the height that most characters have."""
    weights: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            weights[round(line.size, 1)] += len(line.text)
    return min((-weight, size) for size, weight in weights.items())[1] if weights else 10.0


def _metadata_title(pdf: Any) -> str:
    title = fold(pdf.get_metadata_dict().get("Title") or "")
    return "" if len(title) < 4 or len(title) > 200 or _NO_TITLE.match(title) else title


def _largest_text(pages: list[list[Line]], body_size: float) -> str:
    """The largest text of the first page, up to three lines of it; "" if nothing is larger than the rest."""
    lines = [line for line in pages[0] if re.search(r"[^\W\d_]", line.text)] if pages else []
    if not lines:
        return ""
    size = max(line.size for line in lines)
    top = [line for line in lines if line.size >= size * 0.97]
    if size < body_size * 1.1:
        top = lines[:1]
    title = fold(" ".join(line.text for line in top[:3]))
    return title if len(title) <= 200 else ""
