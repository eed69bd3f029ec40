"""What the file system says when something is written, as one sentence."""

from __future__ import annotations

import errno
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from taskcraft_core.errors import StorageError

REMEDIES: Final = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the quota of the disk is used up; free some space, or raise it",
    errno.EROFS: "it lies on a disk that may only be read; make it writable",
    errno.EACCES: "it may not be written to; allow it",
    errno.EPERM: "it may not be written to; allow it",
}
TEMPORARY: Final = ".part"
"""Suffix of files that are being written; a leftover one belongs to a run that was killed."""
LEAST_ROOM: Final = 2**20
"""With less than this many bytes a disk counts as full: databases put files of their own beside what they write."""
GO_ON: Final = "then run the same again: what is finished is kept, and nothing is paid for twice"


_IN_WORDS = re.compile(r"\(os error (\d+)\)|Os \{ code: (\d+),")
"""How libraries written in Rust tell an error's number."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translates what goes wrong with a file or folder that is written.

    Args:
        path: The file or folder.

    Raises:
        StorageError: What is wrong, and what to do.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(storage_fault(error.errno, path, str(error))) from error


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file under a name of its own and renames it: it is there whole, or not at all.

    Unlike `shards.write_aside` it does not wait until the file is on the disk: what a power failure takes is noticed,
    and made again.

    Raises:
        StorageError: It cannot be written.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.write_bytes(data)
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


@contextmanager
def writing_table(folder: Path, *raised: type[Exception]) -> Iterator[None]:
    """The same for a library that writes a folder and has errors of its own; what is not the disk's fault stays.

    Args:
        folder: The folder.
        raised: What the library raises, besides OSError.

    Raises:
        StorageError: The disk is full, or may not be written to.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, *raised)):
            raise
        found = _IN_WORDS.search(str(error))
        number = int(found[1] or found[2]) if found else getattr(error, "errno", None)
        if number not in REMEDIES:
            raise
        raise StorageError(storage_fault(number, folder)) from error


def storage_fault(number: int | None, path: Path, told: str = "") -> str:
    """What is wrong with something that could not be written, and what to do: a sentence.

    Args:
        number: The error's number; libraries may raise errors that have none.
        path: What could not be written.
        told: What the error says itself, where it has no number.
    """
    why = os.strerror(number) if number else " ".join(told.split()).rstrip(".") or "no reason is given"
    remedy = REMEDIES.get(number or 0) or f"it cannot be written ({why}); mend that"
    return f"{path}: {remedy}, {GO_ON}."


def no_room(folder: Path) -> bool:
    """Whether the disk of a folder is full, or so nearly that nothing can be done on it."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < LEAST_ROOM or (found.f_files > 0 and found.f_favail == 0)
