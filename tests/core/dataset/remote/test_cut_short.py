"""Writing back is cut short after every single file: what lies there can be read, and the next machine goes on."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.releases import release, release_sound
from taskcraft_core.dataset.remote.files import Remote
from taskcraft_core.dataset.remote.mirror import pull, push
from taskcraft_core.dataset.store import publish, read_dataset
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Document
from taskcraft_core.shards import write_result


class Cut(Remote):
    """A store that takes so many files and then none."""

    def __init__(self, url: str, most: int) -> None:
        super().__init__(url)
        self._left = most
        self._lock = threading.Lock()

    def put(self, source: Path, name: str) -> None:
        self._take()
        super().put(source, name)

    def put_new(self, source: Path, name: str) -> bool:
        self._take()
        return super().put_new(source, name)

    def _take(self) -> None:
        with self._lock:
            if self._left == 0:
                raise TaskCraftError("cut short")
            self._left -= 1


def build(out: Path, world: Any, version: int) -> None:
    """What a build leaves: a shard, a version and its release. The second version has another row of each kind."""
    write_result(out, "ingest", f"{version:032x}", [], Document, [])
    rows = world.rows if version == 1 else [replace_hash(row) for row in world.rows]
    assert publish(rows, out, {"n": str(version)}).version == version
    release(out, version, BuildConfig(), "0.1.0", {})


def replace_hash(row: Any) -> Any:
    return row.model_copy(update={"question": f"Really: {row.question}", "row_hash": row.row_hash[::-1]})


def check_readable(out: Path) -> None:
    """Everything that is pointed at is there: rejections beside shards, data of commits, files of manifests."""
    for shard in out.glob("work/*/*.parquet"):
        assert shard.with_suffix("").with_suffix(".rejected.parquet").exists()
    commits = sorted(out.glob("dataset/_delta_log/*.json"))
    assert [int(path.stem) for path in commits] == list(range(len(commits)))
    for action in (json.loads(line) for path in commits for line in path.read_text().splitlines()):
        if "add" in action:
            assert (out / "dataset" / action["add"]["path"]).exists()
    for number in range(1, len(commits)):
        assert read_dataset(out, number).num_rows == 5
    for folder in out.glob("releases/v*"):
        assert int(folder.name[1:]) < len(commits)
        assert release_sound(folder) or not (folder / "manifest.json").exists()


@pytest.fixture
def at_each_cut(tmp_path: Path, world: Any) -> list[int]:
    """How many files the second build writes, as numbers of files after which it may be cut short."""
    remote, copy = Remote(f"file://{tmp_path}/counted"), tmp_path / "counting" / "copy"
    build(copy, world, 1)
    push(remote, copy)
    build(copy, world, 2)
    return list(range(push(remote, copy)))


def test_whatever_arrived_can_be_read_and_the_next_machine_goes_on(
    tmp_path: Path, world: Any, at_each_cut: list[int]
) -> None:
    assert len(at_each_cut) > 5
    for most in at_each_cut:
        there = tmp_path / f"remote-{most}"
        url, copy = f"file://{there}", tmp_path / f"one-{most}" / "copy"
        build(copy, world, 1)
        push(Remote(url), copy)
        build(copy, world, 2)
        with pytest.raises(TaskCraftError, match="cut short"):
            push(Cut(url, most), copy)
        check_readable(there)
        other = tmp_path / f"other-{most}" / "copy"
        pull(Remote(url), other)
        assert publish([replace_hash(row) for row in world.rows], other, {"n": "2"}).version == 2
        release(other, 2, BuildConfig(), "0.1.0", {})
        push(Remote(url), other)
        check_readable(there)
        assert release_sound(there / "releases" / "v2")
        pull(Remote(url), copy)
        check_readable(copy)
        assert read_dataset(copy).equals(read_dataset(there))


def test_the_same_machine_writes_the_rest(tmp_path: Path, world: Any, at_each_cut: list[int]) -> None:
    for most in at_each_cut:
        there, copy = tmp_path / f"remote-{most}", tmp_path / f"one-{most}" / "copy"
        remote = Remote(f"file://{there}")
        build(copy, world, 1)
        push(remote, copy)
        build(copy, world, 2)
        with pytest.raises(TaskCraftError, match="cut short"):
            push(Cut(remote.url, most), copy)
        pull(remote, copy)
        push(remote, copy)
        check_readable(there)
        assert release_sound(there / "releases" / "v2") and read_dataset(there).num_rows == 5
