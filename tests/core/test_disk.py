"""What is wrong with a disk, as one sentence that says what to do."""

import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from taskcraft_core.disk import writing
from taskcraft_core.errors import ConfigError, StorageError
from taskcraft_core.sqlite_files import explained


def test_an_error_without_a_number_is_told_in_its_own_words() -> None:
    with pytest.raises(StorageError) as caught, writing(Path("out/work")):
        raise OSError("the mount\nis stale.")
    assert str(caught.value).startswith("out/work: it cannot be written (the mount is stale); mend that, then run")
    with pytest.raises(StorageError, match="no reason is given"), writing(Path("out/work")):
        raise OSError


@pytest.mark.parametrize(
    ("code", "free", "error", "says"),
    [
        (sqlite3.SQLITE_IOERR_SHMSIZE, 4, StorageError, "the disk is full; free some space, then run the same again"),
        (sqlite3.SQLITE_CANTOPEN, 0, StorageError, "the disk is full; free some space"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, 10_000, ConfigError, "cannot be used as the journal: disk I/O error"),
        (sqlite3.SQLITE_BUSY, 0, ConfigError, "cannot be used as the journal"),
    ],
)
def test_what_sqlite_cannot_write_on_a_full_disk_is_said_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, free: int, error: type[Exception], says: str
) -> None:
    found = SimpleNamespace(f_bavail=free, f_frsize=4096, f_files=0, f_favail=0)
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    raised = sqlite3.OperationalError("disk I/O error")
    raised.sqlite_errorcode = code
    with pytest.raises(error, match=says), explained(tmp_path / "j.sqlite", "delete it"):
        raise raised
