"""Which files a source names: itself, what a folder holds, what a glob matches."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from taskcraft_core.errors import ConfigError

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def files_of(source: str, out: Path) -> Iterator[tuple[str, Path]]:
    """(uri, path) of the files of a source: itself, those in a folder (hidden ones left out), or a glob's.

    Whatever cannot be read, a link that leads nowhere for instance, is among them: it is rejected when it is read.
    What builds wrote into the output folder is not.

    Args:
        source: A file, folder or glob.
        out: The output folder.

    Raises:
        ConfigError: There is nothing of that name, or it lies in the output folder.
    """
    if not source.strip():
        raise ConfigError("A source is empty; give a file, a folder, a glob or a URL.")
    out = Path(os.path.realpath(out))
    if _within(source, out):
        raise ConfigError(f"{source}: a source cannot lie in the output folder {out}; name another output folder.")
    path = Path(source)
    if path.is_dir():
        yield from _named(_inside(path, out), path)
    elif os.path.lexists(path):
        yield well_formed(path.name), path
    elif glob.has_magic(source):
        yield from _matching(source, out)
    else:
        raise ConfigError(f"{source}: there is no such file, folder or URL.")


def unreadable(path: Path) -> str | None:
    """Why a path cannot be a document, or None if it is a file; reading a device or a pipe might never end.

    Raises:
        OSError: It cannot even be looked at.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "a link to a folder is not followed; name that folder as a source" if path.is_symlink() else (
            "the folder cannot be listed; allow reading it"
        )  # fmt: skip
    return None if stat.S_ISREG(mode) else "it is a pipe or a device, and no file"


def well_formed(text: str) -> str:
    """Text that can be stored and shown on a line: what is no Unicode, or would break the line, is escaped.

    A uri stands in the head of what a reading tool shows: with a line break in it, it could write lines of its own.
    """
    whole = text.encode("utf-8", "backslashreplace").decode()
    return _BREAKS.sub(lambda found: found[0].encode("unicode_escape").decode(), whole)


def _within(source: str, out: Path) -> bool:
    root = Path(os.path.realpath(source if os.path.lexists(source) else _fixed(source)))
    return root == out or out in root.parents


def _fixed(pattern: str) -> str:
    """The folder before the first wildcard of a glob."""
    return re.split(r"[*?\[]", pattern)[0].rpartition("/")[0]


def _inside(folder: Path, out: Path) -> list[Path]:
    """Everything in a folder but folders; of those, the ones that cannot be entered."""
    closed: list[str] = []
    found: list[Path] = []
    for top, inner, names in os.walk(folder, onerror=lambda error: closed.append(error.filename)):
        linked = [name for name in inner if Path(top, name).is_symlink()]
        inner[:] = [
            name for name in inner if not name.startswith(".") and os.path.realpath(Path(top, name)) != str(out)
        ]
        found += [Path(top, name) for name in (*names, *linked) if not name.startswith(".")]
    return sorted([*found, *map(Path, closed)])


def _matching(pattern: str, out: Path) -> Iterator[tuple[str, Path]]:
    """Files that a glob matches; the uri begins with the last folder before the first wildcard."""
    fixed = _fixed(pattern)
    root = Path(fixed) if fixed or not pattern.startswith("/") else Path("/")
    below = pattern[len(fixed) + 1 :] if fixed else pattern.lstrip("/")
    matches = sorted(path for path in root.glob(below) if not path.is_dir() and not _within(str(path.parent), out))
    if not matches:
        raise ConfigError(f"{pattern}: no file matches this pattern.")
    yield from _named(matches, root)


def _named(paths: Sequence[Path], root: Path) -> Iterator[tuple[str, Path]]:
    name = root.resolve().name
    for path in paths:
        yield well_formed("/".join([*([name] if name else []), *path.relative_to(root).parts])), path
