"""A folder at an address: its files are listed, fetched, sent and deleted through fsspec.

Keys and endpoints come from where the store's own package looks for them (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL,
GOOGLE_APPLICATION_CREDENTIALS, …), never from an argument.
"""

from __future__ import annotations

import errno
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taskcraft_core.dataset.remote.address import FOLDERS
from taskcraft_core.disk import TEMPORARY
from taskcraft_core.errors import TaskCraftError

STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")
"""Where a file is there whole or not at all, and folders need not be made."""
_EXCLUSIVE = ("s3", "s3a", "gs", "gcs")
"""Where a file can be written on condition that it replaces none."""
_NOT_ABLE = (errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP)
"""What a store says that knows no conditions, as older ones that speak S3, or a file system that knows no links."""
_TOKENS = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "last_modified", "updated")
"""What stores call the thing that differs when a file does."""
_MARK = ".taskcraft"
_MARKED = b"Written by TaskCraft before each build, to learn in time whether it can be.\n"


@dataclass(frozen=True)
class Version:
    """What a listing tells of a file: two that are equal are taken for the same content."""

    size: int
    token: str


class Remote:
    """The files at an address, by their path below it.

    Args:
        url: Has passed `check_out`.

    Raises:
        TaskCraftError: From every method, when the store does not do what it is asked.
    """

    def __init__(self, url: str) -> None:
        """Opens nothing yet: the first question does."""
        from fsspec.core import url_to_fs

        self.url = url.rstrip("/")
        with self._told("opened"):
            self._fs, root = url_to_fs(self.url)
        self._root = root.rstrip("/")
        self._protocol = self.url.split("://")[0].lower()

    def files(self) -> dict[str, Version]:
        """What is there; hidden files, and what is not written to its end, left out."""
        with self._told("listed"):
            self._fs.invalidate_cache()
            found = self._fs.find(self._root, detail=True)
        names = {path.removeprefix(self._root).lstrip("/"): info for path, info in found.items()}
        return {
            name: _version(info)
            for name, info in names.items()
            if info["type"] == "file" and name and not any(part.startswith(".") for part in name.split("/"))
        }

    def prove_writable(self) -> None:
        """Writes a small hidden file: a build of an hour is not to end at a door that is shut."""
        with tempfile.NamedTemporaryFile() as file, self._told("written"):
            Path(file.name).write_bytes(_MARKED)
            self._put(file.name, f"{self._root}/{_MARK}")

    def get(self, name: str, target: Path) -> None:
        """Fetches a file: whole or not at all."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", suffix=TEMPORARY, delete=False) as file:
            aside = Path(file.name)
        try:
            with self._told("read"):
                self._fs.get_file(f"{self._root}/{name}", str(aside))
            aside.chmod(0o644)
            aside.replace(target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def put(self, source: Path, name: str) -> None:
        """Sends a file: whole or not at all."""
        with self._told("written"):
            self._put(str(source), f"{self._root}/{name}")

    def put_new(self, source: Path, name: str) -> bool:
        """Sends a file unless there is one of this name; returns whether there was none."""
        target = f"{self._root}/{name}"
        with self._told("written"):
            self._fs.invalidate_cache()
            if self._fs.exists(target):
                return False
            try:
                self._put_new(str(source), target)
            except FileExistsError:
                return False
            return True

    def same(self, source: Path, name: str) -> bool:
        """Whether the file of this name has the same content."""
        with self._told("read"):
            content: bytes = self._fs.cat_file(f"{self._root}/{name}")
        return content == source.read_bytes()

    def delete(self, name: str) -> None:
        """Deletes a file; one that is gone already is no fault."""
        with self._told("written"):
            try:
                self._fs.rm_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return

    def _put(self, source: str, target: str) -> None:
        if self._protocol in STORES:
            self._fs.put_file(source, target)
            return
        self._fs.mv(self._aside(source, target), target)

    def _aside(self, source: str, target: str) -> str:
        folder, _, last = target.rpartition("/")
        aside = f"{folder}/.{last}.{uuid.uuid4().hex[:8]}{TEMPORARY}"
        self._fs.makedirs(folder, exist_ok=True)
        try:
            self._fs.put_file(source, aside)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(aside)
            raise
        return aside

    def _put_new(self, source: str, target: str) -> None:
        """Sends a file; where the store itself can see to it that it replaces none, it does."""
        try:
            if self._protocol in _EXCLUSIVE:
                self._fs.put_file(source, target, mode="create")
            elif self._protocol in FOLDERS:
                self._link(source, target)
            else:
                self._put(source, target)
        except OSError as error:
            if error.errno not in _NOT_ABLE:
                raise
            self._put(source, target)

    def _link(self, source: str, target: str) -> None:
        aside = self._aside(source, target)
        try:
            self._fs.link(aside, target)
        finally:
            self._fs.rm_file(aside)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turns whatever a store's package raises into one sentence; there is no type that they share."""
        try:
            yield
        except TaskCraftError:
            raise
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise TaskCraftError(
                f"{self.url}: cannot be {what} ({lines[0].rstrip('.')}); check the address, the store's environment "
                "variables and what they allow."
            ) from error


def _version(info: dict[str, Any]) -> Version:
    token = next((str(info[name]) for name in _TOKENS if info.get(name) is not None), "")
    return Version(int(info["size"] or 0), token)
