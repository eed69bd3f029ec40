"""One writer at a time to a Delta table on this machine, and the files that killed writers left in it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from taskcraft_core.disk import writing
from taskcraft_core.errors import TaskCraftError


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Waits until no other process writes to the folder, and keeps others waiting meanwhile.

    The lock is on the folder itself and belongs to the open handle, so a killed process leaves none behind.

    Raises:
        StorageError: The folder cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sweep_orphans(folder: Path) -> int:
    """Removes Parquet files of a Delta table that no commit names; returns how many.

    A writer that was killed before its commit leaves them, and vacuuming does not find them. Only safe for
    the sole writer. The log must be complete: our tables keep it for ever.
    """
    log = folder / "_delta_log"
    if not (log / f"{0:020}.json").exists():
        return 0
    named = named_files(folder)
    orphans = [
        path
        for path in folder.rglob("*.parquet")
        if log not in path.parents and path.relative_to(folder).as_posix() not in named
    ]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def named_files(folder: Path) -> set[str]:
    """The data files of a Delta table, by their path in its folder, that a commit in its log names.

    Raises:
        TaskCraftError: A commit is damaged.
    """
    return {name for commit in (folder / "_delta_log").glob("*.json") for name in _named(commit)}


def _named(commit: Path) -> Iterator[str]:
    """The files that a commit adds or records changes in."""
    try:
        actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise TaskCraftError(f"{commit}: is damaged ({error}); bring it back from a copy of the dataset.") from None
    for action in actions:
        for kind in ("add", "cdc", "remove"):
            if kind in action:
                yield unquote(action[kind]["path"])
