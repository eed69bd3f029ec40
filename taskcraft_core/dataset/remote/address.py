"""Where a dataset may lie: in a folder, or at an address that fsspec knows, as in an object store.

Imports nothing heavy, for it is asked before a build begins.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from taskcraft_core.dataset.folder import check_folder, unusable_sign
from taskcraft_core.errors import ConfigError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
FOLDERS = ("file", "local")
_PASSING = ("http", "https", "memory", "data")
"""What fsspec knows and cannot keep anything: read-only, or gone with the process."""
_OURS = {"s3": "s3", "s3a": "s3"}
"""Protocols whose package is an extra of this one."""


def is_address(out: str) -> bool:
    """Whether it is a URL, and no path."""
    return _ADDRESS.match(out) is not None


def check_out(out: str, sources: Sequence[str] = ()) -> None:
    """Refuses an output folder or address that no dataset can lie in; asks no network.

    Args:
        out: A path or a URL; nothing need be there.
        sources: What the documents are read from, which must not be in the same place.

    Raises:
        ConfigError: A password or a query is in it, a sign is that cannot be, or its protocol cannot be used.
    """
    if not is_address(out):
        check_folder(Path(out))
        return
    protocol, place = out.split("://", 1)
    if ":" in place.rpartition("@")[0]:
        raise ConfigError("The address given as --out holds a password; leave it out, and set the store's environment.")
    if "?" in place or "#" in place:
        raise ConfigError("The address given as --out holds a ? or a #; give protocol, bucket and path alone.")
    sign = unusable_sign(place) or next((sign for sign in ("::", "..") if sign in place), None)
    if sign or not place.strip("/"):
        why = f"it holds {sign!r}" if sign else "it names no place"
        raise ConfigError(f"{out}: cannot be the output folder: {why}; choose another.")
    _check_protocol(out, protocol.lower())
    if protocol.lower() in FOLDERS:
        _check_apart(out, place, sources)


def whole(out: str) -> str:
    """The output folder as any process of this machine understands it: a URL as it is, a path from the root."""
    return out.rstrip("/") if is_address(out) else str(Path(out).absolute())


def copy_of(address: str, cache: Path | None) -> Path:
    """The folder on this machine that builds work in for an address.

    Args:
        address: What was given as --out.
        cache: Where copies are kept; None for the user's own cache.
    """
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "taskcraft"
    protocol, place = address.rstrip("/").split("://", 1)
    name = f"{protocol.lower()}://{place}"
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[-60:]
    return (cache or own).absolute() / f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _check_protocol(out: str, protocol: str) -> None:
    from fsspec.registry import get_filesystem_class, known_implementations

    if protocol in _PASSING:
        raise ConfigError(f"{out}: nothing can be kept at {protocol}://; give a folder, or s3://, gs:// or abfs://.")
    try:
        get_filesystem_class(protocol)
    except ImportError:
        install = f"pip install 'taskcraft[{_OURS[protocol]}]'" if protocol in _OURS else (
            str(known_implementations[protocol].get("err", "")).rstrip(".")
        )  # fmt: skip
        raise ConfigError(f"{out}: a package for {protocol}:// is not installed: {install}.") from None
    except ValueError:
        raise ConfigError(f"{out}: {protocol}:// is no storage that fsspec knows; s3, gs, abfs or file are.") from None


def _check_apart(out: str, place: str, sources: Sequence[str]) -> None:
    """A folder by its URL: what lies there would be taken for documents, for builds work in another place."""
    if not place.startswith("/"):
        raise ConfigError(f"{out}: is no whole path; write file:///folder, with three strokes.")
    folder = Path(place).resolve()
    for source in (one for one in sources if not is_address(one)):
        path = Path(source).resolve()
        if path.is_relative_to(folder) or (path.is_dir() and folder.is_relative_to(path)):
            raise ConfigError(f"{source}: a source and {out} cannot lie in one another; choose another --out.")
