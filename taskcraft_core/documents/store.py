"""The bytes of every document, in `documents/`, named by their hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def store(data: bytes, folder: Path) -> str:
    """Keeps bytes under their sha256 (hex), which is returned; written aside first, so a file is whole or absent."""
    digest = hashlib.sha256(data).hexdigest()
    target = folder / digest
    if not target.exists() or target.stat().st_size != len(data):
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{digest}.{os.getpid()}"
        aside.write_bytes(data)
        aside.replace(target)
    return digest
