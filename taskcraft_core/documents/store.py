"""The bytes of every document, in `documents/`, named by their hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

from taskcraft_core.disk import write_whole, writing


def store(data: bytes, folder: Path) -> str:
    """Keeps bytes under their sha256 (hex), which is returned; written aside first, so a file is whole or absent.

    Raises:
        StorageError: They cannot be written.
    """
    digest = hashlib.sha256(data).hexdigest()
    target = folder / digest
    with writing(target):
        there = target.exists() and target.stat().st_size == len(data)
    if not there:
        write_whole(target, data)
    return digest
