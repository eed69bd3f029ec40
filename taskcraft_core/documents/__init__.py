"""Documents: listing sources, parsing them in a sandbox, and showing them as text.

To add a type of document: one reader (bytes, uri, hints -> Draft), one line in `READERS`, and how to tell it in
`media.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from taskcraft_core.documents.draft import Draft, Hints
from taskcraft_core.documents.html import read_html
from taskcraft_core.documents.image import read_image
from taskcraft_core.documents.pdf import read_pdf
from taskcraft_core.documents.table import read_csv, read_json
from taskcraft_core.documents.text import read_markdown, read_plain
from taskcraft_core.models import MediaType

Reader = Callable[[bytes, str, Hints], Draft]

READERS: Final[Mapping[MediaType, Reader]] = {
    "text/html": read_html,
    "application/pdf": read_pdf,
    "image/png": read_image,
    "image/jpeg": read_image,
    "image/webp": read_image,
    "image/gif": read_image,
    "image/tiff": read_image,
    "image/bmp": read_image,
    "text/markdown": read_markdown,
    "text/plain": read_plain,
    "text/csv": read_csv,
    "text/tab-separated-values": read_csv,
    "application/json": read_json,
}
