"""What an estimate takes from the shards that are there."""

import os
from pathlib import Path

import pytest

import flows.estimating
from flows.estimating import measured
from taskcraft_core.calls.journal import CostLine
from taskcraft_core.shards import Reference
from tasks.manifest import read_manifest, write_manifest

LINE = CostLine("generate", "author", "some-model", "chat", 20, 2_000, 200, 0.1, 0, 5.0)


def manifest(out: Path, age: int, *rows: int) -> Path:
    """A manifest of the authored questions, of shards with so many rows; made so many seconds before the newest."""
    shards = [
        Reference(path=f"work/generate/{age}-{at}.parquet", rows=count, sha256="1") for at, count in enumerate(rows)
    ]
    path = out / write_manifest(out, "generate", shards)
    os.utime(path, (1_000 - age, 1_000 - age))
    return path


def damage(path: Path) -> None:
    made = path.stat().st_mtime
    path.write_text("[{", encoding="utf-8")
    os.utime(path, (made, made))


def questions(out: Path) -> float | None:
    """Questions a document, of ten documents."""
    return measured(out, [LINE], 10).rates.get("questions a document")


def test_the_newest_manifest_of_several_shards_counts(tmp_path: Path) -> None:
    manifest(tmp_path, 30, 100, 100)
    manifest(tmp_path, 20, 20, 30)
    manifest(tmp_path, 10, 7)  # a file of the user's own tasks
    assert questions(tmp_path) == 5.0


def test_without_one_of_several_the_newest_counts(tmp_path: Path) -> None:
    manifest(tmp_path, 20, 100)
    manifest(tmp_path, 10, 70)
    assert questions(tmp_path) == 7.0


@pytest.mark.parametrize(("damaged", "left"), [(0, 6.0), (1, 5.0), (2, 5.0)])
def test_one_that_cannot_be_read_is_passed_over(tmp_path: Path, damaged: int, left: float) -> None:
    made = [manifest(tmp_path, 10, 20, 30), manifest(tmp_path, 20, 30, 30), manifest(tmp_path, 30, 40, 30)]
    damage(made[damaged])
    assert questions(tmp_path) == left


def test_none_that_can_be_read_is_none(tmp_path: Path) -> None:
    assert questions(tmp_path) is None
    damage(manifest(tmp_path, 10, 20, 30))
    assert questions(tmp_path) is None


def test_older_ones_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(out: Path, name: str) -> list[Reference]:
        read.append(name)
        return read_manifest(out, name)

    monkeypatch.setattr(flows.estimating, "read_manifest", counted)
    newest = [manifest(tmp_path, age, age, age) for age in range(10, 60, 10)][0]
    assert questions(tmp_path) == 2.0
    assert read == [newest.relative_to(tmp_path).as_posix()]
