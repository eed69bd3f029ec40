"""The bytes of documents: whole or absent, whoever else keeps the same ones at the same time."""

import hashlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from taskcraft_core.documents.store import store
from taskcraft_core.errors import StorageError
from taskcraft_core.shards import sweep

DATA = b"a figure that two reports share" * 100

KILLED = """
import os, sys
from pathlib import Path
from taskcraft_core.documents.store import store
Path.replace = lambda path, target: os._exit(0)
store(b"half of a document", Path(sys.argv[1]))
"""


def test_two_that_store_the_same_in_containers_of_their_own_both_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes in two containers have the same number."""
    both_have_written, write = threading.Barrier(2), Path.write_bytes

    def together(path: Path, data: bytes) -> int:
        written = write(path, data)
        both_have_written.wait(timeout=20)
        return written

    monkeypatch.setattr(Path, "write_bytes", together)
    with ThreadPoolExecutor(2) as both:
        digests = set(both.map(lambda _: store(DATA, tmp_path), range(2)))
    assert digests == {hashlib.sha256(DATA).hexdigest()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(digests, DATA)


def test_what_a_killed_process_was_storing_is_swept(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "documents"], check=True, timeout=60)
    assert len(list((tmp_path / "documents").iterdir())) == 1
    assert sweep(tmp_path) == 1
    assert list((tmp_path / "documents").iterdir()) == []


def test_nothing_is_left_of_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match="the disk is full"):
        store(DATA, tmp_path)
    assert list(tmp_path.iterdir()) == []
