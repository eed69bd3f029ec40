"""Raster figures inside PDF files, taken out as PNG."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any, Final

from taskcraft_core.documents.draft import Embedded

MIN_WIDTH: Final = 200
MIN_HEIGHT: Final = 150
MAX_PIXELS: Final = 50_000_000


@dataclass(frozen=True)
class Raster:
    """A picture on a page: its place there (points from the top) and its pixels as PNG."""

    page: int
    top: float
    bottom: float
    pixels: int
    png: bytes


def rasters(page: Any, number: int) -> list[Raster]:
    """The pictures of a page that are large enough to show something, and not too large to decode."""
    import pypdfium2.raw as raw

    height = page.get_height()
    found = []
    for image in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        width_px, height_px = image.get_px_size()
        if width_px < MIN_WIDTH or height_px < MIN_HEIGHT or width_px * height_px > MAX_PIXELS:
            continue
        _, bottom, _, top = image.get_bounds()
        png = _png(image)
        if png:
            found.append(Raster(number, height - top, height - bottom, width_px * height_px, png))
    return found


def _png(image: Any) -> bytes:
    """The picture as PNG; "" for a filter that pdfium cannot decode."""
    import pypdfium2 as pdfium

    try:
        picture = image.get_bitmap().to_pil().convert("RGB")
    except (pdfium.PdfiumError, ValueError, OSError):
        return b""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=6)
    return out.getvalue()


def as_embedded(found: list[Raster], uri: str, most: int) -> list[tuple[Raster, Embedded]]:
    """The largest different figures as documents to be, in page order, named by page and number on the page."""
    largest: dict[bytes, Raster] = {}
    for raster in sorted(found, key=lambda r: (-r.pixels, r.page, r.top)):
        largest.setdefault(raster.png, raster)
    chosen = sorted(list(largest.values())[:most], key=lambda r: (r.page, r.top, r.png))
    named: list[tuple[Raster, Embedded]] = []
    on_page: dict[int, int] = {}
    for raster in chosen:
        on_page[raster.page] = number = on_page.get(raster.page, 0) + 1
        digest = hashlib.sha256(raster.png).hexdigest()
        named.append((raster, Embedded(digest, f"{uri}#page={raster.page}&figure={number}", "", raster.png)))
    return named
