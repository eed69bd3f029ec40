"""The bytes of every document, in `documents/`, named by their hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from taskcraft_core.disk import writing


def store(data: bytes, folder: Path) -> str:
    """Keeps bytes under their sha256 (hex), which is returned; written aside first, so a file is whole or absent.

    Raises:
        StorageError: They cannot be written.
    """
    digest = hashlib.sha256(data).hexdigest()
    target = folder / digest
    with writing(target):
        if not target.exists() or target.stat().st_size != len(data):
            folder.mkdir(parents=True, exist_ok=True)
            _write_aside(target, data)
    return digest


def _write_aside(target: Path, data: bytes) -> None:
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        aside.write_bytes(data)
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
