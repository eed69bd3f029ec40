"""What has changed on either side since both were last the same, which is noted beside the copy.

What changed there is the truth. What changed here is work that was not written back yet, and stays, but for versions
of the dataset: where somebody else has published meanwhile, ours never were, and are made again from the work files.

Data files of a table are never deleted at the address, and never here because they are not there: the log alone tells
which of them are wanted, and another machine may be about to publish what it does not name yet.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from taskcraft_core.dataset.orphans import named_files
from taskcraft_core.dataset.remote.files import Version
from taskcraft_core.shards import write_aside

TABLES = ("dataset", "quarantine")
PUBLISHED = ("dataset/", "quarantine/", "releases/")
_DATA = re.compile(r"(dataset|quarantine)/(?!_delta_log/)")
_NAMED_BY_CONTENT = re.compile(rf"(documents|work)/|{_DATA.pattern}")
"""Files whose name says what is in them, or is never used twice: of equal size they are the same."""
_ONLY_HERE = re.compile(r"(^|/)\.|#|(^|/)journal\.sqlite|-(wal|shm)$|\.lock$")
"""Unfinished files and locks; and the journal of paid calls, which has to be where a crash cannot lose it."""
_MAY_GO = re.compile(r"(quality|report)/")
"""What builds delete on purpose: pages that are written anew."""


@dataclass(frozen=True)
class Local:
    """What tells of a file here whether it has changed."""

    size: int
    changed: int


@dataclass(frozen=True)
class Same:
    """What a file was like on both sides when they were the same."""

    here: Local
    there: Version


Notes = dict[str, Same]


def read_notes(folder: Path) -> Notes:
    """What was noted last; nothing where nothing, or nothing readable, was."""
    try:
        noted = json.loads(_notes_of(folder).read_text(encoding="utf-8"))
        return {name: Same(Local(*here), Version(*there)) for name, (here, there) in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_notes(folder: Path, notes: Notes) -> None:
    """Notes what both sides are like."""
    noted = {
        name: [[one.here.size, one.here.changed], [one.there.size, one.there.token]] for name, one in notes.items()
    }
    write_aside(_notes_of(folder), json.dumps(noted).encode())


def local_files(folder: Path) -> dict[str, Local]:
    """The files of the copy that have a place at the address."""
    found: dict[str, Local] = {}
    for parent, _, files in os.walk(folder):
        paths = [Path(parent, file) for file in files]
        names = {path.relative_to(folder).as_posix(): path for path in paths}
        found |= {name: local(path) for name, path in names.items() if not _ONLY_HERE.search(name)}
    return found


def local(path: Path) -> Local:
    """What a file here is like now."""
    found = path.stat()
    return Local(found.st_size, found.st_mtime_ns)


def published_there(known: Mapping[str, Same], there: Mapping[str, Version], here: Mapping[str, Local]) -> bool:
    """Whether somebody else has published since; data that no commit names yet are no sign of it."""

    def is_news(name: str) -> bool:
        if name not in there:
            return True
        return known.get(name, _NEVER).there != there[name] and not _adopted(name, there[name], here.get(name))

    return any(is_news(name) for name in {*known, *there} if name.startswith(PUBLISHED) and not _DATA.match(name))


def agreed(name: str, known: Same | None, there: Version, here: Local | None, overtaken: bool) -> Same | None:
    """What both sides were when they were the same, if the file here may stay; None if it has to be fetched.

    Args:
        name: Its name, the same on both sides.
        known: What was noted of it.
        there: What it is at the address.
        here: What it is here.
        overtaken: Whether somebody else has published since.
    """
    if here is None:
        return None
    if known is None or known.there != there:
        return Same(here, there) if _adopted(name, there, here) else None
    if here == known.here:
        return known
    damaged = _NAMED_BY_CONTENT.match(name) is not None and here.size != known.here.size
    return None if damaged or (overtaken and name.startswith(PUBLISHED)) else known


def goes(name: str, known: Same | None, here: Local, overtaken: bool) -> bool:
    """Whether a file leaves that is not at the address: it was deleted there, or its version never got there."""
    if _DATA.match(name):
        return False
    return (overtaken and name.startswith(PUBLISHED)) or (known is not None and known.here == here)


def named_data(folder: Path) -> set[str]:
    """The data files that the commits of the copy name."""
    return {f"{table}/{name}" for table in TABLES for name in named_files(folder / table)}


def to_send(known: Mapping[str, Same], here: Mapping[str, Local], named: Collection[str]) -> list[str]:
    """The files that are to be written back; of data, those that a commit names."""
    changed = (name for name, one in here.items() if name not in known or known[name].here != one)
    return [name for name in changed if name in named or not _DATA.match(name)]


def lacking(there: Mapping[str, Version], here: Mapping[str, Local], named: Collection[str]) -> list[str]:
    """The named data files that are not there as they are here."""
    return [name for name in named if name in here and (name not in there or there[name].size != here[name].size)]


def to_delete(known: Mapping[str, Same], here: Mapping[str, Local]) -> list[str]:
    """The files that a build has deleted here, as far as it does that on purpose."""
    return [name for name in known if name not in here and _MAY_GO.match(name)]


_NEVER = Same(Local(-1, 0), Version(-1, ""))


def _adopted(name: str, there: Version, here: Local | None) -> bool:
    return here is not None and here.size == there.size and _NAMED_BY_CONTENT.match(name) is not None


def _notes_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")
