"""The copy of a remote folder that builds work in: brought up to date before a build, written back after it.

Only what differs is copied, and what is pointed at before what points to it, so that the remote folder can be read at
any moment.

Machines that share a Prefect server take turns at an address. Where two write all the same, as with servers of their
own, the later cannot publish: a commit replaces none, and no data is deleted that another may be about to publish. It
makes its version again with its next build, on top of the other's.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from itertools import filterfalse
from pathlib import Path

from taskcraft_core.dataset.remote import changes
from taskcraft_core.dataset.remote.changes import Local, Notes, Same
from taskcraft_core.dataset.remote.files import Remote
from taskcraft_core.dataset.remote.order import before_commits, in_turns, is_commit, together
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.sqlite_files import connect, explained

SQLITE = ".sqlite"
_OVERTAKEN = "another machine has published there meanwhile; run the same again, and nothing is paid for twice."


def pull(remote: Remote, folder: Path, only: str = "") -> None:
    """Brings the copy up to date.

    Args:
        remote: The folder at an address.
        folder: The copy; it is made if it is missing.
        only: The beginning of the names that are wanted.

    Raises:
        TaskCraftError: The store does not answer, or it is empty and was not when it was last written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known, there, here = changes.read_notes(folder), remote.files(), changes.local_files(folder)
    if known and not there:
        raise TaskCraftError(
            f"{remote.url}: is empty, and was not when it was last written; where that is meant, delete the copy "
            f"in {folder.parent}."
        )
    overtaken = changes.published_there(known, there, here)
    for name in here.keys() - there.keys():
        if changes.goes(name, known.get(name), here[name], overtaken):
            (folder / name).unlink(missing_ok=True)
    same = {
        name: changes.agreed(name, known.get(name), version, here.get(name), overtaken)
        for name, version in there.items()
    }

    def fetch(name: str) -> None:
        for beside in (f"{name}-wal", f"{name}-shm"):
            (folder / beside).unlink(missing_ok=True)
        remote.get(name, folder / name)
        same[name] = Same(changes.local(folder / name), there[name])

    try:
        in_turns(fetch, [name for name, agreed in same.items() if agreed is None and name.startswith(only)])
    finally:
        changes.write_notes(folder, {name: agreed for name, agreed in same.items() if agreed is not None})


def push(remote: Remote, folder: Path) -> int:
    """Writes back what has changed in the copy; returns how many files.

    Raises:
        TaskCraftError: The store does not take it, and the next call writes what is missing; or somebody else has
            published since the copy was brought up to date, which makes ours void.
    """
    known = changes.read_notes(folder)
    for path in folder.glob(f"*{SQLITE}-wal"):
        _checkpoint(path.with_name(path.name.removesuffix("-wal")))
    here, named = changes.local_files(folder), changes.named_data(folder)
    sent: dict[str, int] = {}

    def send(name: str) -> None:
        with _at_rest(folder / name) as file:
            _put(remote, file, name)
            sent[name] = file.stat().st_size

    changed, gone = changes.to_send(known, here, named), changes.to_delete(known, here)
    if not changed and not gone:
        return 0
    try:
        in_turns(send, filter(before_commits, changed))
        if any(map(is_commit, changed)):
            together(send, changes.lacking(remote.files(), here, named))
        in_turns(send, filterfalse(before_commits, changed))
        together(remote.delete, gone)
    except BaseException:
        with suppress(TaskCraftError):
            _note_sent(remote, folder, known, here, sent)
        raise
    if lost := _note_sent(remote, folder, known, here, sent):
        raise TaskCraftError(f"{remote.url}: {lost[0]} is not what was written there, so {_OVERTAKEN}")
    return len(changed)


@contextmanager
def sole_user(folder: Path) -> Iterator[bool]:
    """Keeps other processes of this machine from the copy meanwhile.

    Args:
        folder: The copy; it is made if it is missing.

    Yields:
        Whether it is ours; nobody is waited for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        ours = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            ours = False
        yield ours
    finally:
        os.close(handle)


def _put(remote: Remote, file: Path, name: str) -> None:
    if not is_commit(name):
        remote.put(file, name)
    elif not remote.put_new(file, name) and not remote.same(file, name):
        raise TaskCraftError(f"{remote.url}: {_OVERTAKEN}")


def _note_sent(remote: Remote, folder: Path, known: Notes, here: dict[str, Local], sent: dict[str, int]) -> list[str]:
    """Notes what the store holds now of what was sent; returns what it does not hold."""
    there = remote.files()
    right = [name for name, size in sent.items() if name in there and there[name].size == size]
    kept = {name: one for name, one in known.items() if name in there}
    changes.write_notes(folder, kept | {name: Same(here[name], there[name]) for name in right})
    return sorted(sent.keys() - set(right))


@contextmanager
def _at_rest(path: Path) -> Iterator[Path]:
    """A file to be sent; of a database that others may be writing to, what it holds at this moment."""
    if path.suffix != SQLITE:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, _explained(path), closing(connect(path)) as database:
        snapshot = Path(folder, path.name)
        with closing(sqlite3.connect(snapshot)) as target:
            database.backup(target)
        yield snapshot


def _checkpoint(path: Path) -> None:
    """Moves what a killed process left beside a database into it."""
    with _explained(path), closing(connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _explained(path: Path) -> AbstractContextManager[None]:
    return explained(path, "delete it, and what it held is solved again")
