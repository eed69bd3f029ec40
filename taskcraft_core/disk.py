"""What the file system says when something is written, as one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taskcraft_core.errors import StorageError

FULL = "the disk is full; free some space"
REMEDIES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: "the quota of the disk is used up; free some space, or raise it",
    errno.EROFS: "it lies on a disk that may only be read; make it writable",
    errno.EACCES: "it may not be written to; allow it",
    errno.EPERM: "it may not be written to; allow it",
}
GO_ON = "then run the same again: what is finished is kept, and nothing is paid for twice"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translates what goes wrong with a file or folder that is written.

    Args:
        path: Named where the system names none.

    Raises:
        StorageError: What is wrong, and what to do.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(storage_fault(error, path)) from error


def storage_fault(error: OSError, path: Path) -> str:
    """What is wrong with a file that could not be written, and what to do, in one sentence."""
    number = error.errno or 0
    remedy = REMEDIES.get(number) or f"it cannot be written ({os.strerror(number) if number else error}); mend that"
    return f"{path}: {remedy}, {GO_ON}."
